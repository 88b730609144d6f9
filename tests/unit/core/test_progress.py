"""The bar is drawn by the steps themselves: a thread beside them would disturb what is timed."""

import io
import sys
import threading

import pytest

from fer_core import progress
from fer_core.progress import progress_bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_is_drawn_between_steps_and_by_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_silenced", False)
    monkeypatch.setattr(progress, "_DRAWN_SECONDS", 0.0)
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    monkeypatch.setenv("TERM", "xterm")
    before = set(threading.enumerate())
    with progress_bar(3, "timing") as advance:
        assert set(threading.enumerate()) <= before
        advance("the first")
        assert "1/3" in terminal.getvalue()
        assert "the first" in terminal.getvalue()


def test_no_bar_is_drawn_into_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_silenced", False)
    monkeypatch.setattr(sys, "stderr", file := io.StringIO())
    with progress_bar(3, "timing") as advance:
        advance("the first")
    assert file.getvalue() == ""
