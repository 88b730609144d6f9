"""The way into a command: nothing is imported before Ctrl-C and closed streams are provided for."""

from __future__ import annotations

import errno
import os
import sys
from importlib import import_module

INTERRUPTED = 130
"""The exit code after Ctrl-C or SIGTERM."""


def start(module: str) -> None:
    """Run `main` of a command's module; Ctrl-C during its imports ends with exit code 130."""
    _hold_standard_streams()
    try:
        command = import_module(module)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    command.main()


def reader_is_gone(error: OSError) -> bool:
    """Return whether a write failed since nobody reads: of a pipe, Windows says EINVAL then."""
    of_windows = sys.platform == "win32" and error.errno == errno.EINVAL
    return error.errno == errno.EPIPE or of_windows


def _hold_standard_streams() -> None:
    """Open what was closed to nowhere: the next file would else be taken for stdout."""
    for number, name in ((0, "stdin"), (1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is not None:
            continue
        try:
            os.fstat(number)
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
        mode = "r" if number == 0 else "w"
        setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115
