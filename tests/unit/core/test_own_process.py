"""How a module in a process of its own is run, and which of its ends is a crash."""

import subprocess
import sys
from typing import Any

import pytest

from fer_core.errors import FerError
from fer_core.own_process import how_it_crashed, run_module


def ends_with(monkeypatch: pytest.MonkeyPatch, code: int, system: str) -> list[dict[str, Any]]:
    """Let processes end at once with this code; return how they will have been started."""
    started: list[dict[str, Any]] = []

    def run(words: list[str], **how: Any) -> subprocess.CompletedProcess[str]:
        started.append(how)
        return subprocess.CompletedProcess(words, code, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(sys, "platform", system)
    return started


@pytest.mark.parametrize(
    ("code", "system", "name"),
    [(0xC0000005, "win32", "0xC0000005"), (-11, "linux", "SIGSEGV"), (-99, "linux", "signal 99")],
)
def test_a_crash_is_told(
    monkeypatch: pytest.MonkeyPatch, code: int, system: str, name: str
) -> None:
    ends_with(monkeypatch, code, system)
    with pytest.raises(FerError, match=rf"it crashes the runtime \({name}\)"):
        run_module("any", seconds=1, what="it")


@pytest.mark.parametrize("system", ["win32", "linux"])
def test_a_process_has_a_stdin_of_its_own(monkeypatch: pytest.MonkeyPatch, system: str) -> None:
    """One that inherits the pipe on which its parent waits hangs on Windows."""
    started = ends_with(monkeypatch, 3, system)
    assert run_module("any", seconds=1, what="it").returncode == 3
    assert [how["stdin"] for how in started] == [subprocess.DEVNULL]


@pytest.mark.parametrize(
    ("code", "system", "name"),
    [(0, "win32", ""), (3, "win32", ""), (0xC0000409, "win32", "0xC0000409"), (139, "linux", "")],
)
def test_only_a_crash_has_a_name(
    monkeypatch: pytest.MonkeyPatch, code: int, system: str, name: str
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    assert how_it_crashed(code) == name
