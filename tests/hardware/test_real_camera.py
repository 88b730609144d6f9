"""A real camera, where there is one."""

import threading
from pathlib import Path

import pytest

from fer_edge.sources.camera import open_camera


def test_the_first_camera_gives_frames() -> None:
    if not Path("/dev/video0").exists():
        pytest.skip("there is no /dev/video0")
    source = open_camera("0", (640, 480), None)
    frames = source.frames(threading.Event())
    first, second = next(frames), next(frames)
    source.close()
    assert second.captured_at > first.captured_at


def test_a_camera_module_gives_frames() -> None:
    pytest.importorskip("picamera2", reason="picamera2 is not installed: no Raspberry Pi")
    source = open_camera("picamera", (640, 480), None)
    frame = next(source.frames(threading.Event()))
    source.close()
    assert (frame.height, frame.width) == (480, 640)
