"""Where observations and events go.

Outputs that own a file, a window or a connection are context managers as well: leaving them
completes it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from fer_core.values import Frame, Gap
from fer_edge.faces.analysis import Analysis


class Output(ABC):
    """Takes each frame with what was seen in it."""

    @abstractmethod
    def write(self, frame: Frame, seen: Analysis) -> None:
        """Take one frame; its pixels are only borrowed."""

    def idle(self, gap: Gap, seen: Analysis) -> None:  # noqa: B027  # often nothing
        """Take note that no frame has come lately, and of what that has ended."""

    def finish(self, seen: Analysis) -> None:  # noqa: B027
        """Take the events that the end of the source made."""
