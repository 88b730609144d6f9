"""Places of a picture that are never looked at, shown or kept."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from fer_core.opencv import cv2
from fer_core.values import Frame, Gap
from fer_edge.sources import FrameSource

Polygon = Sequence[tuple[float, float]]
"""Its corners (x, y) in shares of the picture's width and height, each 0 to 1."""


class MaskedSource:
    """Another source's frames with some places black."""

    def __init__(self, source: FrameSource, masks: Mapping[str, Sequence[Polygon]]) -> None:
        """Take the source, and what is black in the pictures of each camera, by its name."""
        self._source, self._masks = source, masks

    def frames(self, stop: threading.Event) -> Iterator[Frame | Gap]:
        """Yield the masked frames."""
        for frame in self._source.frames(stop):
            if isinstance(frame, Gap) or not self._masks.get(frame.camera):
                yield frame
            else:
                yield masked(frame, self._masks[frame.camera])

    def close(self) -> None:
        """Close the other source."""
        self._source.close()


def masked(frame: Frame, polygons: Sequence[Polygon]) -> Frame:
    """Return a frame whose pixels in and on the polygons are black; the given one stays."""
    pixels = frame.pixels.copy()
    size = np.array([frame.width, frame.height])
    for polygon in polygons:  # one at a time: several at once leave out where they overlap
        corners = np.rint(np.array(polygon) * size).astype(np.int32)
        cv2.fillPoly(pixels, [corners], (0, 0, 0))
    return replace(frame, pixels=pixels)
