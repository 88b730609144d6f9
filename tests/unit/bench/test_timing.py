import numpy as np
import pytest

from fer_bench.timing import Latency, measure


def test_percentiles_do_not_depend_on_the_order() -> None:
    samples = np.arange(1, 102, dtype=np.float64)
    shuffled = np.random.default_rng(0).permutation(samples)
    assert Latency.of(shuffled) == Latency(51.0, 91.0, 100.0, 101)


def test_warmup_is_not_timed() -> None:
    # A clock that advances by what each call takes: 90 ms at first, then 2 ms.
    state = {"now": 0, "calls": 0}

    def call() -> None:
        state["calls"] += 1
        state["now"] += 90_000_000 if state["calls"] <= 3 else 2_000_000

    latency = measure(call, warmup=3, runs=10, clock_ns=lambda: state["now"])
    assert (latency.p50, latency.p99, latency.runs) == (pytest.approx(2), pytest.approx(2), 10)
    assert state["calls"] == 13
