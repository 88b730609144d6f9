import runpy
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest

from fer_edge.faces.events import NONE, ExpressionEvent

LAMP = runpy.run_path(str(Path(__file__).parents[3] / "examples" / "lamp.py"))


def test_the_lamp_is_on_while_anyone_looks_happy() -> None:
    events = [
        ExpressionEvent("started", 1, "neutral", 0.8, 1.0),
        ExpressionEvent("changed", 1, "happy", 0.9, 2.0),
        ExpressionEvent("started", 2, "happy", 0.9, 3.0),
        ExpressionEvent("changed", 1, "sad", 0.7, 4.0),
        ExpressionEvent("ended", 2, NONE, 0.0, 5.0),
        ExpressionEvent("ended", 1, NONE, 0.0, 6.0),
    ]
    states = LAMP["lamp_states"]([event.to_json() for event in events], "happy")
    assert list(states) == [False, True, True, True, False, False]


def test_the_lamp_forgets_who_was_there_before_fer_edge_started_again() -> None:
    events = [
        ExpressionEvent("started", 57, "happy", 0.9, 900.0),
        ExpressionEvent("started", 1, "neutral", 0.8, 2.0),
    ]
    states = LAMP["lamp_states"]([event.to_json() for event in events], "happy")
    assert list(states) == [True, False]


def test_ctrl_c_ends_the_lamp_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[object] = []

    class Led:
        value = False

        def __setattr__(self, name: str, value: bool) -> None:
            shown.append((name, value))

    @contextmanager
    def led(pin: int) -> Iterator[Led]:
        shown.append(pin)
        yield Led()
        shown.append("closed")

    def events_until_ctrl_c() -> Iterator[str]:
        yield ExpressionEvent("started", 1, "happy", 0.9, 1.0).to_json()
        raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "gpiozero", ModuleType("gpiozero"))
    monkeypatch.setattr(sys.modules["gpiozero"], "LED", led, raising=False)
    monkeypatch.setattr(sys, "stdin", events_until_ctrl_c())
    monkeypatch.setattr(sys, "argv", ["lamp.py"])
    LAMP["main"]()
    assert shown == [17, ("value", True), "closed"]


def test_what_is_no_event_ends_the_lamp_in_words() -> None:
    with pytest.raises(SystemExit, match="no event of fer-edge: saved demo"):
        list(LAMP["lamp_states"](["saved demo.mp4\n"], "happy"))


def test_without_gpiozero_the_lamp_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gpiozero", None)
    monkeypatch.setattr(sys, "argv", ["lamp.py"])
    with pytest.raises(SystemExit, match="sudo apt install python3-gpiozero"):
        LAMP["main"]()
