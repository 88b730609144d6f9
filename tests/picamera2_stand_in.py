"""A module with picamera2's call sequence, for machines without a camera module.

Like the real one it refuses to capture before `start`, to start before `configure`, and to be
opened twice.
"""

from __future__ import annotations

import types
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any

import numpy as np


def make_module(cameras: int = 1, frames: int = 1000) -> types.ModuleType:
    """Return a stand-in module; its `opened` lists the cameras that were made."""
    module = types.ModuleType("picamera2")
    opened: list[Any] = []

    class Picamera2:
        def __init__(self, camera_num: int = 0) -> None:
            if camera_num >= cameras:
                raise IndexError("list index out of range")
            if any(camera.state != "closed" for camera in opened):
                raise RuntimeError("Camera __init__ sequence did not complete.")
            self.state, self.config, self.left = "open", None, frames
            opened.append(self)

        def create_video_configuration(
            self, main: dict[str, Any], controls: dict[str, Any] | None = None
        ) -> dict[str, Any]:
            if main["format"] not in {"RGB888", "BGR888", "XRGB8888", "YUV420"}:
                raise RuntimeError(f"Unrecognised format {main['format']}")
            return {"main": main, "controls": controls or {}}

        def configure(self, config: dict[str, Any]) -> None:
            self.config, self.state = config, "configured"

        def start(self) -> None:
            if self.state != "configured":
                raise RuntimeError("Camera has not been configured")
            self.state = "started"

        def capture_array(self, name: str = "main", wait: float | None = None) -> np.ndarray:
            if self.state != "started":
                raise RuntimeError("Camera is not started")
            if self.left == 0:
                raise FutureTimeoutError
            self.left -= 1
            width, height = self.config[name]["size"]
            picture = np.zeros((height, width, 3), np.uint8)
            picture[:, :, 0] = 255  # RGB888 lies in memory as B, G, R: this is blue
            return picture

        def stop(self) -> None:
            self.state = "stopped"

        def close(self) -> None:
            self.state = "closed"

    module.Picamera2 = Picamera2  # type: ignore[attr-defined]
    module.opened = opened  # type: ignore[attr-defined]
    return module
