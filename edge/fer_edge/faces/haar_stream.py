"""Following faces through a stream with the Haar cascade."""

from __future__ import annotations

from fer_core.values import Box, Face, Frame, UInt8Array
from fer_edge.faces.detector import WINDOW_PX
from fer_edge.faces.haar import HaarCascade, to_gray
from fer_edge.faces.shrinking import shrunk

SEARCH_STEP, SEARCH_NEIGHBORS = 1.2, 2
"""Few neighbors find nearly every face; a look near each rejects the false ones."""
NEAR_STEP, NEAR_NEIGHBORS = 1.1, 3
NEAR_MARGIN, NEAR_PX, NEAR_LARGEST = 0.3, 30, 1.35
"""How far around a face it is looked for, in its own size; how large it is shown then, in pixels;
and up to which size it may have grown. The smallest is the cascade's own window."""


class HaarStream:
    """What follows faces through a stream with the Haar cascade: see StreamSearch."""

    def __init__(self, smallest_px: int) -> None:
        """Load the cascade twice, for two threads.

        Args:
            smallest_px: Side of the smallest wanted face, in pixels of the frame.

        Raises:
            FerError: OpenCV lacks the cascade, or its file is damaged.
        """
        self._wide, self._cascade = HaarCascade(), HaarCascade()
        self._scale = min(1.0, WINDOW_PX / smallest_px)

    def prepared(self, frame: Frame) -> UInt8Array:
        """Return a frame in gray."""
        return to_gray(frame.pixels)

    def everywhere(self, picture: UInt8Array) -> tuple[Face, ...]:
        """Return the faces of a whole picture, shrunk until the smallest is WINDOW_PX."""
        small = shrunk(picture, self._scale)
        found = self._wide.find(small, SEARCH_STEP, SEARCH_NEIGHBORS, WINDOW_PX)
        return tuple(face.times(1 / self._scale) for face in found)

    def confirmed(self, picture: UInt8Array, face: Face) -> Face | None:
        """Return a face that a search has found as a near look sees it, None if it is none."""
        return self.near(picture, face)

    def near(self, picture: UInt8Array, face: Face) -> Face | None:
        """Return the surest face near a face, of a like size, None if there is none."""
        height, width = picture.shape
        window = face.box.expanded(NEAR_MARGIN).clipped(width, height)
        if window is None:
            return None
        part = picture[window.y : window.y + window.height, window.x : window.x + window.width]
        scale = min(1.0, NEAR_PX / face.box.width)
        largest = max(WINDOW_PX + 1, round(face.box.width * scale * NEAR_LARGEST))
        found = self._cascade.find(
            shrunk(part, scale), NEAR_STEP, NEAR_NEIGHBORS, WINDOW_PX, largest
        )
        if not found:
            return None
        best = max(found, key=lambda face: face.score)
        inside = best.box.times(1 / scale)
        moved = Box(inside.x + window.x, inside.y + window.y, inside.width, inside.height)
        return Face(moved, best.score)
