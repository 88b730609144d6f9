"""A live window, where there is a display."""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Mapping, Sequence
from types import TracebackType

import cv2
from fer_core.errors import FerError
from fer_core.values import Frame, Observation

from fer_edge.events import ExpressionEvent
from fer_edge.overlay import draw_observations

TITLE = "fer-edge (q ends)"
_END_KEYS = {ord("q"), 27}


def display_problem(environment: Mapping[str, str] = os.environ) -> str | None:
    """Return why no window can be shown here, or None when one can."""
    if re.search(r"GUI:\s+NONE", cv2.getBuildInformation()):
        return "this OpenCV has no windows; pip install 'fer-edge-kit[edge]'"
    needs_display = sys.platform.startswith("linux")
    if needs_display and not (environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")):
        return "there is no display (DISPLAY is not set)"
    return None


class WindowSink:
    """Shows annotated frames; `q` or Escape sets `stop`."""

    def __init__(self, stop: threading.Event) -> None:
        """Raise FerError when no window can be shown here."""
        problem = display_problem()
        if problem:
            raise FerError(f"cannot show a window: {problem}")
        self._stop = stop

    def write(
        self,
        frame: Frame,
        observations: Sequence[Observation],
        events: Sequence[ExpressionEvent],
    ) -> None:
        """Show one frame."""
        cv2.imshow(TITLE, draw_observations(frame, observations))
        if cv2.waitKey(1) & 0xFF in _END_KEYS:
            self._stop.set()

    def finish(self, events: Sequence[ExpressionEvent]) -> None:
        """Show nothing further."""

    def __enter__(self) -> WindowSink:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        cv2.destroyAllWindows()
