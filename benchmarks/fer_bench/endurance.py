"""A long run without a pause: what heat does to the latency, and what a face costs in energy."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from fer_edge.board import frequency_mhz, power_watts, temperature_celsius, throttling

WINDOW_SECONDS = 1.0
_SAMPLING_SECONDS, _IDLE_SECONDS = 0.25, 5.0


@dataclass(frozen=True, slots=True)
class Window:
    """About a second of the run, `at_s` after its start, and how the board was at its end."""

    at_s: float
    faces: int
    p50_ms: float
    temperature_celsius: float | None
    frequency_mhz: float | None
    throttled: str | None


@dataclass(frozen=True, slots=True)
class Endurance:
    """A run without a pause; watts are of the whole board, None without a meter."""

    windows: tuple[Window, ...]
    seconds: float
    idle_watts: float | None = None
    busy_watts: float | None = None

    @property
    def faces(self) -> int:
        """How many faces were looked at."""
        return sum(window.faces for window in self.windows)

    @property
    def first_ms(self) -> float:
        """The median of the windows in the first tenth of the run."""
        return self._median(self.windows[: self._tenth])

    @property
    def last_ms(self) -> float:
        """The median of the windows in the last tenth of the run."""
        return self._median(self.windows[-self._tenth :])

    @property
    def throttled_share(self) -> float:
        """In what share of the windows the board said that something slows it, 0 to 1."""
        return sum(bool(window.throttled) for window in self.windows) / len(self.windows)

    @property
    def throttled_ms(self) -> float | None:
        """The median of those windows, None without any."""
        slowed = [window for window in self.windows if window.throttled]
        return self._median(slowed) if slowed else None

    @property
    def millijoules_a_face(self) -> float | None:
        """What the board drew for a face, its idle draw included."""
        return self.busy_watts * self.seconds / self.faces * 1e3 if self.busy_watts else None

    @property
    def _tenth(self) -> int:
        return max(1, len(self.windows) // 10)

    @staticmethod
    def _median(windows: list[Window] | tuple[Window, ...]) -> float:
        return float(np.median([window.p50_ms for window in windows]))

    def text(self) -> str:
        """Return the run in a line."""
        heats = [w.temperature_celsius for w in self.windows if w.temperature_celsius is not None]
        words = [
            f"{self.seconds:.0f} s without a pause: {self.first_ms:.3f} ms at first, "
            f"{self.last_ms:.3f} at last"
        ]
        if heats:
            words.append(f"{heats[0]:.0f} to {heats[-1]:.0f} degrees")
        if self.throttled_ms is not None:
            words.append(
                f"slowed {self.throttled_share:.0%} of it, then {self.throttled_ms:.3f} ms"
            )
        if self.millijoules_a_face is not None:
            idle = f"{self.idle_watts:.1f}" if self.idle_watts is not None else "?"
            words.append(
                f"{self.busy_watts:.1f} W ({idle} idle), {self.millijoules_a_face:.2f} mJ a face"
            )
        else:
            words.append("energy not measured: no meter")
        return ", ".join(words)

    def to_json(self) -> dict[str, Any]:
        """Return the figures and the windows as JSON values."""
        return {
            "seconds": round(self.seconds, 3),
            "faces": self.faces,
            "first_ms": self.first_ms,
            "last_ms": self.last_ms,
            "throttled_share": self.throttled_share,
            "throttled_ms": self.throttled_ms,
            "idle_watts": self.idle_watts,
            "busy_watts": self.busy_watts,
            "millijoules_a_face": self.millijoules_a_face,
            "windows": [asdict(window) for window in self.windows],
        }


class PowerMeter:
    """Asks the board's meter four times a second, on a thread, while the block runs."""

    def __init__(self, read: Callable[[], float | None] = power_watts) -> None:
        self._read, self._watts, self._done = read, list[float](), threading.Event()
        self._thread = threading.Thread(target=self._sample, name="power meter", daemon=True)

    def _sample(self) -> None:
        while (watts := self._read()) is not None:
            self._watts.append(watts)
            if self._done.wait(_SAMPLING_SECONDS):
                return

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
    windows: list[Window] = []
    began = clock()
    with PowerMeter(watts) as meter:
        while (now := clock()) - began < seconds:
            samples = []
            while clock() - now < WINDOW_SECONDS:
                started = clock()
                call()
                samples.append(1e3 * (clock() - started))
            windows.append(
                Window(
                    round(now - began, 3),
                    len(samples),
                    float(np.median(samples)),
                    temperature_celsius(),
                    frequency_mhz(),
                    throttling(),
                )
            )
        spent = clock() - began
    return Endurance(tuple(windows), spent, idle, meter.mean_watts)


def _idle_watts(watts: Callable[[], float | None]) -> float | None:
    """Return what the board draws at rest; None, at once, without a meter."""
    if watts() is None:
        return None
    with PowerMeter(watts) as meter:
        time.sleep(_IDLE_SECONDS)
    return meter.mean_watts
