"""How long things take: warm-up first, then medians and tails of sorted samples."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fer_core.metrics import Float64Array


@dataclass(frozen=True, slots=True)
class Latency:
    """Median and tails of `runs` timed calls, in milliseconds."""

    p50: float
    p90: float
    p99: float
    runs: int

    @classmethod
    def of(cls, samples_ms: Float64Array) -> Latency:
        """Return the percentiles of samples (n,) in any order; n must not be 0."""
        p50, p90, p99 = (float(value) for value in np.percentile(samples_ms, (50, 90, 99)))
        return cls(p50, p90, p99, len(samples_ms))


def measure(
    call: Callable[[], object],
    warmup: int = 50,
    runs: int = 500,
    clock_ns: Callable[[], int] = time.perf_counter_ns,
) -> Latency:
    """Time each of `runs` calls after `warmup` untimed ones."""
    for _ in range(warmup):
        call()
    samples = np.empty(runs)
    for index in range(runs):
        started = clock_ns()
        call()
        samples[index] = (clock_ns() - started) / 1e6
    return Latency.of(samples)
