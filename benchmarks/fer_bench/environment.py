"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import numpy as np

from fer_bench.limits import BUSY
from fer_bench.records import INT8_PRODUCTS, Environment
from fer_core import __version__
from fer_core.cores import machine, processor_says, usable_cores
from fer_core.opencv import cv2

_BOARD = Path("/proc/device-tree/model")
_GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
_INSTRUCTIONS = ("avx2", "avx512f", "neon", "asimd", *INT8_PRODUCTS)


def read_environment(runtime: str, kernels: str) -> Environment:
    """Return this machine's environment; what it does not tell is `unknown`."""
    board = _read(_BOARD).strip("\0") or machine()
    load, cores = _load_before(), usable_cores()
    return Environment(
        board=board,
        cpu=processor_says("model name") or platform.processor() or "unknown",
        instructions=_instructions(),
        cores=cores,
        governor=_read(_GOVERNOR) or "unknown",
        system=f"{platform.system()} {machine()}",
        python=platform.python_version(),
        numpy=np.__version__,
        opencv=cv2.__version__,
        runtime=runtime,
        kernels=kernels,
        fer_edge_kit=__version__,
        load_before=load,
        on_a_pi="Raspberry Pi" in board,
        busy=is_busy(load, cores),
    )


def is_busy(load_before: float | None, cores: int) -> bool:
    """Return whether other programs took more than BUSY of the cores before the measurement."""
    return load_before is not None and load_before > BUSY * cores


def _load_before() -> float | None:
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def ways_to_run() -> list[tuple[int, str]]:
    """Return the threads and kernels that a model is timed with; the first is what is quoted."""
    return [*((n, "xnnpack") for n in sorted({1, 2, usable_cores()})), (1, "builtin")]


def _instructions() -> str:
    here = processor_says("flags", "Features").split()
    found = " ".join(each for each in _INSTRUCTIONS if each in here)
    return found or ("none" if here else "unknown")


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
