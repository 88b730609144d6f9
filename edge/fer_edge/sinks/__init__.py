"""Where observations and events go.

Sinks that own a file or a window are context managers as well: leaving them completes the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from fer_core.values import Frame, Observation
from fer_edge.events import ExpressionEvent


class Sink(Protocol):
    """Takes each frame with what was seen in it."""

    def write(
        self,
        frame: Frame,
        observations: Sequence[Observation],
        events: Sequence[ExpressionEvent],
    ) -> None:
        """Take one frame; its pixels are only borrowed."""

    def finish(self, events: Sequence[ExpressionEvent]) -> None:
        """Take the events that the end of the source made."""
