"""How far a run is, how fast, and how long it will take, as lines."""

from __future__ import annotations

import time
from collections.abc import Callable

from fer_core.text import counted

_PAUSE_SECONDS = 10.0


def sources_done(done: int, total: int) -> str:
    """Return how many sources are done, and of how many if some are left."""
    sources = counted(total, "source")
    return sources if done == total else f"{done:,} of {sources}"


class Progress:
    """Says a line now and then."""

    def __init__(
        self,
        total: int,
        done: int,
        say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin.

        Args:
            total: How many sources there are.
            done: How many of them were done before.
            say: What takes the lines.
            clock: The time, in seconds.
        """
        self._total, self._before, self._say, self._clock = total, done, say, clock
        self._started = self._said = clock()

    def tell(self, done: int) -> None:
        """Say how far the run is, unless that was said just now.

        Args:
            done: How many sources are done since it began.
        """
        now = self._clock()
        if now - self._said >= _PAUSE_SECONDS:
            self._said = now
            self._say(self.line(done, now))

    def line(self, done: int, now: float) -> str:
        """Return the line for so many sources done since the run began."""
        rate, there = done / max(now - self._started, 1e-9), self._before + done
        left = duration((self._total - there) / rate) + " left" if rate else "no rate yet"
        return f"{there:,} of {self._total:,} sources, {rate:,.1f}/s, {left}"


def duration(seconds: float) -> str:
    """Return a time in words of two units, such as 3 h 07 min."""
    whole = round(seconds)
    for unit, size, below, part in (("d", 86_400, "h", 3600), ("h", 3600, "min", 60)):
        if whole >= size:
            return f"{whole // size} {unit} {whole % size // part:02d} {below}"
    return f"{whole // 60} min {whole % 60:02d} s" if whole >= 60 else f"{whole} s"
