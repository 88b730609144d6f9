"""What native code writes to stderr past Python."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from fer_core.logs import is_own_line

_SHOWN = threading.Event()
_HELD = threading.RLock()


def show_native_output() -> None:
    """Let native code say what it likes from now on, for `--verbose`."""
    _SHOWN.set()


def native_output_is_shown() -> bool:
    """Return whether somebody asked for what native code says."""
    return _SHOWN.is_set()


@contextmanager
def native_stderr() -> Iterator[list[str]]:
    """Hold back what native code writes to stderr in the block.

    It concerns the whole process, other threads too, so one block holds it at a time. Where
    stderr is closed or there is no room for a temporary file, nothing is held back. When the
    block fails, the lines are written after all.

    Yields:
        A list that gets the lines when the block ends.
    """
    lines: list[str] = []
    with _HELD:
        try:
            sys.stderr.flush()
            stderr = os.dup(2)
        except (OSError, ValueError, AttributeError):  # closed, or none as under pythonw
            yield lines
            return
        try:
            held = tempfile.TemporaryFile()  # noqa: SIM115  # closed below
        except OSError:
            os.close(stderr)
            yield lines
            return
        os.dup2(held.fileno(), 2)
        try:
            yield lines
        except BaseException:
            _let_go(held, stderr, lines)
            os.write(2, "".join(f"{line}\n" for line in lines).encode())
            raise
        _let_go(held, stderr, lines)


@contextmanager
def quiet_native_code() -> Iterator[None]:
    """Drop what native code writes to stderr in the block, unless somebody asked for it.

    What this command logs meanwhile, on another thread, is written after the block.
    """
    if native_output_is_shown():
        yield
        return
    with native_stderr() as lines:
        yield
    for line in filter(is_own_line, lines):
        print(line, file=sys.stderr, flush=True)


def _let_go(held: IO[bytes], stderr: int, lines: list[str]) -> None:
    """Give stderr back, and read what was held."""
    sys.stderr.flush()
    os.dup2(stderr, 2)
    os.close(stderr)
    with held:
        held.seek(0)
        lines += held.read().decode(errors="replace").splitlines()
