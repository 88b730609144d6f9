"""Telling whoever waits that something has changed."""

from __future__ import annotations

import threading


class Changes:
    """Counts changes, so that nobody misses one between two looks."""

    def __init__(self) -> None:
        self.count = 0
        self._changed = threading.Condition()

    def tell(self) -> None:
        """Wake everybody who waits."""
        with self._changed:
            self.count += 1
            self._changed.notify_all()

    def wait(self, after: int, seconds: float) -> int:
        """Wait for a change later than number `after`, at most so long; return the newest."""
        with self._changed:
            self._changed.wait_for(lambda: self.count > after, seconds)
            return self.count
