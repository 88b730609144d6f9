"""An output that says when this computer is too slow for its cameras."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from fer_core.values import Frame
from fer_edge.faces.analysis import Analysis
from fer_edge.outputs import Output

log = logging.getLogger(__name__)

ASK_SECONDS, STEADY = 10.0, 3
"""How often it is looked at, and how often in a row it must be so before it is told."""
TOO_FEW, ENOUGH = 0.9, 0.97
"""The share of its pictures below which a camera is one too many, and from which all is well."""
Counts = Mapping[str, tuple[int, int]]
"""By camera how many pictures have come, and how many of them nobody took."""


class LoadOutput(Output):
    """Compares the pictures that come with those that are looked at; tells of each change once."""

    def __init__(self, counts: Callable[[], Counts]) -> None:
        self._counts, self._asked_at = counts, 0.0
        self._before: Counts = {}
        self._is_told, self._in_a_row = False, 0

    def write(self, frame: Frame, seen: Analysis) -> None:
        """Compare if it is time."""
        if frame.captured_at - self._asked_at < ASK_SECONDS:
            return
        self._asked_at = frame.captured_at
        before, self._before = self._before, self._counts()
        shares: dict[str, float] = {}
        for camera, (came, dropped) in self._before.items():
            came_before, dropped_before = before.get(camera, (0, 0))
            if came > came_before:
                shares[camera] = 1 - (dropped - dropped_before) / (came - came_before)
        if shares:
            self._tell(shares)

    def _tell(self, shares: Mapping[str, float]) -> None:
        least = min(shares.values())
        changes = least >= ENOUGH if self._is_told else least < TOO_FEW
        self._in_a_row = self._in_a_row + 1 if changes else 0
        if self._in_a_row < STEADY:
            return
        self._is_told, self._in_a_row = not self._is_told, 0
        if self._is_told:
            each = ", ".join(f"{camera} {share:.0%}" for camera, share in shares.items())
            log.warning(
                "this computer cannot look at every picture of its cameras (%s): "
                "a smaller fps or size, or a larger min_face, helps. A network camera has fps and "
                "size in its own settings",
                each,
                extra={"see": "computer-too-slow"},
            )
        else:
            log.warning("this computer looks at every picture of its cameras again")
