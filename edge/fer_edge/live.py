"""Frames from a live camera: a thread keeps the newest one and counts those nobody took."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Protocol

from fer_core.errors import FerError
from fer_core.values import Frame, Gap, UInt8Array

log = logging.getLogger(__name__)

CLOSE_SECONDS = 12.0
"""How long closing waits for a read in progress; V4L2 cameras take up to 10 s to give up."""
GAP_SECONDS = 1.0
"""How long no picture comes before that is told, and how often it is told again."""
RETRY_SECONDS = (0.5, 1.0, 2.0, 5.0)
"""Waits between attempts to open a camera that went away; the last one repeats."""


Clock = Callable[[], float]


class Capture(Protocol):
    """An open camera."""

    def read(self) -> UInt8Array | None:
        """Return the next picture (h, w, 3) uint8 BGR within a bounded time, None if none came."""

    def close(self) -> None:
        """Give the device back."""


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
        self._failure: Exception | None = None
        self.captured = self.dropped = self.reconnects = 0
        first = open_capture()
        self._opened_at = clock()
        self._thread = threading.Thread(
            target=self._capture_all, args=(first,), name=f"capture {name}", daemon=True
        )
        self._thread.start()

    def frames(self, stop: threading.Event) -> Iterator[Frame | Gap]:
        """Yield the newest frame each time one is asked for, until told to stop."""
        told_at = self._clock()
        while not stop.is_set():
            with self._arrived:
                self._arrived.wait_for(lambda: self._newest is not None, timeout=0.1)
                frame, self._newest = self._newest, None
            if frame is not None:
                told_at = self._clock()
                yield frame
            elif self._failure is not None:
                raise FerError(f"{self._name} failed: {self._failure!r}") from self._failure
            elif self._clock() - told_at >= GAP_SECONDS:
                told_at = self._clock()
                yield Gap(told_at - self._opened_at)

    def close(self) -> None:
        """Stop capturing and give the camera back."""
        self._closing.set()
        self._thread.join(CLOSE_SECONDS)
        if self._thread.is_alive():
            log.warning("%s does not let go within its time limit", self._name)

    def _capture_all(self, first: Capture) -> None:
        """Capture until closed; what goes wrong beyond a missing picture is told to `frames`."""
        capture: Capture | None = first
        try:
            while capture is not None:
                try:
                    self._keep_newest(capture)
                finally:
                    capture.close()
                capture = self._reopened()
        except Exception as error:
            log.exception("capturing from %s failed", self._name)
            self._failure = error

    def _keep_newest(self, capture: Capture) -> None:
        """Put every picture until none comes or the source closes."""
        while not self._closing.is_set():
            pixels = capture.read()
            if pixels is None:
                log.warning("%s gives no picture; opening it anew", self._name)
                return
            self._put(pixels)

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
