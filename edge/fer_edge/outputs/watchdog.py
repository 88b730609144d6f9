"""An output that sees to it that a runner which hangs is ended, by systemd or by itself."""

from __future__ import annotations

import faulthandler
import sys
import time
from collections.abc import Callable

from fer_core.values import Frame, Gap
from fer_edge import systemd
from fer_edge.faces.analysis import Analysis
from fer_edge.outputs import Output

BEAT_SECONDS, STATUS_SECONDS = 1.0, 10.0
STALL_SECONDS, ENDING_SECONDS = 90.0, 600.0
"""How long there may be no sign of life, longer than the service's WatchdogSec, and how long the
end may take, as that of a long recording."""


class WatchdogOutput(Output):
    """Tells of each sign of life: a frame that went all the way, or a camera asked anew.

    It must be written last, so that a frame counts only when every other output has taken it. A
    gap without a new attempt is no sign of life: a capture thread that hangs is to be ended.
    `stall` is told after how many seconds without a further sign the process shall end itself, 0
    for never; `end_when_stalled` does it, for a runner that nobody sits at.
    """

    def __init__(
        self,
        notify: Callable[[str], bool] = systemd.notify,
        clock: Callable[[], float] = time.monotonic,
        stall: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        self._notify, self._clock, self._stall = notify, clock, stall
        self._ready, self._beat_at, self._told_at = False, float("-inf"), clock()
        self._attempts: dict[str, int] = {}
        self._frames = 0

    def write(self, frame: Frame, seen: Analysis) -> None:
        """Take a frame as a sign of life."""
        self._frames += 1
        count = len(seen.observations)
        self._live(f"{count} face{'s' * (count != 1)}")

    def idle(self, gap: Gap, seen: Analysis) -> None:
        """Take a new attempt to reach the camera as a sign of life."""
        if gap.attempts > self._attempts.get(gap.camera, 0):
            self._attempts[gap.camera] = gap.attempts
            self._live("no picture")

    def finish(self, seen: Analysis) -> None:
        """Tell that the end is meant."""
        self._notify("STOPPING=1")
        self._stall(ENDING_SECONDS)

    def __enter__(self) -> WatchdogOutput:
        return self

    def __exit__(self, *raised: object) -> None:
        self._stall(0.0)

    def _live(self, seen: str) -> None:
        now = self._clock()
        self._ready = self._ready or self._notify("READY=1")  # until it has been heard
        if now - self._beat_at >= BEAT_SECONDS:
            self._beat_at = now
            self._notify("WATCHDOG=1")
            self._stall(STALL_SECONDS)
        if now - self._told_at >= STATUS_SECONDS:
            speed = self._frames / (now - self._told_at)
            self._notify(f"STATUS={speed:.1f} frames/s, {seen}")
            self._told_at, self._frames = now, 0


def watchdog_for_this_process() -> WatchdogOutput:
    """Return the watchdog of a run, which ends a stalled process that nobody sits at."""
    return WatchdogOutput(stall=end_when_stalled) if nobody_sits_here() else WatchdogOutput()


def end_when_stalled(seconds: float) -> None:
    """End the process after so many seconds, with every thread's stack, unless told anew; 0: never.

    systemd's SIGABRT leaves the stacks as well.
    """
    if seconds:
        faulthandler.enable()
        faulthandler.dump_traceback_later(seconds, exit=True)
    else:
        faulthandler.cancel_dump_traceback_later()


def nobody_sits_here() -> bool:
    """Return whether there is no terminal, where someone might hold output or program."""
    return not any(stream and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))
