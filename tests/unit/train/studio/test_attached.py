"""How an attached process learns that nobody holds its stdin any more, on a stand-in of Windows."""

import os
import sys
from types import SimpleNamespace

import pytest

from fer_train.studio import attached


def test_on_windows_nobody_reads_the_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that reads it keeps whoever looks at the handle waiting, as `import numpy` does."""
    looks: list[tuple[int, int]] = []

    def peek(handle: int, size: int) -> tuple[int, int]:
        looks.append((handle, size))
        if len(looks) == 3:
            raise BrokenPipeError
        return 0, 0

    def read(number: int, size: int) -> bytes:
        raise AssertionError("a thread reads the pipe")

    handles = SimpleNamespace(get_osfhandle=lambda number: 700 + number)
    monkeypatch.setitem(sys.modules, "msvcrt", handles)
    monkeypatch.setitem(sys.modules, "_winapi", SimpleNamespace(PeekNamedPipe=peek))
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(os, "read", read)
    monkeypatch.setattr(attached, "_LOOK_SECONDS", 0.0)
    attached._wait_for_the_end_of_stdin()
    assert looks == [(700, 0)] * 3
