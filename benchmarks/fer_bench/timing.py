"""How long things take: each in its turn, then medians and tails of sorted samples."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from fer_bench.conditions import NOISY, Moment
from fer_core.metrics import Float64Array
from fer_core.progress import progress_bar

TURNS, LIMIT_SECONDS, LEAST_RUNS = 5, 5.0, 200
WARMUP = 20
"""Untimed calls before every turn: others have had the caches meanwhile."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Median and tails of `runs` timed calls, in milliseconds.

    `spread` is how far the medians of the turns lie apart, as a share of the median;
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
    def of(cls, turns: Sequence[Float64Array]) -> Latency:
        """Return the percentiles of the samples of all turns, in any order; none is empty."""
        samples = np.concatenate(turns)
        medians = [float(np.median(turn)) for turn in turns]
        every = tuple(round(float(v), 5) for v in np.percentile(samples, np.arange(0, 101, 2)))
        p50, p90, p95, p99 = (float(v) for v in np.percentile(samples, (50, 90, 95, 99)))
        spread = (max(medians) - min(medians)) / p50 if p50 else 0.0
        return cls(p50, p90, p95, p99, len(samples), spread, every)


@dataclass(frozen=True, slots=True, eq=False)
class Turn:
    """Samples in milliseconds, taken on end, and the moments before and after them."""

    samples: Float64Array
    before: Moment
    after: Moment

    @property
    def reference_ms(self) -> float:
        """How long the fixed piece of work took at worst beside them."""
        return max(self.before.reference_ms, self.after.reference_ms)


def measure_in_turns(
    calls: Sequence[Callable[[], object]],
    look: Callable[[], Moment],
    runs: int = 500,
    clock_ns: Callable[[], int] = time.perf_counter_ns,
) -> tuple[list[list[Turn]], float]:
    """Time each of the calls `runs` times, a part in each of TURNS.

    Returns the turns of each call, and how long the reference work took at its best. The calls
    take turns, so that whatever slows the machine falls on all of them and their ratios hold. A
    turn in a bad moment (NOISY) is taken anew, at most TURNS times a call; the turns with the
    least disturbed reference work are kept. The timed runs of TURNS turns end after LIMIT_SECONDS,
    but not before LEAST_RUNS or all `runs`.
    """
    taken: list[list[Turn]] = [[] for _ in calls]
    now = look()
    best_ms = now.reference_ms
    with progress_bar(TURNS * len(calls), "timing") as advance:
        for turn in range(2 * TURNS):
            for call, turns in zip(calls, taken, strict=True):
                calm = sum(each.reference_ms <= NOISY * best_ms for each in turns)
                if turn >= TURNS and calm >= TURNS:
                    continue
                samples = _samples(call, -(-runs // TURNS), clock_ns)
                before, now = now, look()
                best_ms = min(best_ms, now.reference_ms)
                turns.append(Turn(samples, before, now))
                advance("" if turn < TURNS else "again, after a bad moment")
    kept = [sorted(turns, key=lambda turn: turn.reference_ms)[:TURNS] for turns in taken]
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
    """Return whether a turn has had its share of runs and of time."""
    return done * TURNS >= LEAST_RUNS and spent_ns * TURNS > LIMIT_SECONDS * 1e9
