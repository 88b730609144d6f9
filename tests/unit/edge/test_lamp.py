import runpy
from pathlib import Path

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
