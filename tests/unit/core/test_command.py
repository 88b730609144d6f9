import sys

import pytest

from fer_core.command import command_line


def test_a_command_is_kept_without_places_and_without_one_option(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = ["fer-x", "/home/me/faces.npz", "--teacher", "", "--out", "here", "--data=/a/b", "=a"]
    monkeypatch.setattr(sys, "argv", words)
    kept = "fer-x faces.npz --teacher '' --out here --data=b =a"
    assert command_line("fer-x") == kept
    assert command_line("fer-x", without="--out") == kept.replace(" --out here", "")
    monkeypatch.setattr(sys, "argv", ["fer-x", "--int8", "--out=here"])
    assert command_line("fer-x", without="--out") == "fer-x --int8"
