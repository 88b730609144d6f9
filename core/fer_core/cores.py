"""How many processors and how much memory there are to use."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")


def usable_cores() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def most_processes() -> int:
    """Return how many processes one may wait for at a time: Windows sets a limit.

    Of Python before 3.13, `multiprocessing.connection.wait` takes 63 handles there.
    """
    return 60 if sys.platform == "win32" and sys.version_info < (3, 13) else sys.maxsize


def machine() -> str:
    """Return what computer Python sees; a system of 32 bits may run on a kernel of 64."""
    return platform.machine() + (", 32-bit Python" if sys.maxsize < 2**32 else "")


def processor_says(*keys: str) -> str:
    """Return what Linux says of the first processor under one of some keys, "" if nothing.

    x86 has its instructions under "flags", ARM under "Features".
    """
    try:
        text = CPUINFO.read_text(encoding="utf-8", errors="replace")
    except OSError:  # another system
        return ""
    lines = (line.partition(":") for line in text.splitlines())
    return next((value.strip() for key, _, value in lines if key.strip() in keys), "")


def free_bytes(unknown: int) -> int:
    """Return how much memory is free, in bytes; `unknown` where nothing says so."""
    try:
        with Path("/proc/meminfo").open(encoding="ascii") as lines:
            kilobytes = next(line.split()[1] for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return unknown
    return int(kilobytes) * 1024
