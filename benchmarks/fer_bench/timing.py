"""How long things take: interleaved rounds, then medians and tails of sorted samples."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from fer_bench.conditions import Moment
from fer_bench.limits import NOISY, ROUNDS
from fer_bench.records import Latency
from fer_core.metrics import Float64Array
from fer_core.progress import progress_bar

LIMIT_SECONDS, LEAST_RUNS = 5.0, 200
"""Chosen so that a dozen slow models are timed in minutes, and a median still has 40 a round."""
WARMUP = 20
"""Untimed calls before every round: others have had the caches meanwhile."""


def latency_of(rounds: Sequence[Float64Array]) -> Latency:
    """Return the percentiles of the samples of all rounds, in any order; none is empty."""
    samples = np.concatenate(rounds)
    medians = [float(np.median(each)) for each in rounds]
    p50, p90, p95, p99 = (float(v) for v in np.percentile(samples, (50, 90, 95, 99)))
    return Latency(
        p50=p50,
        p90=p90,
        p95=p95,
        p99=p99,
        runs=len(samples),
        spread=(max(medians) - min(medians)) / p50 if p50 else 0.0,
        percentiles=tuple(round(float(v), 5) for v in np.percentile(samples, np.arange(0, 101, 2))),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Round:
    """Samples in milliseconds, taken on end, and the moments before and after them."""

    samples: Float64Array
    before: Moment
    after: Moment

    @property
    def reference_ms(self) -> float:
        """How long the fixed piece of work took at worst beside them."""
        return max(self.before.reference_ms, self.after.reference_ms)


def measure_interleaved(
    calls: Sequence[Callable[[], object]],
    look: Callable[[], Moment],
    runs: int = 500,
    clock_ns: Callable[[], int] = time.perf_counter_ns,
) -> tuple[list[list[Round]], float]:
    """Time each of the calls, a part in each of ROUNDS.

    In a round each call has its part, so that whatever slows the machine falls on all of them and
    their ratios hold. A part in a bad moment (NOISY) is taken anew, at most ROUNDS times a call;
    those with the least disturbed reference work are kept. The timed runs of ROUNDS parts end
    after LIMIT_SECONDS, but not before LEAST_RUNS or all `runs`.

    Args:
        calls: What is timed.
        look: Tells how the machine is now.
        runs: How often each is timed.
        clock_ns: Tells the time in nanoseconds.

    Returns:
        The rounds of each call, and how long the reference work took at its best, in milliseconds.
    """
    taken: list[list[Round]] = [[] for _ in calls]
    now = look()
    best_ms = now.reference_ms
    with progress_bar(ROUNDS * len(calls), "timing") as advance:
        for number in range(2 * ROUNDS):
            for call, rounds in zip(calls, taken, strict=True):
                calm = sum(each.reference_ms <= NOISY * best_ms for each in rounds)
                if number >= ROUNDS and calm >= ROUNDS:
                    continue
                samples = _samples(call, -(-runs // ROUNDS), clock_ns)
                before, now = now, look()
                best_ms = min(best_ms, now.reference_ms)
                rounds.append(Round(samples, before, now))
                advance("" if number < ROUNDS else "again, after a bad moment")
    kept = [sorted(rounds, key=lambda each: each.reference_ms)[:ROUNDS] for rounds in taken]
    return kept, best_ms


def _samples(call: Callable[[], object], runs: int, clock_ns: Callable[[], int]) -> Float64Array:
    for _ in range(WARMUP):
        call()
    began = clock_ns()
    samples: list[float] = []
    while len(samples) < runs and not _is_enough(len(samples), clock_ns() - began):
        started = clock_ns()
        call()
        samples.append((clock_ns() - started) / 1e6)
    return np.array(samples)


def _is_enough(done: int, spent_ns: int) -> bool:
    """Return whether a round has had its share of runs and of time."""
    return done * ROUNDS >= LEAST_RUNS and spent_ns * ROUNDS > LIMIT_SECONDS * 1e9
