"""A running fer-edge of a fleet: it is shown, and takes a bundle that is published."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest

pytest.importorskip("paho.mqtt.enums", reason="paho-mqtt 2 is not installed: extra [mqtt]")
pytest.importorskip("cryptography", reason="cryptography is not installed: extra [fleet]")

from commands import call
from drawn_faces import draw_scene
from fer_core import __version__
from fer_core.bundle import ModelBundle
from fer_edge.fleet.fleet import Fleet
from fer_edge.fleet.listener import FleetListener
from fer_edge.outputs.mqtt.settings import MqttSettings
from mjpeg_server import MjpegServer
from mqtt_broker import Broker
from new_models import constant, renamed
from running_device import Runner, running, slow

pytestmark = [pytest.mark.device, pytest.mark.slow]
SHORT = (
    "from fer_edge.deployment import first_minute; first_minute.TRIAL_SECONDS = 2\n"
    "from fer_edge.outputs.mqtt import report; report.REPORT_SECONDS = 1.0\n"
)


@pytest.fixture(scope="module")
def camera() -> Iterator[MjpegServer]:
    """A camera with a face that sways."""
    scenes = [draw_scene("happy", x=200 + abs(step)) for step in range(-20, 20, 2)]
    jpegs = [cv2.imencode(".jpg", scene)[1].tobytes() for scene in scenes]
    with MjpegServer(jpegs, 1 / 15) as server:
        yield server


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(tmp_path)
    broker.start()
    try:
        yield broker
    finally:
        broker.end()


def device(fleet: Fleet) -> dict[str, Any]:
    """Return what is shown of the one device, with all of a report's keys."""
    rows = fleet.news()["devices"]
    assert len(rows) <= 1
    shown = {"state": "", "marks": [], "model": "", "trial": "", "why": "", "bundle": ["", ""]}
    return {**shown, **(rows[0] if rows else {})}


def settle(runner: Runner, fleet: Fleet, model: str, trial: str, bundle: str) -> dict[str, Any]:
    """Wait until the device runs a model, and tells what became of the newest ones."""

    def is_so() -> bool:
        now = device(fleet)
        return (now["model"].split()[:1], now["trial"], now["bundle"][0]) == (
            [model],
            trial,
            bundle,
        )

    runner.wait_until(is_so)
    return device(fleet)


def test_a_device_of_a_fleet_takes_what_is_signed_and_goes_back_from_what_is_slow(
    tmp_path: Path, broker: Broker, camera: MjpegServer, nano: ModelBundle
) -> None:
    url = f"mqtt://127.0.0.1:{broker.port}"
    line = call("fer-edge", "fleet", "key", "fleet.pem", cwd=tmp_path).stdout
    call("fer-edge", "fleet", "key", "theirs.pem", cwd=tmp_path)
    (tmp_path / "edge.toml").write_text(f'mqtt = "{url}"\nmqtt_name = "hall"\n{line}')
    for name, bundle in [
        ("mine", renamed(nano, "mine")),
        ("slow", renamed(nano, "slow", mark="")),
        ("constant", constant(nano)),
    ]:
        bundle.save(tmp_path / f"{name}.tflite")

    def push(name: str, *words: str, key: str = "fleet.pem", code: int = 0) -> str:
        words = (f"{name}.tflite", "--mqtt", url, "--key", key, *words)
        done = call("fer-edge", "fleet", "push", *words, cwd=tmp_path, code=code)
        return done.stdout + done.stderr

    fleet = Fleet()
    settings = MqttSettings("127.0.0.1", broker.port)
    words = ("--model", "fer-nano", "--config", "edge.toml")
    with FleetListener(settings, fleet):
        with running(camera, tmp_path, SHORT + slow("slow-int8"), *words) as runner:
            first = settle(runner, fleet, "fer-nano-int8", "kept", "")
            assert (first["state"], first["marks"], first["version"]) == ("alive", [], __version__)
            assert "the same answer" in push("constant", code=1)
            assert "which the broker knows 1 now" in push("mine")
            kept = settle(runner, fleet, "mine-int8", "kept", "taken")
            assert kept["marks"] == []
            push("slow", key="theirs.pem")
            refused = settle(runner, fleet, "mine-int8", "kept", "refused")
            assert "is not signed by the key" in refused["bundle"][1]
            assert refused["marks"] == ["wrong bundle"]
            assert "for hall\n" in push("slow", "--device", "hall")
            back = settle(runner, fleet, "mine-int8", "taken back", "taken")
            assert "times as long as the model before" in back["why"]
            assert back["marks"] == ["wrong bundle"]
            runner.end()
        runner_state = json.loads((tmp_path / "models" / "state.json").read_text())
        assert runner_state["running"]["facts"]["name"] == "mine-int8"
        with running(camera, tmp_path, SHORT, *words) as runner:  # it tries none again
            settle(runner, fleet, "mine-int8", "taken back", "taken")
            said = runner.end()
    assert "is taken" not in said
