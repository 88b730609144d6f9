"""What a board tells of its heat: the kernel's thermal zones and, on a Pi, `vcgencmd`."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

_ZONES, _CPUS = Path("/sys/class/thermal"), Path("/sys/devices/system/cpu")
_THROTTLED = {
    0: "under-voltage",
    1: "capped frequency",
    2: "throttled",
    3: "soft temperature limit",
}


def temperature_celsius(zones: Path = _ZONES) -> float | None:
    """Return the hottest thermal zone in degrees Celsius, None where the system tells none."""
    return _highest(zones, "thermal_zone*/temp")


def frequency_mhz(cpus: Path = _CPUS) -> float | None:
    """Return the highest clock of the processor's cores now, None where the system tells none."""
    return _highest(cpus, "cpu*/cpufreq/scaling_cur_freq")


def _highest(folder: Path, pattern: str) -> float | None:
    """Return a thousandth of the highest number in the files that match, None without any."""
    readings = []
    for file in folder.glob(pattern):
        try:
            readings.append(int(file.read_text()) / 1000)
        except (OSError, ValueError):
            continue  # some exist and cannot be read
    return max(readings, default=None)


def throttling() -> str | None:
    """Return what a Raspberry Pi says slows it now, empty for nothing, None on other boards."""
    command = shutil.which("vcgencmd")
    if command is None:
        return None
    try:
        done = subprocess.run(
            [command, "get_throttled"], capture_output=True, text=True, timeout=0.5, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return None  # it is there and cannot answer
    return read_throttled(done.stdout)


def read_throttled(answer: str) -> str | None:
    """Return the words for `throttled=0x5`, as `vcgencmd get_throttled` prints it.

    Bits 0 to 3 are what is so now (Raspberry Pi documentation, vcgencmd).
    """
    _, _, number = answer.strip().partition("=")
    try:
        bits = int(number, 16)
    except ValueError:
        return None
    return ", ".join(word for bit, word in _THROTTLED.items() if bits >> bit & 1)
