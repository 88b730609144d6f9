"""Whether a new model is kept after its first minute: pure, by the frames' clock.

A model cannot make faces vanish: they are found without it. What it can do to a run is to fail,
to end the process, and to take too long.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from statistics import median

TRIAL_SECONDS = 60.0
SLOWER = 3.0
"""How many times the old model's median time a new one may take for a face."""
NEVER_SLOW_SECONDS = 0.005
"""A face that takes less is never too slow: ten of them a second are a twentieth of a core."""
ENOUGH_FACES = 30
"""How many faces a median is of before it ends a trial early."""
KEPT_TIMES = 100


class FaceTimes:
    """The seconds of work that each of the last KEPT_TIMES faces took, and how many there were."""

    def __init__(self, first: Sequence[float] = ()) -> None:
        """Take the times of a few faces that were shown to it beforehand, which do not count."""
        self._seconds = deque(first, KEPT_TIMES)
        self.faces = 0

    def add(self, seconds: float, faces: int) -> None:
        """Take in that so many faces took so long together."""
        self._seconds.extend([seconds / faces] * faces)
        self.faces += faces

    @property
    def median(self) -> float:
        """The median, 0 without any face."""
        return median(self._seconds) if self._seconds else 0.0


class FirstMinute:
    """The trial of one model. It begins with the first question."""

    def __init__(self, old: FaceTimes, new: FaceTimes) -> None:
        """Take what is compared.

        Args:
            old: The times of the model before, which grow no more.
            new: Those of the one on trial, which grow.
        """
        self._old, self._new = old, new
        self._since: float | None = None

    def is_over(self, now: float) -> bool:
        """Return whether the minute is over; `now` is in seconds of the frames' clock."""
        if self._since is None:
            self._since = now
        return now - self._since >= TRIAL_SECONDS

    def fault(self, now: float) -> str:
        """Return why the model is to be taken back, empty as long as nothing speaks against it.

        Args:
            now: In seconds of the frames' clock.
        """
        over, old, new = self.is_over(now), self._old.median, self._new.median
        if self._new.faces < ENOUGH_FACES and not over:
            return ""
        if not old or new < max(SLOWER * old, NEVER_SLOW_SECONDS):
            return ""
        return (
            f"it takes {1000 * new:.1f} ms for a face, {new / old:.1f} times as long as the model "
            f"before ({1000 * old:.1f} ms)"
        )
