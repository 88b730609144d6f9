"""Frames from live cameras: a thread keeps the newest one and counts those nobody took."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from fer_core.errors import FerError
from fer_core.values import Frame, UInt8Array

log = logging.getLogger(__name__)

READ_TIMEOUT_SECONDS = 4.0
"""How long a camera may give nothing before it is opened anew."""
RETRY_SECONDS = (0.5, 1.0, 2.0, 5.0)
"""Waits between attempts to open a camera that went away; the last one repeats."""

Clock = Callable[[], float]


class Capture(Protocol):
    """An open camera."""

    def read(self) -> UInt8Array | None:
        """Return the next picture (h, w, 3) uint8 BGR within a bounded time, None if none came."""

    def close(self) -> None:
        """Give the device back."""


class OpenCvCapture:
    """A V4L2, laptop or network camera through OpenCV."""

    def __init__(self, where: int | str, size: tuple[int, int] | None, fps: float | None) -> None:
        """Open a camera; raise FerError when that fails."""
        if isinstance(where, str):
            limit = int(READ_TIMEOUT_SECONDS * 1000)
            bounds = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, limit, cv2.CAP_PROP_READ_TIMEOUT_MSEC, limit]
            self._capture = cv2.VideoCapture(where, cv2.CAP_FFMPEG, bounds)
        else:
            self._capture = cv2.VideoCapture(where)
        if not self._capture.isOpened():
            self._capture.release()
            raise FerError(_why_not(where))
        if size:
            self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, size[0])
            self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, size[1])
        if fps:
            self._capture.set(cv2.CAP_PROP_FPS, fps)

    def read(self) -> UInt8Array | None:
        """Return the next picture, None if none came in time."""
        ok, pixels = self._capture.read()
        return np.asarray(pixels, np.uint8) if ok else None

    def close(self) -> None:
        """Release the device."""
        self._capture.release()


class PiCapture:
    """A Raspberry Pi camera module through picamera2."""

    def __init__(self, size: tuple[int, int] | None, fps: float | None) -> None:
        """Open and start the camera; raise FerError when picamera2 or the camera is missing."""
        try:
            from picamera2 import Picamera2
        except (ImportError, ValueError) as error:  # ValueError: built for another numpy
            raise FerError(
                f"picamera2 does not load ({error}). On a Pi: sudo apt install python3-picamera2, "
                "a venv with --system-site-packages, and on Bookworm 'fer-edge-kit[edge-bookworm]'"
            ) from error
        try:
            self._camera = Picamera2()
        except (IndexError, RuntimeError) as error:
            raise FerError(
                f"no camera module answers ({error}). Check the cable, what "
                "`rpicam-hello --list-cameras` says, and that no other program holds it."
            ) from error
        controls: dict[str, Any] = {"FrameRate": fps} if fps else {}
        # picamera2's RGB888 lies in memory as B, G, R, which is what a Frame wants.
        main = {"size": size or (640, 480), "format": "RGB888"}
        self._camera.configure(
            self._camera.create_video_configuration(main=main, controls=controls)
        )
        self._camera.start()

    def read(self) -> UInt8Array | None:
        """Return the next picture, None if none came in time."""
        try:
            return np.asarray(
                self._camera.capture_array("main", wait=READ_TIMEOUT_SECONDS), np.uint8
            )
        except TimeoutError:
            return None

    def close(self) -> None:
        """Stop and release the camera."""
        self._camera.stop()
        self._camera.close()


class CameraSource:
    """Yields the newest frame of a camera, and opens it anew when it goes away.

    The first opening happens at once, so that a missing camera is an error and not a silence.
    """

    def __init__(
        self,
        open_capture: Callable[[], Capture],
        name: str,
        clock: Clock = time.monotonic,
        retry_seconds: tuple[float, ...] = RETRY_SECONDS,
    ) -> None:
        """Open the camera and start capturing; raise FerError when it cannot be opened."""
        self._open, self._name, self._clock = open_capture, name, clock
        self._retry_seconds = retry_seconds
        self._newest: Frame | None = None
        self._arrived = threading.Condition()
        self._closing = threading.Event()
        self.captured = self.dropped = self.reconnects = 0
        first = open_capture()
        self._opened_at = clock()
        self._thread = threading.Thread(
            target=self._keep_newest, args=(first,), name=f"capture {name}", daemon=True
        )
        self._thread.start()

    def frames(self, stop: threading.Event) -> Iterator[Frame]:
        """Yield the newest frame each time one is asked for, until told to stop."""
        while not stop.is_set():
            with self._arrived:
                self._arrived.wait_for(lambda: self._newest is not None, timeout=0.1)
                frame, self._newest = self._newest, None
            if frame is not None:
                yield frame

    def close(self) -> None:
        """Stop capturing and give the camera back."""
        self._closing.set()
        self._thread.join(READ_TIMEOUT_SECONDS + 1)
        if self._thread.is_alive():
            log.warning("%s does not let go within its time limit", self._name)

    def _keep_newest(self, first: Capture) -> None:
        capture: Capture | None = first
        while not self._closing.is_set():
            if capture is None:
                capture = self._reopened()
                continue
            pixels = capture.read()
            if pixels is None:
                log.warning("%s gives no picture; opening it anew", self._name)
                capture.close()
                capture = None
            else:
                self._put(pixels)
        if capture is not None:
            capture.close()

    def _put(self, pixels: UInt8Array) -> None:
        frame = Frame(pixels, self.captured, self._clock() - self._opened_at, self._name)
        with self._arrived:
            self.captured += 1
            self.dropped += self._newest is not None
            self._newest = frame
            self._arrived.notify()

    def _reopened(self) -> Capture | None:
        """Try until the camera opens or the source closes, waiting longer each time."""
        attempt = 0
        while not self._closing.wait(
            self._retry_seconds[min(attempt, len(self._retry_seconds) - 1)]
        ):
            attempt += 1
            try:
                capture = self._open()
            except FerError as error:
                log.debug("attempt %d: %s", attempt, error)
                continue
            self.reconnects += 1
            log.warning("%s is back after %d attempts", self._name, attempt)
            return capture
        return None


def open_camera(where: str, size: tuple[int, int] | None, fps: float | None) -> CameraSource:
    """Return a live source: a number, a device path, `picamera`, or an http/rtsp address.

    Raises FerError when it cannot be opened.
    """
    if where == "picamera":
        return CameraSource(lambda: PiCapture(size, fps), "picamera")
    if where.isdecimal():
        return CameraSource(lambda: OpenCvCapture(int(where), size, fps), f"camera {where}")
    if where.startswith("/dev/video") and where[10:].isdecimal():
        return open_camera(where[10:], size, fps)
    if "://" not in where:
        raise FerError(
            f"no camera {where!r}: give a number, picamera, or an http:// or rtsp:// address"
        )
    return CameraSource(lambda: OpenCvCapture(where, size, fps), _without_password(where))


def _without_password(address: str) -> str:
    scheme, _, rest = address.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def _why_not(where: int | str) -> str:
    if isinstance(where, str):
        return f"no answer from {_without_password(where)}: is the camera on, the address right?"
    if not sys.platform.startswith("linux"):
        return f"camera {where} does not open: in use, not there, or not allowed for this program"
    device = Path(f"/dev/video{where}")
    if not device.exists():
        found = sorted(path.name[5:] for path in Path("/dev").glob("video*"))
        return f"there is no camera {where} ({device}); found: {', '.join(found) or 'none'}"
    return (
        f"camera {where} is there but does not open: in use by another program (fuser {device}), "
        "or not allowed (sudo usermod -aG video $USER, then log in anew)"
    )
