"""An output that looks at the board instead of the faces: it says when heat or power slows it."""

from __future__ import annotations

import logging
from collections.abc import Callable

from fer_core.values import Frame
from fer_edge.board import throttling
from fer_edge.faces.analysis import Analysis
from fer_edge.outputs import Output

log = logging.getLogger(__name__)


class HeatOutput(Output):
    """Asks the board every `every_seconds` of the frames' clock; warns of each change once.

    Attributes:
        slowed: What slows it now, empty for nothing.
    """

    def __init__(
        self, ask: Callable[[], str | None] = throttling, every_seconds: float = 10.0
    ) -> None:
        self._ask, self._every_seconds = ask, every_seconds
        self._asked_at, self.slowed = float("-inf"), ""

    def write(self, frame: Frame, seen: Analysis) -> None:
        """Ask if it is time."""
        if frame.captured_at - self._asked_at < self._every_seconds:
            return
        self._asked_at = frame.captured_at
        slowed = self._ask()
        if slowed is None:
            return  # it did not answer
        if slowed and slowed != self.slowed:
            told = "the board is slowed: %s; fer-edge doctor names the fix"
            log.warning(told, slowed, extra={"see": "board-slowed"})
        elif self.slowed and not slowed:
            log.warning("the board is no longer slowed")
        self.slowed = slowed
