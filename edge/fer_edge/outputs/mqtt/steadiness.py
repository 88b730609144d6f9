"""Connections that are made and lost again at once, over and over."""

from __future__ import annotations

import time
from collections.abc import Callable

STEADY_SECONDS, LONGEST_WAIT_SECONDS = 30.0, 120
"""A connection that lasts so long is a good one; the longest pause before the next attempt."""
FLAPPING = 3
"""Connections lost at once, on end, after which it is said and no longer each time."""


class Steadiness:
    """Counts connections that did not last, and how long to wait before the next one.

    Two devices of one name throw each other off a broker for ever; so does a broker that accepts
    everybody and then closes.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._since, self._short = clock, 0.0, 0

    @property
    def is_flapping(self) -> bool:
        """Whether connections have been lost at once, FLAPPING times or more."""
        return self._short >= FLAPPING

    @property
    def wait_seconds(self) -> int:
        """The pause before the next attempt: twice as long each time, once none lasts."""
        doubled = 1 << min(10, max(0, self._short - FLAPPING + 1))
        return min(doubled, LONGEST_WAIT_SECONDS)

    def connected(self) -> None:
        """Note that a connection begins."""
        self._since = self._clock()

    def lost(self) -> bool:
        """Note that a connection has ended; return whether it is to be said that none lasts."""
        self._short = 0 if self._has_lasted() else self._short + 1
        return self._short == FLAPPING

    def settled(self) -> bool:
        """Return whether the present connection has lasted after some that did not, once."""
        steady = self._short > 0 and self._has_lasted()
        if steady:
            flapped, self._short = self.is_flapping, 0
            return flapped
        return False

    def _has_lasted(self) -> bool:
        return self._clock() - self._since >= STEADY_SECONDS
