"""What a board tells of its heat and power: thermal zones and, on a Pi, `vcgencmd`."""

from __future__ import annotations

import re
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
    answer = _vcgencmd("get_throttled")
    return None if answer is None else read_throttled(answer)


def power_watts() -> float | None:
    """Return what a Raspberry Pi 5 draws now, None on boards without a meter."""
    answer = _vcgencmd("pmic_read_adc")
    return None if answer is None else read_power(answer)


def _vcgencmd(question: str) -> str | None:
    command = shutil.which("vcgencmd")
    if command is None:
        return None
    try:
        done = subprocess.run(
            [command, question], capture_output=True, text=True, timeout=0.5, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return None  # it is there and cannot answer
    return done.stdout


def read_power(answer: str) -> float | None:
    """Return the watts over all rails that `vcgencmd pmic_read_adc` prints, None without any.

    A rail has two lines, `VDD_CORE_A current(7)=1.2A` and `VDD_CORE_V volt(15)=0.9V`. What USB
    devices draw does not pass these rails (Raspberry Pi documentation, vcgencmd).
    """
    readings = dict(re.findall(r"(\S+_[AV]) \w+\(\d+\)=([\d.]+)[AV]", answer))
    rails = [name[:-2] for name in readings if name.endswith("_A")]
    watts = [
        float(readings[f"{rail}_A"]) * float(readings[f"{rail}_V"])
        for rail in rails
        if f"{rail}_V" in readings
    ]
    return sum(watts) if watts else None


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
