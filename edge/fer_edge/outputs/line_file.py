"""A file or stdout that takes lines of text, through full disks and rotations."""

from __future__ import annotations

import errno
import logging
import os
import stat
import sys
from contextlib import suppress
from io import FileIO
from pathlib import Path

from fer_core.entry import reader_is_gone
from fer_core.errors import FerError
from fer_core.text import to_bytes

log = logging.getLogger(__name__)
_BLOCK = 1 << 16


class LineFile:
    """A text file, or stdout for `-`, that takes one line at a time and shows it at once.

    `dropped` counts the lines that could not be written.
    """

    def __init__(self, where: str, keep_going: bool = False) -> None:
        """Open it.

        Args:
            where: The file, or `-`.
            keep_going: Whether, as for a live camera, lines are appended to what the file holds,
                and one that cannot be written is counted and said once, as a full disk
                may have room again. If the file was renamed (rotated), a new one is made.

        Raises:
            FerError: It cannot be written.
        """
        self._name = "to stdout" if where == "-" else where
        self._keep_going = keep_going
        self.dropped = self._dropped_lately = 0
        appends = keep_going and where != "-"
        if appends:
            _cut_zeros(Path(where))
        self._path, self._torn = Path(where), False
        try:
            self._file = None if where == "-" else self._opened()
        except OSError as error:
            why = "no such folder" if isinstance(error, FileNotFoundError) else error.strerror
            raise FerError(f"cannot write {where}: {why}") from error

    def _opened(self) -> FileIO:
        self._torn = self._keep_going and _is_torn(self._path)
        return self._path.open("ab" if self._keep_going else "wb", buffering=0)

    def write(self, line: str) -> None:
        """Write one line.

        Raises:
            FerError: The disk is full, and the run is not to keep going.
        """
        try:
            self._put(line)
        except BrokenPipeError:
            raise
        except OSError as error:
            if not self._keep_going:
                raise FerError(f"cannot write {self._name}: {error.strerror}") from error
            if not self._dropped_lately:
                log.warning("cannot write %s: %s; lines are dropped", self._name, error.strerror)
            self.dropped, self._dropped_lately = self.dropped + 1, self._dropped_lately + 1
        else:
            if self._dropped_lately:
                log.warning(
                    "can write %s again; %d lines were dropped", self._name, self._dropped_lately
                )
                self._dropped_lately = 0

    def _put(self, line: str) -> None:
        if self._file is None:
            _put_on_stdout(line)
            return
        if self._keep_going and not _has_name(self._file, self._path):
            opened = self._opened()
            self._file.close()
            self._file = opened
        text = ("\n" if self._torn else "") + line + "\n"  # a torn line stays alone
        content = to_bytes(text)
        self._torn = self._file.write(content) < len(content)
        if self._torn:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def __enter__(self) -> LineFile:
        return self

    def __exit__(self, *raised: object) -> None:
        if self._file is not None:
            self._file.close()


def _put_on_stdout(line: str) -> None:
    """Write a line; raise BrokenPipeError where nobody reads it, whatever the system says."""
    try:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except OSError as error:
        if reader_is_gone(error):
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE)) from error
        raise


def _cut_zeros(file: Path) -> None:
    """Cut off the zeros that a power cut may leave at the end of a file, in the place of lines.

    File systems write down that a file has grown before they write what came to it.
    """
    if not file.is_file():
        return
    with suppress(OSError), file.open("r+b") as held:  # what cannot be changed, a write tells
        length = size = held.seek(0, os.SEEK_END)
        while size:
            begin = max(0, size - _BLOCK)
            held.seek(begin)
            kept = held.read(size - begin).rstrip(b"\0")
            size = begin + len(kept)
            if kept:
                break
        if size < length:
            held.truncate(size)


def _has_name(file: FileIO, path: Path) -> bool:
    """Return whether an open file still has its name, or is no plain file."""
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode):
        return True
    try:
        return os.path.samestat(status, path.stat())
    except FileNotFoundError:
        return False


def _is_torn(file: Path) -> bool:
    """Return whether the last line of a file has no end, as after a power cut."""
    try:
        with file.open("rb") as held:
            held.seek(-1, os.SEEK_END)
            return held.read(1) != b"\n"
    except OSError:  # it is empty, not there, or no plain file
        return False
