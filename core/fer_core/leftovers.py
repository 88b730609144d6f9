"""Unfinished files that a killed process or a power cut left: how they are named and removed."""

from __future__ import annotations

import os
import platform
import re
import time
import zlib
from contextlib import suppress
from pathlib import Path

_UNFINISHED = re.compile(r"\.fer-unfinished-(\d{1,10})-(\d{1,10})-(\d{1,10})-(\d{1,10})-\w{8}")
_LOOKED_AT: set[Path] = set()


def unfinished_mark() -> str:
    """Return what the name of an unfinished file says of who writes it."""
    computer, boot, space = _this_computer(), _this_boot(), _this_process_space()
    return f".fer-unfinished-{computer}-{boot}-{space}-{os.getpid()}-"


def remove_leftovers(folder: Path) -> None:
    """Remove the unfinished files of processes of this computer that live no more.

    A folder is looked through once in a process: thousands of files may be written into it.
    """
    if folder in _LOOKED_AT:
        return
    _LOOKED_AT.add(folder)
    for file in folder.glob(".*.fer-unfinished-*"):
        with suppress(OSError):  # another process removes it, too
            if _is_left(file):
                file.unlink()


def _is_left(file: Path) -> bool:
    """Return whether nobody can be writing a file any more.

    After a reboot all processes of before are dead. Two computers that were cloned from one card
    bear the same name: so a file that was written to since this one booted stays.
    """
    named = _UNFINISHED.search(file.name)
    if not named:
        return False
    computer, boot, space, process = map(int, named.groups())
    if computer != _this_computer():
        return False
    if boot != _this_boot():
        return file.stat().st_mtime < _booted_at()
    return space == _this_process_space() and not _lives(process)


def _this_computer() -> int:
    """Return what tells this computer, or container, from others, before and after a reboot."""
    told = [platform.node()]
    with suppress(OSError):  # of Linux alone
        told.append(Path("/etc/machine-id").read_text())
    return zlib.crc32("".join(told).encode())


def _this_boot() -> int:
    """Return what is new after each boot of this computer; 0 where that cannot be told."""
    with suppress(OSError):
        return zlib.crc32(Path("/proc/sys/kernel/random/boot_id").read_bytes())
    return 0


def _this_process_space() -> int:
    """Return what tells where a process number means something; 0 where that is everywhere."""
    with suppress(OSError):
        return zlib.crc32(str(Path("/proc/self/ns/pid").readlink()).encode())
    return 0


def _booted_at() -> float:
    """Return when this computer booted, in seconds since 1970, by the clock as it goes now."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)  # of Linux alone, as is what tells boots apart
    return time.time() - time.clock_gettime(clock) if clock is not None else 0.0


def _lives(process: int) -> bool:
    """Return whether a process lives; True where that cannot be told."""
    if os.name == "nt":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
