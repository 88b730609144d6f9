"""Where observations and events go.

Outputs that own a file, a window or a connection are context managers as well: leaving them
completes it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from fer_core.values import Frame, Gap, Observation
from fer_edge.faces.events import ExpressionEvent


class Output(ABC):
    """Takes each frame with what was seen in it."""

    @abstractmethod
    def write(
        self,
        frame: Frame,
        observations: Sequence[Observation],
        events: Sequence[ExpressionEvent],
    ) -> None:
        """Take one frame; its pixels are only borrowed."""

    def idle(self, gap: Gap, events: Sequence[ExpressionEvent]) -> None:  # noqa: B027  # often nothing
        """Take note that no frame has come lately, and of what that has ended."""

    def finish(self, events: Sequence[ExpressionEvent]) -> None:  # noqa: B027
        """Take the events that the end of the source made."""
