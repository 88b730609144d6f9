"""What fer-edge fleet push and withdraw print."""

from pathlib import Path

import pytest

pytest.importorskip("cryptography", reason="cryptography is not installed: extra [fleet]")

from fer_edge.deployment.announcement import Announcement
from fer_edge.deployment.signing.keys import SigningKey
from fer_edge.fleet import cli
from fer_edge.fleet import push as publishing
from fer_edge.fleet.push import Pushed

MQTT = "mqtt://127.0.0.1:1"
NEXT = f"to see whether each device keeps it: fer-edge fleet --mqtt {MQTT}"


@pytest.mark.parametrize(
    ("device", "devices", "lines"),
    [
        ("hall", {"hall": ""}, ["for hall"]),
        ("hall", {}, ["for hall, of which the broker knows nothing yet"]),
        ("", {"hall": ""}, ["for all devices, of which the broker knows 1 now"]),
        (
            "hall",
            {"hall": "it takes no models: start it with --models FOLDER"},
            [
                "for hall",
                "hall will not take it: it takes no models: start it with --models FOLDER",
            ],
        ),
    ],
)
def test_push_says_what_is_published_for_whom_and_what_to_do_next(
    device: str,
    devices: dict[str, str],
    lines: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    announcement = Announcement("mine-int8", "9f92" * 16, "0" * 64, 1, device, 1)
    monkeypatch.setattr(publishing, "push", lambda *_: Pushed(announcement, devices))
    SigningKey.make(tmp_path / "fleet.pem")
    cli.push(Path("mine-int8.tflite"), tmp_path / "fleet.pem", MQTT, device)
    first, *rest = [*lines, NEXT]
    expected = [f"published mine-int8 {'9f92' * 3} {first}", *rest]
    assert capsys.readouterr().out.splitlines() == expected


@pytest.mark.parametrize(
    ("bundle", "device", "line"),
    [
        ("mine-int8", "", "mine-int8 for all devices is withdrawn"),
        ("mine-int8", "hall", "mine-int8 for hall is withdrawn"),
        ("", "", "nothing is published for all devices"),
    ],
)
def test_withdraw_says_what_is_withdrawn(
    bundle: str,
    device: str,
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(publishing, "withdraw", lambda *_: bundle)
    cli.withdraw(MQTT, device)
    assert capsys.readouterr().out == f"{line}\n"
