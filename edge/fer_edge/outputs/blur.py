"""Faces made unrecognizable before any output gets the picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from fer_core.opencv import cv2
from fer_core.values import Box, Frame, Observation
from fer_edge.faces.analysis import Analysis

MARGIN, BLOCKS = 0.35, 6
"""By how much of its size a face's box is grown on every side, and how many blocks across it are
left: hair and chin are covered, and nothing within a block is."""
LINGER_SECONDS = 2.0
"""How long the place stays blurred where a face was that is missed now."""


class Blur:
    """Blurs the faces of strangers, or all of them.

    A stranger is whoever has no name: unknown, not yet asked about, or not told by the identity.
    """

    def __init__(self, whom: str) -> None:
        """Take whom: strangers, or all."""
        self._all = whom == "all"
        self._last: dict[tuple[str, int], tuple[Observation, int]] = {}

    def __call__(self, frame: Frame, seen: Analysis) -> Frame:
        """Return the frame with those faces blurred; the given one stays."""
        boxes = [
            inside
            for box in self._boxes(frame, seen)
            if (inside := box.expanded(MARGIN).clipped(frame.width, frame.height))
        ]
        if not boxes:
            return frame
        pixels = frame.pixels.copy()
        for box in boxes:
            part = pixels[box.y : box.y + box.height, box.x : box.x + box.width]
            small = cv2.resize(part, (BLOCKS, BLOCKS), interpolation=cv2.INTER_AREA)
            part[:] = cv2.resize(small, (box.width, box.height), interpolation=cv2.INTER_NEAREST)
        return replace(frame, pixels=pixels)

    def _boxes(self, frame: Frame, seen: Analysis) -> Iterator[Box]:
        """Yield where faces to blur are, and were a moment ago."""
        here = {each.track_id for each in seen.observations}
        for each in seen.observations:
            if each.track_id is not None:
                self._last[frame.camera, each.track_id] = each, frame.width
            if self._is_blurred(each):
                yield each.face.box
        for (camera, track_id), (each, width) in list(self._last.items()):
            if camera != frame.camera or track_id in here:
                continue
            if not 0 <= frame.captured_at - each.captured_at <= LINGER_SECONDS:
                del self._last[camera, track_id]
            elif self._is_blurred(each):
                yield each.face.box.times(frame.width / width)  # it may have another size now

    def _is_blurred(self, seen: Observation) -> bool:
        return self._all or not seen.person
