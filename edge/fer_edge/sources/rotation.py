"""A camera that hangs sideways or should be a mirror."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from fer_core.opencv import cv2
from fer_core.values import Frame, Gap
from fer_edge.sources import FrameSource

_CODES = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


@dataclass(frozen=True, slots=True)
class Turn:
    """How a camera's pictures are turned.

    Attributes:
        rotate: Clockwise by 0, 90, 180 or 270 degrees.
        mirror: Whether left and right are swapped after that.
    """

    rotate: int = 0
    mirror: bool = False


class RotatedSource:
    """Another source's frames, turned."""

    def __init__(self, source: FrameSource, turns: Mapping[str, Turn]) -> None:
        """Take the source, and how the pictures of each camera are turned, by its name."""
        self._source, self._turns = source, turns

    def frames(self, stop: threading.Event) -> Iterator[Frame | Gap]:
        """Yield the turned frames."""
        for frame in self._source.frames(stop):
            if isinstance(frame, Gap):
                yield frame
                continue
            pixels, turn = frame.pixels, self._turns[frame.camera]
            if turn.rotate:
                pixels = np.asarray(cv2.rotate(pixels, _CODES[turn.rotate]), np.uint8)
            if turn.mirror:
                pixels = np.asarray(cv2.flip(pixels, 1), np.uint8)
            yield replace(frame, pixels=pixels)

    def close(self) -> None:
        """Close the other source."""
        self._source.close()
