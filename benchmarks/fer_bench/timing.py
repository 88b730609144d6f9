"""How long things take: warm-up first, then medians and tails of sorted samples."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fer_core.metrics import Float64Array

REPEATS, LIMIT_SECONDS, LEAST_RUNS = 5, 5.0, 200
NOISY = 1.15
"""How much slower than at its best the reference loop may be before a figure is marked."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Median and tails of `runs` timed calls, in milliseconds.

    `spread` is how far the medians of the repeats lie apart, as a share of the median;
    `percentiles` are those from 0 to 100 in steps of 2.
    """

    p50: float
    p90: float
    p95: float
    p99: float
    runs: int
    spread: float
    percentiles: tuple[float, ...]

    @classmethod
    def of(cls, repeats: list[Float64Array]) -> Latency:
        """Return the percentiles of the samples of all repeats, in any order; none is empty."""
        samples = np.concatenate(repeats)
        medians = [float(np.median(repeat)) for repeat in repeats]
        every = tuple(round(float(v), 5) for v in np.percentile(samples, np.arange(0, 101, 2)))
        p50, p90, p95, p99 = (float(v) for v in np.percentile(samples, (50, 90, 95, 99)))
        spread = (max(medians) - min(medians)) / p50 if p50 else 0.0
        return cls(p50, p90, p95, p99, len(samples), spread, every)


def measure(
    call: Callable[[], object],
    warmup: int = 50,
    runs: int = 500,
    clock_ns: Callable[[], int] = time.perf_counter_ns,
) -> Latency:
    """Time `runs` calls in REPEATS, after `warmup` untimed ones.

    A slow call ends after LIMIT_SECONDS, but not before LEAST_RUNS or all `runs`.
    """
    for _ in range(warmup):
        call()
    repeats, each = [], -(-runs // REPEATS)
    for _ in range(REPEATS):
        began = clock_ns()
        samples: list[float] = []
        while len(samples) < each and not _is_enough(len(samples), clock_ns() - began):
            started = clock_ns()
            call()
            samples.append((clock_ns() - started) / 1e6)
        repeats.append(np.array(samples))
    return Latency.of(repeats)


def _is_enough(done: int, spent_ns: int) -> bool:
    """Return whether a repeat has had its share of runs and of time."""
    return done * REPEATS >= LEAST_RUNS and spent_ns * REPEATS > LIMIT_SECONDS * 1e9


class ReferenceLoop:
    """A fixed piece of work, timed beside every figure: how disturbed the machine is.

    Multiplies two matrices of 128x128 on whatever the processor gives NumPy.
    """

    def __init__(self, clock_ns: Callable[[], int] = time.perf_counter_ns) -> None:
        self._clock_ns = clock_ns
        self._matrix = np.random.default_rng(0).random((128, 128))

    def milliseconds(self, runs: int = 40) -> float:
        """Return how long the work takes now, the median."""
        samples = []
        for _ in range(runs):
            started = self._clock_ns()
            self._matrix @ self._matrix
            samples.append((self._clock_ns() - started) / 1e6)
        return float(np.median(samples))
