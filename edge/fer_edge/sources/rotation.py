"""A camera that hangs sideways or should be a mirror."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from fer_core.opencv import cv2
from fer_core.values import Frame, Gap
from fer_edge.sources import FrameSource

_CODES = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


class RotatedSource:
    """Another source's frames, turned clockwise by 0, 90, 180 or 270 degrees, then mirrored."""

    def __init__(self, source: FrameSource, rotate: int, mirror: bool) -> None:
        self._source, self._rotate, self._mirror = source, rotate, mirror

    def frames(self, stop: threading.Event) -> Iterator[Frame | Gap]:
        """Yield the turned frames."""
        for frame in self._source.frames(stop):
            if isinstance(frame, Gap):
                yield frame
                continue
            pixels = frame.pixels
            if self._rotate:
                pixels = np.asarray(cv2.rotate(pixels, _CODES[self._rotate]), np.uint8)
            if self._mirror:
                pixels = np.asarray(cv2.flip(pixels, 1), np.uint8)
            yield replace(frame, pixels=pixels)

    def close(self) -> None:
        """Close the other source."""
        self._source.close()
