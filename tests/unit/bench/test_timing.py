from functools import partial

import numpy as np
import pytest

from fer_bench import timing
from fer_bench.conditions import Moment, ReferenceLoop, conditions_of
from fer_bench.limits import ROUNDS, UNSTEADY
from fer_bench.records import Conditions
from fer_bench.timing import WARMUP, Round, latency_of, measure_interleaved


class Clock:
    """A clock that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now_ns, self.calls = 0, 0

    def __call__(self) -> int:
        return self.now_ns

    def work(self, *durations_ms: float) -> None:
        """Take as long as the next of the durations, the last one again and again."""
        self.now_ns += round(1e6 * durations_ms[min(self.calls, len(durations_ms) - 1)])
        self.calls += 1


def test_percentiles_do_not_depend_on_the_order() -> None:
    samples = np.arange(1, 102, dtype=np.float64)
    shuffled = np.random.default_rng(0).permutation(samples)
    latency = latency_of([shuffled[:50], shuffled[50:]])
    assert (latency.p50, latency.p90, latency.p95, latency.p99) == (51.0, 91.0, 96.0, 100.0)
    assert latency.runs == 101
    assert latency.percentiles[0] == 1
    assert latency.percentiles[25] == 51
    assert latency.percentiles[-1] == 101
    assert len(latency.percentiles) == 51


def test_the_spread_is_that_of_the_repeats() -> None:
    assert latency_of([np.full(9, 2.0), np.full(9, 2.5), np.full(9, 2.1)]).spread == (
        pytest.approx(0.5 / 2.1)
    )
    assert latency_of([np.array([1.0, 2.0, 9.0])]).spread == 0


def durations(rounds: list[Round]) -> list[float]:
    return [float(np.median(each.samples)) for each in rounds]


def calm() -> Moment:
    return Moment(1.0)


def test_the_calls_are_interleaved_and_warmup_is_not_timed() -> None:
    clock, order = Clock(), ""

    def call(name: str, ms: float) -> None:
        nonlocal order
        order += name
        clock.work(ms)

    calls = [partial(call, "a", 2.0), partial(call, "b", 8.0)]
    (one, other), _ = measure_interleaved(calls, calm, 10, clock)
    one_round = "a" * (WARMUP + 2) + "b" * (WARMUP + 2)
    assert order == one_round * ROUNDS
    assert durations(one) == [pytest.approx(2)] * ROUNDS
    assert durations(other) == [pytest.approx(8)] * ROUNDS


def test_slow_calls_end_in_time_but_not_before_enough() -> None:
    def runs(ms: float, wanted: int) -> int:
        clock = Clock()
        (rounds,), _ = measure_interleaved([lambda: clock.work(ms)], calm, wanted, clock)
        return sum(len(each.samples) for each in rounds)

    assert runs(10, 1000) == 5 * 101  # five seconds
    assert runs(100, 1000) == timing.LEAST_RUNS
    assert runs(1000, 20) == 20


def test_rounds_in_a_bad_moment_are_taken_anew() -> None:
    clock, seen = Clock(), 0

    def look() -> Moment:
        nonlocal seen
        seen += 1
        return Moment(2.0 if seen in (2, 3) else 1.0)

    def call() -> None:
        clock.work(50.0 if seen in (1, 2, 3) else 5.0)

    (rounds,), best_ms = measure_interleaved([call], look, 10, clock)
    assert durations(rounds) == [5.0] * ROUNDS  # three were disturbed, before or after
    assert seen == 1 + ROUNDS + 3
    assert best_ms == 1.0


def test_what_stays_bad_is_kept_and_marked() -> None:
    clock, seen = Clock(), 0

    def look() -> Moment:
        nonlocal seen
        seen += 1
        return Moment({1: 1.0, 2: 3.0}.get(seen, 2.9), throttled="throttled" if seen == 9 else "")

    (rounds,), best_ms = measure_interleaved([lambda: clock.work(5)], look, 10, clock)
    assert len(rounds) == ROUNDS
    assert seen == 1 + 2 * ROUNDS
    moments = [moment for each in rounds for moment in (each.before, each.after)]
    assert conditions_of(moments, best_ms).slowdown == pytest.approx(2.9)
    assert conditions_of(moments, best_ms).noisy


def test_conditions_are_those_of_the_worst_moment() -> None:
    cool, hot = Moment(1.0, 40.0, 1800.0, ""), Moment(1.1, 81.0, 1500.0, "throttled")
    assert conditions_of([cool, hot, cool], 1.0) == Conditions(
        slowdown=1.1,
        temperature_celsius=81.0,
        frequency_mhz=1500.0,
        throttled="throttled",
        noisy=True,
    )
    assert not conditions_of([cool, Moment(1.14)], 1.0).noisy
    assert conditions_of([cool, Moment(1.16)], 1.0).noisy
    assert conditions_of([Moment(1.0)], 1.0) == Conditions(slowdown=1.0)


def test_rounds_that_lie_far_apart_make_a_latency_noisy() -> None:
    assert conditions_of([Moment(1.0)], 1.0, UNSTEADY + 0.01).noisy
    assert not conditions_of([Moment(1.0)], 1.0, UNSTEADY).noisy


def test_the_reference_loop_takes_the_median_of_its_runs() -> None:
    clock = Clock()
    loop = ReferenceLoop(clock)

    loop._sort = lambda: clock.work(*[1.0] * 11, *[9.0] * 9, *[1.5] * 20)
    assert [loop.milliseconds() for _ in range(2)] == [1.0, 1.5]
    assert ReferenceLoop().moment().reference_ms > 0
