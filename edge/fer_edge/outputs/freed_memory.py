"""Memory that was freed, given back to the system."""

from __future__ import annotations

import contextlib
import ctypes
import sys


def give_back_freed_memory() -> None:
    """Have glibc give back the memory it keeps that encoders and waiting frames have freed.

    It takes milliseconds, in which other threads may wait for memory. Elsewhere nothing happens.
    """
    if sys.platform.startswith("linux"):
        with contextlib.suppress(AttributeError, OSError):  # another C library than glibc
            ctypes.CDLL(None).malloc_trim(0)
