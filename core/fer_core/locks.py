"""Locks that end with the process that holds them, however it ends."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fer_core.errors import FerError

LOCK = ".fer-lock"
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
def alone_in(folder: Path, what: str) -> Iterator[None]:
    """Let one process at a time write into an existing folder.

    Args:
        folder: The folder.
        what: What the work is called in messages.

    Raises:
        FerError: Another process, which the message names, writes into it, or nobody can.
    """
    path = folder / LOCK
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise FerError(f"cannot write into {folder}: {error.strerror}") from error
    try:
        if not (try_lock(descriptor) and _is_still(path, descriptor)):
            raise FerError(
                f"{what} is writing into {folder} already (process {_holder(path)}): wait for it, "
                "or choose another folder"
            )
        path.write_text(f"{os.getpid()}\n")
        yield
        with suppress(OSError):  # Windows removes no open file
            path.unlink()
    finally:
        os.close(descriptor)


def _is_still(path: Path, descriptor: int) -> bool:
    """Return whether a path is the file that was opened: its holder removes it at the end."""
    try:
        there, opened = path.stat(), os.fstat(descriptor)
    except OSError:
        return False
    return (there.st_dev, there.st_ino) == (opened.st_dev, opened.st_ino)


def _holder(path: Path) -> str:
    try:
        return path.read_text(errors="replace")[:20].strip() or "unknown"
    except OSError:
        return "unknown"
