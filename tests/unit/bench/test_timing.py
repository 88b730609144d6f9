import numpy as np
import pytest

from fer_bench import timing
from fer_bench.timing import Latency, ReferenceLoop, measure


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
    latency = Latency.of([shuffled[:50], shuffled[50:]])
    assert (latency.p50, latency.p90, latency.p95, latency.p99) == (51.0, 91.0, 96.0, 100.0)
    assert latency.runs == 101
    assert latency.percentiles[0] == 1
    assert latency.percentiles[25] == 51
    assert latency.percentiles[-1] == 101
    assert len(latency.percentiles) == 51


def test_the_spread_is_that_of_the_repeats() -> None:
    assert Latency.of([np.full(9, 2.0), np.full(9, 2.5), np.full(9, 2.1)]).spread == (
        pytest.approx(0.5 / 2.1)
    )
    assert Latency.of([np.array([1.0, 2.0, 9.0])]).spread == 0


def test_warmup_is_not_timed() -> None:
    clock = Clock()
    latency = measure(lambda: clock.work(90, 90, 90, 2), 3, 10, clock)
    assert (latency.p50, latency.p99, latency.runs) == (pytest.approx(2), pytest.approx(2), 10)
    assert clock.calls == 13


def test_slow_calls_end_in_time_but_not_before_enough() -> None:
    clock = Clock()
    latency = measure(lambda: clock.work(10), 0, 1000, clock)
    assert latency.runs == 5 * 101  # five seconds
    clock = Clock()
    slower = measure(lambda: clock.work(*[30] * 40, *[36] * 40, 33), 0, 1000, clock)
    assert slower.spread == pytest.approx(6 / 33)
    clock = Clock()
    assert measure(lambda: clock.work(100), 0, 1000, clock).runs == timing.LEAST_RUNS
    clock = Clock()
    assert measure(lambda: clock.work(1000), 0, 20, clock).runs == 20


def test_the_reference_loop_takes_the_median_of_its_runs() -> None:
    clock = Clock()
    loop = ReferenceLoop(clock)

    class Timed:
        def __matmul__(self, other: object) -> None:
            clock.work(*[1.0] * 21, *[9.0] * 19, *[1.5] * 40)

    loop._matrix = Timed()  # type: ignore[assignment]
    assert [loop.milliseconds() for _ in range(2)] == [1.0, 1.5]
    assert ReferenceLoop().milliseconds() > 0
