import threading
from itertools import count

import pytest

from fer_bench import endurance
from fer_bench.cells import endurance as in_words
from fer_bench.endurance import PowerMeter, endurance_of, measure_endurance
from fer_bench.records import EnduranceWindow


class Heating:
    """A board whose every call takes a tenth longer after ten seconds, told as throttled."""

    def __init__(self) -> None:
        self.now = 0.0

    def clock(self) -> float:
        return self.now

    def call(self) -> None:
        self.now += 0.011 if self.now >= 10 else 0.01

    def throttling(self) -> str:
        return "throttled" if self.now > 11 else ""


def test_a_board_that_heats_up_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    board = Heating()
    monkeypatch.setattr(endurance, "throttling", board.throttling)
    monkeypatch.setattr(endurance, "temperature_celsius", lambda: 40 + board.now)
    run = measure_endurance(board.call, 20, board.clock, lambda: None)
    assert (run.first_ms, run.last_ms) == (pytest.approx(10), pytest.approx(11))
    assert run.throttled_ms == pytest.approx(11)
    assert run.throttled_share == pytest.approx(0.5, abs=0.06)
    assert run.millijoules_a_face is None
    assert in_words(run).startswith(
        "20 s without a pause: 10.000 ms at first, 11.000 at last, 41 to 60"
    )
    assert in_words(run).endswith("energy not measured: no meter")
    assert run.faces == sum(window.faces for window in run.windows) > 1800


def test_energy_is_power_by_time_by_face() -> None:
    window = EnduranceWindow(at_s=0.0, faces=500, p50_ms=2.0)
    run = endurance_of((window, window), 2.0, idle_watts=3.0, busy_watts=5.0)
    assert run.millijoules_a_face == pytest.approx(10)  # 5 W, 2 s, 1,000 faces
    assert run.throttled_ms is None
    assert in_words(run).endswith("5.0 W (3.0 idle), 10.00 mJ a face")


def test_the_meter_takes_the_mean_and_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endurance, "_SAMPLING_SECONDS", 0.001)
    readings = count(2)
    with PowerMeter(lambda: float(next(readings))) as meter:
        while next(readings) < 20:
            pass
    assert meter.mean_watts is not None
    assert meter.mean_watts >= 2
    assert not meter._thread.is_alive()
    with PowerMeter(lambda: None) as none:
        pass
    assert none.mean_watts is None


def test_a_reading_that_is_missing_does_not_end_the_meter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endurance, "_SAMPLING_SECONDS", 0.001)
    told, all_read = iter([2.0, None, 4.0]), threading.Event()

    def read() -> float | None:
        try:
            return next(told)
        except StopIteration:
            all_read.set()
            return None

    with PowerMeter(read) as meter:
        assert all_read.wait(10)
    assert meter.mean_watts == 3.0
