"""Notices a camera whose pictures are mostly damaged."""

from __future__ import annotations


class DamageCheck:
    """Counts damaged pictures; it is asked in the order of time.

    Where more than half of the pictures were damaged for a time, that is a fault. The time
    doubles with each fault: a poor radio link is no reason to connect all night long.

    Attributes:
        damaged: How many pictures were damaged.
        is_well: Whether fewer than half were, when it last was counted.
    """

    def __init__(self, window_seconds: float = 10.0, longest_seconds: float = 320.0) -> None:
        """Take the times.

        Args:
            window_seconds: How long pictures have to be mostly damaged at first.
            longest_seconds: Up to which time that doubles.
        """
        self._first, self._longest = window_seconds, longest_seconds
        self._window = window_seconds
        self._since: float | None = None
        self._pictures = self._damaged = self.damaged = 0
        self.is_well = True

    def fault(self, is_damaged: bool, now: float) -> bool:
        """Return whether pictures have been mostly damaged for too long.

        Args:
            is_damaged: Whether the newest one is.
            now: In seconds of any clock.
        """
        self.damaged += is_damaged
        if self._since is None:
            self._since = now
        self._pictures += 1
        self._damaged += is_damaged
        if now - self._since < self._window:
            return False
        self.is_well = 2 * self._damaged <= self._pictures
        self._window = self._first if self.is_well else min(2 * self._window, self._longest)
        self._since, self._pictures, self._damaged = now, 0, 0
        return not self.is_well
