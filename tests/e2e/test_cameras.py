"""Several cameras in one run of fer-edge, as their users see them."""

import http.client
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import cv2
import pytest

from commands import command_path
from fer_edge.portrait import demo_portrait
from mjpeg_server import MjpegServer
from running_device import free_port

pytestmark = [pytest.mark.device]


def test_two_cameras_in_one_run(tmp_path: Path) -> None:
    _, jpeg = cv2.imencode(".jpg", demo_portrait())
    port = free_port()
    with MjpegServer([jpeg.tobytes()]) as door, MjpegServer([jpeg.tobytes()]) as desk:
        words = ["--camera", f"door={door.url}", "--camera", f"desk={desk.url}", "--no-show"]
        words += ["--serve", str(port), "--events", "events.jsonl", "--save", "seen"]
        running = subprocess.Popen(
            [command_path("fer-edge"), *words],
            cwd=tmp_path,
            env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        events = tmp_path / "events.jsonl"
        try:
            deadline = time.monotonic() + 60
            while not events.exists() or len(events.read_text().splitlines()) < 2:
                assert running.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
            healthy = asked(port, "/healthz")
            door.manner = "stall"
            while asked_state(port)["door"]["silent_seconds"] < 1:
                assert time.monotonic() < deadline
                time.sleep(0.2)  # each question is a viewer for a second
            before = asked_state(port)["desk"]["frames"]
            while asked_state(port)["desk"]["frames"] == before:
                assert time.monotonic() < deadline
                time.sleep(0.2)
        finally:
            running.send_signal(signal.SIGINT)
            said, warned = running.communicate(timeout=60)
    assert healthy.splitlines()[:2] == ["camera door: ok", "camera desk: ok"]
    told = [json.loads(line) for line in events.read_text().splitlines()]
    started = {each["camera"]: each for each in told if each["kind"] == "started"}
    assert {*started} == {"door", "desk"}
    assert started["door"]["track_id"] != started["desk"]["track_id"]
    assert started["door"]["source"] == door.url
    assert "desk: face" in said
    assert "Traceback" not in warned
    for camera in ("door", "desk"):
        assert any((tmp_path / "seen" / camera).glob("*-seen.jpg"))


def asked(port: int, path: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path)
    return connection.getresponse().read().decode()


def asked_state(port: int) -> dict[str, dict[str, float]]:
    """Return how each camera is, by its name."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/events")
    line = connection.getresponse().readline()
    connection.close()
    return {each["camera"]: each for each in json.loads(line.removeprefix(b"data: "))["cameras"]}
