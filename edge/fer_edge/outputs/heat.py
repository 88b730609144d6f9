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
    """Asks the board every `every_seconds` of the frames' clock; warns of each change once."""

    def __init__(
        self, ask: Callable[[], str | None] = throttling, every_seconds: float = 10.0
    ) -> None:
        self._ask, self._every_seconds = ask, every_seconds
        self._asked_at, self._told = float("-inf"), ""

    def write(self, frame: Frame, seen: Analysis) -> None:
        """Ask if it is time."""
        if frame.captured_at - self._asked_at < self._every_seconds:
            return
        self._asked_at = frame.captured_at
        slowed = self._ask() or ""
        if slowed and slowed != self._told:
            log.warning("the board is slowed: %s; fer-edge doctor says what mends it", slowed)
        elif self._told and not slowed:
            log.warning("the board is no longer slowed")
        self._told = slowed
