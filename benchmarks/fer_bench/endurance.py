"""A long run without a pause: what heat does to the latency, and what a face costs in energy."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import numpy as np

from fer_bench.records import Endurance, EnduranceWindow
from fer_edge.board import frequency_mhz, power_watts, temperature_celsius, throttling

WINDOW_SECONDS = 1.0
_SAMPLING_SECONDS, _IDLE_SECONDS = 0.25, 5.0


def endurance_of(
    windows: Sequence[EnduranceWindow],
    seconds: float,
    idle_watts: float | None = None,
    busy_watts: float | None = None,
) -> Endurance:
    """Return what the windows of a run without a pause show; there is at least one."""
    faces, tenth = sum(window.faces for window in windows), max(1, len(windows) // 10)
    throttled = [window for window in windows if window.throttled]
    return Endurance(
        seconds=round(seconds, 3),
        faces=faces,
        first_ms=_median_ms(windows[:tenth]),
        last_ms=_median_ms(windows[-tenth:]),
        throttled_share=len(throttled) / len(windows),
        throttled_ms=_median_ms(throttled) if throttled else None,
        idle_watts=idle_watts,
        busy_watts=busy_watts,
        millijoules_a_face=busy_watts * seconds / faces * 1e3 if busy_watts else None,
        windows=tuple(windows),
    )


def _median_ms(windows: Sequence[EnduranceWindow]) -> float:
    return float(np.median([window.p50_ms for window in windows]))


class PowerMeter:
    """Asks the board's meter four times a second, on a thread, while the block runs.

    A board that does not answer at first has no meter; later, an answer may be missing.
    """

    def __init__(self, read: Callable[[], float | None] = power_watts) -> None:
        self._read, self._watts, self._done = read, list[float](), threading.Event()
        self._thread = threading.Thread(target=self._sample, name="power meter", daemon=True)

    def _sample(self) -> None:
        watts = self._read()
        has_meter = watts is not None
        while has_meter:
            if watts is not None:
                self._watts.append(watts)
            if self._done.wait(_SAMPLING_SECONDS):
                return
            watts = self._read()

    def __enter__(self) -> PowerMeter:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._done.set()
        self._thread.join()

    @property
    def mean_watts(self) -> float | None:
        """The mean so far; None without a meter."""
        return float(np.mean(self._watts)) if self._watts else None


def measure_endurance(
    call: Callable[[], object],
    seconds: float,
    clock: Callable[[], float] = time.perf_counter,
    watts: Callable[[], float | None] = power_watts,
) -> Endurance:
    """Call without a pause for so many seconds; where there is a meter, rest before it."""
    idle = _idle_watts(watts)
    windows: list[EnduranceWindow] = []
    began = clock()
    with PowerMeter(watts) as meter:
        while (now := clock()) - began < seconds:
            samples = []
            while clock() - now < WINDOW_SECONDS:
                started = clock()
                call()
                samples.append(1e3 * (clock() - started))
            windows.append(
                EnduranceWindow(
                    at_s=round(now - began, 3),
                    faces=len(samples),
                    p50_ms=float(np.median(samples)),
                    temperature_celsius=temperature_celsius(),
                    frequency_mhz=frequency_mhz(),
                    throttled=throttling(),
                )
            )
        spent = clock() - began
    return endurance_of(windows, spent, idle, meter.mean_watts)


def _idle_watts(watts: Callable[[], float | None]) -> float | None:
    """Return what the board draws at rest; None, at once, without a meter."""
    if watts() is None:
        return None
    with PowerMeter(watts) as meter:
        time.sleep(_IDLE_SECONDS)
    return meter.mean_watts
