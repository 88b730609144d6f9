"""A live window, where there is a display."""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Mapping

from fer_core.errors import FerError
from fer_core.opencv import cv2
from fer_core.values import Frame, Gap
from fer_edge.faces.analysis import Analysis
from fer_edge.outputs import Output
from fer_edge.outputs.overlay import draw_observations
from fer_edge.stages import StageTimes

_TITLE = "fer-edge (q ends)"
_END_KEYS = {ord("q"), 27}


def display_problem(environment: Mapping[str, str] = os.environ) -> str | None:
    """Return why no window can be shown here, or None when one can."""
    if re.search(r"GUI:\s+NONE", cv2.getBuildInformation()):
        return "this OpenCV has no windows; for a screen, make a new venv with '.[edge]'"
    needs_display = sys.platform.startswith("linux")
    if needs_display and not (environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")):
        return "there is no display (DISPLAY is not set)"
    return None


def _property_of_an_open_window() -> int:
    """Return the property that is 1 while a window is open: GTK does not tell what is visible."""
    has_gtk = re.search(r"GUI:\s+GTK", cv2.getBuildInformation())
    return cv2.WND_PROP_AUTOSIZE if has_gtk else cv2.WND_PROP_VISIBLE


class WindowOutput(Output):
    """Shows annotated frames, a window a camera; `q`, Escape or closing the window sets `stop`."""

    def __init__(
        self, stop: threading.Event, live: bool = True, times: StageTimes | None = None
    ) -> None:
        """Make sure that a window can be shown; it opens with the first frame.

        Args:
            stop: What the viewer sets to end the run.
            live: Whether the next frame takes the picture's place at once.
            times: What counts the time of drawing and showing.

        Raises:
            FerError: No window can be shown here.
        """
        problem = display_problem()
        if problem:
            raise FerError(f"cannot show a window: {problem}", see="window-impossible")
        self._stop, self._live, self._times = stop, live, times or StageTimes()
        self._open_property = _property_of_an_open_window()
        self._titles: set[str] = set()

    def write(self, frame: Frame, seen: Analysis) -> None:
        """Show one frame."""
        title = f"{frame.camera}: {_TITLE}" if frame.camera else _TITLE
        with self._times.stage("draw"):
            cv2.imshow(title, draw_observations(frame, seen.observations))
        self._titles.add(title)
        while not self._stop.is_set():
            if self._look_at_keys(1 if self._live else 50) or self._live:
                return

    def idle(self, gap: Gap, seen: Analysis) -> None:
        """Let the viewer end the run while no picture comes, too."""
        if self._titles:
            self._look_at_keys(1)

    def _look_at_keys(self, milliseconds: int) -> bool:
        """Wait for a key, end the run if the viewer asks for it; return whether there was a key."""
        key = cv2.waitKey(milliseconds)
        closed = [cv2.getWindowProperty(each, self._open_property) < 1 for each in self._titles]
        if key & 0xFF in _END_KEYS or any(closed):
            self._stop.set()
        return key >= 0

    def __enter__(self) -> WindowOutput:
        return self

    def __exit__(self, *raised: object) -> None:
        cv2.destroyAllWindows()
