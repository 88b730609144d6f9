"""What native code writes to stderr past Python."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_SHOWN = threading.Event()


def show_native_output() -> None:
    """Let native code say what it likes from now on, for `--verbose`."""
    _SHOWN.set()


def native_output_is_shown() -> bool:
    """Return whether somebody asked for what native code says."""
    return _SHOWN.is_set()


@contextmanager
def native_stderr() -> Iterator[list[str]]:
    """Hold back what native code writes to stderr in the block; yield a list that gets its lines.

    The lines are there when the block ends. It concerns the whole process, other threads too.
    """
    lines: list[str] = []
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held:
        stderr = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield lines
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)
            held.seek(0)
            lines += held.read().decode(errors="replace").splitlines()
