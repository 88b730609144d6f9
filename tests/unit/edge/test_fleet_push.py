"""What fer-edge fleet push and withdraw print, and which settings the commands take."""

import re
from pathlib import Path

import pytest

pytest.importorskip("cryptography", reason="cryptography is not installed: extra [fleet]")

from fer_core.errors import FerError
from fer_edge.deployment.announcement import Announcement
from fer_edge.deployment.signing.keys import SigningKey
from fer_edge.fleet import cli
from fer_edge.fleet import push as publishing
from fer_edge.fleet.push import Pushed
from fer_edge.page.access import Access
from fer_edge.session import addresses
from fer_edge.session.config import EdgeConfig

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


FLEET_TOML = f'mqtt = "{MQTT}"\nserve = "127.0.0.1:8443"\nhttps = true\n'


@pytest.mark.parametrize(
    ("file", "serve", "https", "taken"),
    [
        (FLEET_TOML, "", False, ("127.0.0.1:8443", True)),
        (FLEET_TOML, "8091", False, ("8091", True)),
        (f'mqtt = "{MQTT}"\n', "", False, ("8090", False)),
        (f'mqtt = "{MQTT}"\n', "8091", True, ("8091", True)),
    ],
)
def test_what_is_not_given_is_as_the_settings_file_says(
    file: str,
    serve: str,
    https: bool,
    taken: tuple[str, bool],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def page_access(settings: EdgeConfig) -> Access:
        raise FerError(f"{(settings.serve, settings.https)}")

    monkeypatch.setattr(addresses, "page_access", page_access)
    (tmp_path / "fleet.toml").write_text(file)
    with pytest.raises(FerError, match=re.escape(str(taken))):
        cli.run(serve=serve, https=https, config=tmp_path / "fleet.toml")
