"""How the machine was while something was timed: disturbed, hot, slowed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from fer_edge.board import frequency_mhz, temperature_celsius, throttling

NOISY = 1.15
"""How much slower than at its best the reference loop may be before a figure is marked."""


@dataclass(frozen=True, slots=True)
class Moment:
    """How the machine is now: how long a fixed piece of work takes, and what the board tells."""

    reference_ms: float
    temperature_celsius: float | None = None
    frequency_mhz: float | None = None
    throttled: str | None = None


@dataclass(frozen=True, slots=True)
class Conditions:
    """How the machine was, at worst, while a model was timed; None where it does not tell.

    `slowdown` is how much slower a fixed piece of work was than at its best in this run,
    `throttled` what a Pi says slows it.
    """

    slowdown: float
    temperature_celsius: float | None
    frequency_mhz: float | None
    throttled: str | None

    @classmethod
    def of(cls, moments: Sequence[Moment], best_ms: float) -> Conditions:
        """Return the worst of some moments; `best_ms` is the work's best time in the whole run."""
        heats = [m.temperature_celsius for m in moments if m.temperature_celsius is not None]
        clocks = [m.frequency_mhz for m in moments if m.frequency_mhz is not None]
        told = [m.throttled for m in moments if m.throttled is not None]
        return cls(
            max(moment.reference_ms for moment in moments) / best_ms,
            max(heats, default=None),
            min(clocks, default=None),
            ", ".join(dict.fromkeys(filter(None, told))) if told else None,
        )

    @property
    def are_noisy(self) -> bool:
        """Whether figures taken then are to be marked."""
        return self.slowdown > NOISY or bool(self.throttled)


def noise_reason(conditions: Mapping[str, Any], spread: float) -> str:
    """Return why a latency is not to be trusted, of conditions as results.json has them."""
    reasons = [conditions["throttled"]] if conditions.get("throttled") else []
    if conditions.get("slowdown", 1.0) > NOISY:
        reasons.append(
            f"a fixed piece of work took {conditions['slowdown']:.2f} times as long as at its best"
        )
    return "; ".join([*reasons, f"the medians of its turns lie {spread:.0%} apart"])


class ReferenceLoop:
    """A fixed piece of work, timed beside every figure: how disturbed the machine is.

    Sorts a quarter of a megabyte, about the weights of a small network, on one thread.
    """

    def __init__(self, clock_ns: Callable[[], int] = time.perf_counter_ns) -> None:
        self._clock_ns = clock_ns
        self._sort: Callable[[], object] = partial(
            np.sort, np.random.default_rng(0).random(2**16, np.float32)
        )

    def milliseconds(self, runs: int = 20) -> float:
        """Return how long the work takes now, the median."""
        samples = []
        for _ in range(runs):
            started = self._clock_ns()
            self._sort()
            samples.append((self._clock_ns() - started) / 1e6)
        return float(np.median(samples))

    def moment(self) -> Moment:
        """Return how the machine is now."""
        return Moment(self.milliseconds(), temperature_celsius(), frequency_mhz(), throttling())
