"""The cameras themselves: V4L2 and network cameras through OpenCV, Raspberry Pi cameras."""

from __future__ import annotations

import logging
import os
from concurrent.futures import TimeoutError as FutureTimeoutError
from importlib.util import find_spec
from typing import Any

import numpy as np

from fer_core.errors import ArgumentError, FerError
from fer_core.opencv import cv2, silence_opencv
from fer_core.values import UInt8Array
from fer_edge.sources.address import no_answer, without_password
from fer_edge.sources.devices import DEVICE, device_number, why_not_open
from fer_edge.sources.hangs import STUCK_OPENING_SECONDS, STUCK_SECONDS
from fer_edge.sources.live import CameraSource, Capture
from fer_edge.sources.network import StreamCapture, has_pyav
from fer_edge.sources.patience import Patience
from fer_edge.sources.shared import Shared

log = logging.getLogger(__name__)

OPEN_SECONDS = 4.0
"""How long a network camera may take to answer."""


_OVER_TCP = ("OPENCV_FFMPEG_CAPTURE_OPTIONS", "rtsp_flags;prefer_tcp")
"""For OpenCV before 4.12, which asks for RTSP over UDP first."""


class OpenCvCapture:
    """A V4L2, laptop or network camera through OpenCV."""

    def __init__(
        self, where: int | str, size: tuple[int, int] | None, fps: float | None, patience: Patience
    ) -> None:
        """Open a camera.

        Args:
            where: The number of a device, or the address of a network camera.
            size: (width, height) to ask for in pixels, None for the camera's own.
            fps: Pictures a second to ask for, None for the camera's own.
            patience: How long the next picture of a network camera may take.

        Raises:
            FerError: It does not open.
        """
        if isinstance(where, str):
            os.environ.setdefault(*_OVER_TCP)
            bounds = [
                *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, int(OPEN_SECONDS * 1000)),
                *(cv2.CAP_PROP_READ_TIMEOUT_MSEC, int(patience.seconds * 1000)),
            ]
            self._capture = cv2.VideoCapture(where, cv2.CAP_FFMPEG, bounds)
        else:
            self._capture = cv2.VideoCapture(where)
        if not self._capture.isOpened():
            self._capture.release()
            raise why_not_open(where) if isinstance(where, int) else no_answer(where)
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


def has_picamera() -> bool:
    """Return whether picamera2 is installed for this Python."""
    return find_spec("picamera2") is not None


def picamera_problem() -> str | None:
    """Return why picamera2 does not load, None when it does or is not installed."""
    if not has_picamera():
        return None
    try:
        import picamera2  # noqa: F401
    except (ImportError, ValueError) as error:  # ValueError: built for another numpy
        return str(error)
    return None


class PiCapture:
    """A Raspberry Pi camera module through picamera2."""

    def __init__(self, size: tuple[int, int] | None, fps: float | None, patience: Patience) -> None:
        """Open and start the camera; for the arguments see OpenCvCapture.

        Raises:
            FerError: picamera2 or the camera is missing.
        """
        self._patience = patience
        try:
            from picamera2 import Picamera2
        except (ImportError, ValueError) as error:  # ValueError: built for another numpy
            raise FerError(
                f"picamera2 does not load ({error}). On a Pi: sudo apt install python3-picamera2, "
                "a venv with --system-site-packages, on Bookworm: pip install '.[edge-bookworm]'",
                see="picamera2-missing",
            ) from error
        controls: dict[str, Any] = {"FrameRate": fps} if fps else {}
        # picamera2's RGB888 lies in memory as B, G, R, which is what a Frame wants.
        main = {"size": size or (640, 480), "format": "RGB888"}
        self._camera: Any = None
        try:
            self._camera = Picamera2()
            self._start(main, controls)
        except (IndexError, RuntimeError, ValueError) as error:
            if self._camera is not None:
                self._camera.close()
            raise FerError(
                f"no camera module answers ({error}). Check the cable, what "
                "`rpicam-hello --list-cameras` says, and that no other program holds it.",
                see="camera-module-no-answer",
            ) from error

    def _start(self, main: dict[str, Any], controls: dict[str, Any]) -> None:
        self._camera.configure(
            self._camera.create_video_configuration(main=main, controls=controls)
        )
        self._camera.start()

    def read(self) -> UInt8Array | None:
        """Return the next picture, None if none came in time."""
        try:
            return np.asarray(
                self._camera.capture_array("main", wait=self._patience.seconds), np.uint8
            )
        except (FutureTimeoutError, RuntimeError) as error:
            log.debug("picamera2: %r", error)
            return None

    def close(self) -> None:
        """Stop and release the camera."""
        self._camera.stop()
        self._camera.close()


def open_camera(
    where: str,
    size: tuple[int, int] | None,
    fps: float | None,
    patient: bool = False,
    shared: Shared | None = None,
) -> CameraSource:
    """Return the live source of a camera.

    Args:
        where: A number, a path below /dev, `picamera`, or an http/rtsp address. A path such as
            /dev/v4l/by-id/NAME is followed at each opening: the camera may get another number.
        size: (width, height) to ask for in pixels, None for the camera's own.
        fps: Pictures a second to ask for, None for the camera's own.
        patient: Whether to wait for a camera that does not open yet.
        shared: What it shares with the other cameras of a run.

    Raises:
        ArgumentError: This names no camera.
        FerError: It does not open, and `patient` is not set.
    """
    silence_opencv()
    named, is_network = check_camera(where), "://" in where
    patience = Patience(STUCK_OPENING_SECONDS if is_network else STUCK_SECONDS)

    def opened() -> Capture:
        if is_network:
            return _network_capture(where, size, fps, patience)
        if named == "picamera":
            return PiCapture(size, fps, patience)
        return OpenCvCapture(device_number(where), size, fps, patience)

    return CameraSource(opened, named, patient=patient, patience=patience, shared=shared)


def check_camera(where: str) -> str:
    """Return what a camera is called in messages.

    Raises:
        ArgumentError: This names no camera.
    """
    if "://" in where:
        try:
            return without_password(where)
        except ValueError as error:
            raise ArgumentError(f"no camera address: {error}") from error
    if where == "picamera":
        return where
    number = where.removeprefix(DEVICE)
    if number.isdecimal() and len(number) < 4:
        return f"camera {number}"
    if where.startswith("/dev/") and ".." not in where.split("/"):
        return where
    shown = "of that address" if "@" in where or ":" in where else repr(where)  # a password?
    raise ArgumentError(
        f"no camera {shown}: give a number, a path such as /dev/v4l/by-id/NAME, picamera, or an "
        "http:// or rtsp:// address",
        see="camera-unknown-name",
    )


def _network_capture(
    where: str, size: tuple[int, int] | None, fps: float | None, patience: Patience
) -> Capture:
    """Open a network camera, through FFmpeg or, where that takes it not, by its pictures alone.

    FFmpeg is PyAV's or, where that is not installed, OpenCV's, which says nothing of damage.
    """
    try:
        if has_pyav():
            return StreamCapture(where, OPEN_SECONDS, patience.seconds, patience.is_slow)
        return OpenCvCapture(where, size, fps, patience)
    except FerError:
        if not where.lower().startswith(("http://", "https://")):
            raise
        from fer_edge.sources.mjpeg import MjpegCapture

        try:
            return MjpegCapture(where, patience.seconds)
        except FerError:
            log.debug("%s is no stream of pictures", without_password(where))
        raise
