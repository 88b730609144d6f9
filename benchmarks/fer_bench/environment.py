"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fer_core import __version__
from fer_core.cores import usable_cores
from fer_core.opencv import cv2

_BOARD = Path("/proc/device-tree/model")
_GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
_CPUINFO = Path("/proc/cpuinfo")
BUSY = 0.25
"""The share of the cores that other programs may take before figures are marked."""


@dataclass(frozen=True, slots=True)
class Environment:
    """Board, processor, governor, runtime, kernels and versions of one measurement.

    `load_before` is how many programs were running on average in the minute before it, None where
    the system does not tell.
    """

    board: str
    cpu: str
    cores: int
    governor: str
    system: str
    python: str
    numpy: str
    opencv: str
    runtime: str
    kernels: str
    fer_edge_kit: str
    load_before: float | None = None

    @property
    def on_a_pi(self) -> bool:
        """Whether this board says that it is a Raspberry Pi."""
        return "Raspberry Pi" in self.board

    @property
    def was_busy(self) -> bool:
        """Whether other programs kept it busy before the measurement, and so perhaps during it."""
        return self.load_before is not None and self.load_before > BUSY * self.cores


def read_environment(runtime: str, kernels: str) -> Environment:
    """Return this machine's environment; what it does not tell is `unknown`."""
    return Environment(
        board=_read(_BOARD).strip("\0") or platform.machine(),
        cpu=_cpu_name(),
        cores=usable_cores(),
        governor=_read(_GOVERNOR) or "unknown",
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        numpy=np.__version__,
        opencv=cv2.__version__,
        runtime=runtime,
        kernels=kernels,
        fer_edge_kit=__version__,
        load_before=round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    )


def ways_to_run() -> list[tuple[int, str]]:
    """Return the threads and kernels that a model is timed with; the first is what is quoted."""
    return [*((n, "xnnpack") for n in sorted({1, 2, usable_cores()})), (1, "builtin")]


def _cpu_name() -> str:
    named = [line for line in _read(_CPUINFO).splitlines() if line.startswith("model name")]
    return named[0].partition(":")[2].strip() if named else platform.processor() or "unknown"


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
