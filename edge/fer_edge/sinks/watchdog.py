"""A sink that sees to it that a runner which hangs is ended, by systemd or by itself."""

from __future__ import annotations

import faulthandler
import time
from collections.abc import Callable, Sequence

from fer_core.values import Frame, Gap, Observation
from fer_edge import systemd
from fer_edge.events import ExpressionEvent
from fer_edge.sinks import Sink

BEAT_SECONDS, STATUS_SECONDS = 1.0, 10.0
STALL_SECONDS = 90.0
"""How long there may be no sign of life; longer than the service's WatchdogSec."""


class WatchdogSink(Sink):
    """Tells of each sign of life: a frame that went all the way, or a camera asked anew.

    It must be written last, so that a frame counts only when every other sink has taken it. A
    gap without a new attempt is no sign of life: a capture thread that hangs is to be ended.
    While the block runs, STALL_SECONDS without one end the process with 1 and every thread's stack
    on stderr, whatever it hangs in.
    """

    def __init__(
        self,
        notify: Callable[[str], bool] = systemd.notify,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._notify, self._clock = notify, clock
        self._ready, self._beat_at, self._told_at = False, float("-inf"), clock()
        self._newest, self._attempts, self._frames = -1, 0, 0

    def write(
        self, frame: Frame, observations: Sequence[Observation], events: Sequence[ExpressionEvent]
    ) -> None:
        """Take a frame as a sign of life, unless it is the last one told again in a gap."""
        if frame.index != self._newest:
            self._newest, self._frames = frame.index, self._frames + 1
            self._live(f"{len(observations)} face{'s' * (len(observations) != 1)}")

    def idle(self, gap: Gap) -> None:
        """Take a new attempt to reach the camera as a sign of life."""
        if gap.attempts > self._attempts:
            self._attempts = gap.attempts
            self._live("no picture")

    def finish(self, events: Sequence[ExpressionEvent]) -> None:
        """Tell that the end is meant."""
        self._notify("STOPPING=1")

    def __enter__(self) -> WatchdogSink:
        faulthandler.enable()  # systemd ends a hung service with SIGABRT: leave the stacks
        faulthandler.dump_traceback_later(STALL_SECONDS, exit=True)
        return self

    def __exit__(self, *raised: object) -> None:
        faulthandler.cancel_dump_traceback_later()

    def _live(self, seen: str) -> None:
        now = self._clock()
        self._ready = self._ready or self._notify("READY=1")  # until it has been heard
        if now - self._beat_at >= BEAT_SECONDS:
            self._beat_at = now
            self._notify("WATCHDOG=1")
            faulthandler.dump_traceback_later(STALL_SECONDS, exit=True)
        if now - self._told_at >= STATUS_SECONDS:
            speed = self._frames / (now - self._told_at)
            self._notify(f"STATUS={speed:.1f} frames/s, {seen}")
            self._told_at, self._frames = now, 0
