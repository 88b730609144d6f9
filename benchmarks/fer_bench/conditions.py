"""How the machine was while something was timed: disturbed, hot, slowed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from fer_bench.limits import NOISY, UNSTEADY
from fer_bench.records import Conditions
from fer_edge.board import frequency_mhz, temperature_celsius, throttling


@dataclass(frozen=True, slots=True)
class Moment:
    """How the machine is now: how long a fixed piece of work takes, and what the board tells."""

    reference_ms: float
    temperature_celsius: float | None = None
    frequency_mhz: float | None = None
    throttled: str | None = None


def conditions_of(moments: Sequence[Moment], best_ms: float, spread: float = 0.0) -> Conditions:
    """Return the worst of some moments, and whether it makes a latency noisy.

    Args:
        moments: How the machine was before and after each round.
        best_ms: The best time of the fixed piece of work in the whole run.
        spread: How far the medians of the rounds lie apart, see `Latency`.
    """
    heats = [m.temperature_celsius for m in moments if m.temperature_celsius is not None]
    clocks = [m.frequency_mhz for m in moments if m.frequency_mhz is not None]
    told = [m.throttled for m in moments if m.throttled is not None]
    slowdown = max(moment.reference_ms for moment in moments) / best_ms
    return Conditions(
        slowdown=slowdown,
        temperature_celsius=max(heats, default=None),
        frequency_mhz=min(clocks, default=None),
        throttled=", ".join(dict.fromkeys(filter(None, told))) if told else None,
        noisy=slowdown > NOISY or any(told) or spread > UNSTEADY,
    )


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
