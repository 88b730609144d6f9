"""Locks that end with the process that holds them, however it ends."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fer_core.errors import BusyError, FerError

LOCK = ".fer-lock"
_PAUSE_SECONDS = 0.02
_FAR = 2**30
"""Windows locks a byte, here one behind the content, so that others may read that."""


def try_lock(descriptor: int) -> bool:
    """Lock an open file for this process; return False where another process holds it."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        os.lseek(descriptor, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except OSError:
            return False
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks: as before there were any
        return True
    return True


@contextmanager
def alone_in(
    folder: Path,
    what: str,
    advice: str = "wait for it, or choose another --out",
    lock: str = LOCK,
    seconds: float = 0.0,
) -> Iterator[None]:
    """Let one process at a time write into an existing folder.

    Args:
        folder: The folder.
        what: What the work is called in messages.
        advice: What to do then, in messages.
        lock: The name of the file that is locked.
        seconds: How long to wait for another process.

    Raises:
        BusyError: Another process, which the message names, writes into it.
        FerError: Nobody can.
    """
    path, ends = folder / lock, time.monotonic() + seconds
    while (descriptor := _locked(path)) is None:
        if time.monotonic() >= ends:
            number, holder = _holder(path)
            raise BusyError(
                f"{holder or what} is writing into {folder} already (process {number}): {advice}",
                see="folder-in-use",
            )
        time.sleep(_PAUSE_SECONDS)
    try:
        _name_holder(path, what)
        yield
    finally:
        with suppress(OSError):  # Windows removes no open file
            path.unlink()
        os.close(descriptor)


def is_held(folder: Path, lock: str) -> bool:
    """Return whether a process, perhaps this one, holds a lock of `alone_in`."""
    try:
        descriptor = os.open(folder / lock, os.O_RDWR)
    except OSError:
        return False
    try:
        return not try_lock(descriptor)
    finally:
        os.close(descriptor)


def _locked(path: Path) -> int | None:
    """Return an open file that is locked, None where another process holds it."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise FerError(f"cannot write into {path.parent}: {error.strerror}") from error
    if try_lock(descriptor) and _is_still(path, descriptor):
        return descriptor
    os.close(descriptor)
    return None


def _is_still(path: Path, descriptor: int) -> bool:
    """Return whether a path is the file that was opened: its holder removes it at the end."""
    try:
        there, opened = path.stat(), os.fstat(descriptor)
    except OSError:
        return False
    return (there.st_dev, there.st_ino) == (opened.st_dev, opened.st_ino)


def _name_holder(path: Path, what: str) -> None:
    """Write who holds a lock; raise FerError where the disk has no room for it."""
    try:
        path.write_text(f"{os.getpid()} {what}\n", encoding="utf-8")
    except OSError as error:
        raise FerError(f"cannot write into {path.parent}: {error.strerror}") from error


def _holder(path: Path) -> tuple[str, str]:
    """Return the number of the process that holds a lock, and what it is called, as far as known.

    Versions up to 0.2 wrote the number alone.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")[:100].strip()
    except OSError:
        text = ""
    number, _, what = text.partition(" ")
    return number or "unknown", what
