"""Where the time goes: seconds spent in each stage of the way from frame to output."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

STAGES = ("wait", "read", "search", "follow", "crop", "classify", "draw", "encode")


class StageTimes:
    """Adds up what each of STAGES took; one stage at a time, none within another.

    "wait" is for the next picture of a live camera, "read" for that of a file. A search on a
    thread of its own counts when its result is taken, so that all together may take longer than
    the run.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        """Take the clock, in seconds."""
        self.clock = clock
        self.seconds = dict.fromkeys(STAGES, 0.0)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time of the block as that of a stage."""
        started = self.clock()
        try:
            yield
        finally:
            self.add(name, self.clock() - started)

    def add(self, name: str, seconds: float) -> None:
        """Count seconds as those of a stage."""
        self.seconds[name] += seconds

    def table(self, frames: int) -> str:
        """Return milliseconds a frame and share of every stage that took time, a line each."""
        total = sum(self.seconds.values())
        if not frames or not total:
            return ""
        lines = [f"{'stage':<10}{'ms a frame':>12}{'share':>8}"]
        lines += [
            f"{name:<10}{1e3 * spent / frames:12.3f}{spent / total:8.1%}"
            for name, spent in self.seconds.items()
            if spent
        ]
        return "\n".join(lines)
