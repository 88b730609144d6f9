"""Frames from a live camera: a thread keeps the newest one and counts those nobody took."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Protocol

from fer_core.errors import FerError
from fer_core.values import Frame, Gap, UInt8Array
from fer_edge.sources.faults import PictureFaults
from fer_edge.sources.hangs import STUCK_SECONDS, Hangs
from fer_edge.sources.patience import Patience
from fer_edge.sources.picture_check import Damaged
from fer_edge.sources.shared import Shared

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

    def read(self) -> UInt8Array | Damaged | None:
        """Return the next picture (h, w, 3) uint8 BGR within a bounded time, None if none came."""

    def close(self) -> None:
        """Give the device back."""


class CameraSource:
    """Yields the newest frame of a camera, and opens it anew when it goes away.

    The first opening happens at once, so that a missing camera is an error and not a silence.

    Attributes:
        captured: How many pictures have come, but for those that are left out.
        dropped: How many of them nobody took.
        reconnects: How often the camera was opened anew.
        attempts: See Gap.
        began_at: Where the clock of its frames begins, in seconds of the camera's clock.
    """

    def __init__(
        self,
        open_capture: Callable[[], Capture],
        name: str,
        clock: Clock = time.monotonic,
        retry_seconds: tuple[float, ...] = RETRY_SECONDS,
        patient: bool = False,
        wall_clock: Clock = time.time,
        patience: Patience | None = None,
        shared: Shared | None = None,
    ) -> None:
        """Open the camera and start capturing.

        Args:
            open_capture: Opens the camera, or says why it does not open.
            name: What the camera is called in messages.
            clock: Gives seconds, and never goes back.
            retry_seconds: Waits between attempts to open a camera; the last one repeats.
            patient: Whether to wait for a camera that does not open yet, as a service does.
            wall_clock: Gives seconds since 1970.
            patience: Is told of pictures that come and of waits in vain; who opens may ask it.
            shared: What it shares with the other cameras of a run.

        Raises:
            FerError: The camera does not open, and `patient` is not set.
        """
        self._patience, shared = patience or Patience(), shared or Shared()
        self._camera, self._arrived = shared.camera, shared.arrived
        self._name = f"{shared.camera} ({name})" if shared.camera else name
        self._open, self._source, self._clock = open_capture, name, clock
        self._retry_seconds, self._wall_clock = retry_seconds, wall_clock
        self._newest: Frame | None = None
        self._closing = threading.Event()
        self._failure: Exception | None = None
        self._faults, self._hangs = PictureFaults(self._name), Hangs(self._name)
        self.captured = self.dropped = self.reconnects = self.attempts = 0
        self._tries, self._is_away, self._stuck_seconds = 0, False, STUCK_SECONDS
        first = self._first(patient)
        self._told_at = self._alive_at = self._picture_at = clock()
        self.began_at = self._told_at if shared.began_at is None else shared.began_at
        self._start(first)

    def _first(self, patient: bool) -> Capture | None:
        try:
            return self._open()
        except FerError as error:
            if not patient:
                raise
            log.warning("%s; waiting for it", error, extra={"see": error.see})
            self._is_away = True
            return None

    def _start(self, first: Capture | None) -> None:
        """Start the thread that captures; it opens the camera when `first` is None."""
        self._thread = threading.Thread(
            target=self._capture_all, args=(first,), name=f"capture {self._name}", daemon=True
        )
        self._thread.start()

    def frames(self, stop: threading.Event) -> Iterator[Frame | Gap]:
        """Yield the newest frame each time one is asked for, until told to stop.

        Raises:
            FerError: Capturing has failed, or the driver hangs and a new thread does not help.
        """
        self._told_at = self._clock()
        while not stop.is_set():
            with self._arrived:
                self._arrived.wait_for(lambda: self.has_frame, timeout=0.1)
            if (taken := self.take()) is not None:
                yield taken

    @property
    def damaged(self) -> int:
        """How many pictures came damaged; they are left out."""
        return self._faults.damaged

    @property
    def has_frame(self) -> bool:
        """Whether there is a frame that nobody has taken."""
        return self._newest is not None

    def take(self) -> Frame | Gap | None:
        """Return the newest frame; without one a gap, if it is time to tell of it, else None.

        Raises:
            FerError: Capturing has failed, or the driver hangs and a new thread does not help.
        """
        with self._arrived:
            frame, self._newest = self._newest, None
        if frame is not None:
            self._told_at = self._clock()
            return frame
        if self._failure is not None:
            raise FerError(f"{self._name} failed: {self._failure!r}") from self._failure
        gap, now = self.gap_if_due(), self._told_at
        stuck = self._stuck_seconds  # before the time it belongs to, which is set first
        if gap and self._hangs.gives_up(self._thread, now, self._alive_at, self._picture_at, stuck):
            self._alive_at = now
            self._start(None)
        return gap

    def gap_if_due(self) -> Gap | None:
        """Return that there is no picture, if it is time to tell so, else None."""
        now = self._clock()
        if now - self._told_at < GAP_SECONDS:
            return None
        self._told_at = now
        return Gap(now - self.began_at, self.attempts, self._wall_clock(), self._camera)

    def stop(self) -> None:
        """Stop capturing soon; `close` waits until it has."""
        self._closing.set()

    def close(self, within: float = CLOSE_SECONDS) -> None:
        """Stop capturing and give the camera back, if it lets go within so many seconds."""
        self.stop()
        self._thread.join(within)
        if self._thread.is_alive():
            log.warning("%s does not let go within its time limit", self._name)

    def _capture_all(self, first: Capture | None) -> None:
        """Capture until closed; what goes wrong beyond a missing picture is told to `frames`."""
        try:
            capture = first or self._reopened()
            while capture is not None:
                try:
                    self._keep_newest(capture)
                finally:
                    capture.close()
                capture = self._reopened()
        except Exception as error:
            log.exception("capturing from %s failed", self._name)
            if self._is_wanted:
                self._failure = error

    @property
    def _is_wanted(self) -> bool:
        """Whether this thread is still the one that captures."""
        return not self._closing.is_set() and threading.current_thread() is self._thread

    def _keep_newest(self, capture: Capture) -> None:
        """Put every picture until none comes, they are bad for long, or the source closes."""
        while self._is_wanted:
            asked_at = self._alive_at = self._clock()
            self._stuck_seconds = STUCK_SECONDS
            picture = capture.read()
            if not self._is_wanted:
                return
            self._alive_at = self._clock()
            if picture is None:
                self.attempts += 1
                self._patience.missed(self._alive_at - asked_at)
                if not self._is_away:
                    log.warning("%s gives no picture; reopening it", self._name)
                self._is_away = True
                return
            is_bad = self._faults.look(picture, self._alive_at)
            if isinstance(picture, Damaged) or self._faults.withholds:
                self.attempts += 1
            else:
                self._put(picture)
            if is_bad:
                return

    def _put(self, pixels: UInt8Array) -> None:
        self._picture_at = self._clock()
        self._patience.came(self._picture_at)
        if self._is_away:
            log.warning("%s is back after %d attempts", self._name, self._tries)
        self._is_away, self._tries = False, 0
        at, wall = self._picture_at - self.began_at, self._wall_clock()
        frame = Frame(pixels, self.captured, at, self._source, wall, camera=self._camera)
        with self._arrived:
            self.captured += 1
            self.dropped += self._newest is not None
            self._newest = frame
            self._arrived.notify()

    def _reopened(self) -> Capture | None:
        """Try until the camera opens or the source closes, waiting longer until a picture comes."""
        while not self._closing.wait(self._retry_seconds[: self._tries + 1][-1]):
            if not self._is_wanted:
                return None
            self._tries += 1
            self.attempts += 1
            self._alive_at, self._stuck_seconds = self._clock(), self._patience.opening_seconds
            try:
                capture = self._open()
            except FerError as error:
                if self._is_wanted:
                    self._alive_at = self._clock()
                log.debug("attempt %d: %s", self._tries, error)
                continue
            self.reconnects += 1
            return capture
        return None
