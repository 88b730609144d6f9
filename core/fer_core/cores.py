"""How many processors and how much memory there are to use."""

from __future__ import annotations

import os
from pathlib import Path


def usable_cores() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def free_bytes(unknown: int) -> int:
    """Return how much memory is free, in bytes; `unknown` where nothing says so."""
    try:
        with Path("/proc/meminfo").open(encoding="ascii") as lines:
            kilobytes = next(line.split()[1] for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return unknown
    return int(kilobytes) * 1024
