"""How long a sweep goes on: so many trials, or so much time."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field

from fer_core.errors import ArgumentError

_SECONDS = {"h": 3600.0, "min": 60.0, "s": 1.0}


@dataclass(frozen=True, slots=True)
class Budget:
    """When a sweep ends.

    Attributes:
        trials: How many trials it has in all, those of earlier calls too; None for any number.
        seconds: How long this call runs; None for any time.
    """

    trials: int | None = None
    seconds: float | None = None
    started: float = field(default_factory=time.monotonic)

    def has_time(self) -> bool:
        """Return whether there is time left."""
        return self.seconds is None or time.monotonic() - self.started < self.seconds

    def allows(self, trials: int) -> bool:
        """Return whether there may be one more beside so many trials."""
        return self.has_time() and (self.trials is None or trials < self.trials)


def read_budget(text: str) -> Budget:
    """Return what `--budget` says, such as 40, 8h or 90min.

    Raises:
        ArgumentError: It says nothing of the kind.
    """
    matched = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)\s?(h|min|s)?", text.strip())
    if not matched or float(matched[1]) <= 0 or (not matched[2] and "." in matched[1]):
        raise ArgumentError(f"--budget {text}: give a number of trials, or a time: 40, 8h or 90min")
    if matched[2]:
        return Budget(seconds=float(matched[1]) * _SECONDS[matched[2]])
    return Budget(trials=int(matched[1]))
