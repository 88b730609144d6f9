"""A clip made at run time from the shipped portrait, moved and lit as a camera would see it."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator

import numpy as np

from fer_core.opencv import cv2
from fer_core.values import Frame, UInt8Array
from fer_edge.portrait import demo_portrait

FPS = 25.0
FRAMES = 100
SIZE = (640, 480)
_FACE_CENTRE = (224.0, 120.0)


class DemoSource:
    """Yields the demo's frames: 640x480, 25 a second, four seconds.

    Raises:
        FerError: The portrait is damaged.
    """

    def __init__(self, frames: int = FRAMES) -> None:
        self._count = frames
        self._portrait = demo_portrait()

    def frames(self, stop: threading.Event) -> Iterator[Frame]:
        """Yield the frames with their media time."""
        noise = np.random.default_rng(0)
        for index in range(self._count):
            if stop.is_set():
                return
            yield Frame(self._picture(index / FPS, noise), index, index / FPS, "demo")

    def close(self) -> None:
        """Hold nothing open."""

    def _picture(self, at: float, noise: np.random.Generator) -> UInt8Array:
        """Return the portrait at `at` seconds: swaying, coming nearer, in changing light."""
        scale = 1.1 + 0.3 * math.sin(2 * math.pi * at / 4)
        angle = 5 * math.sin(2 * math.pi * at / 3)
        matrix = cv2.getRotationMatrix2D(_FACE_CENTRE, angle, scale)
        matrix[0, 2] += SIZE[0] / 2 - _FACE_CENTRE[0] + 70 * math.sin(2 * math.pi * at / 4)
        matrix[1, 2] += SIZE[1] * 0.4 - _FACE_CENTRE[1] + 20 * math.sin(2 * math.pi * at / 2)
        moved = cv2.warpAffine(self._portrait, matrix, SIZE, borderMode=cv2.BORDER_REPLICATE)
        gain = 1 + 0.2 * math.sin(2 * math.pi * at / 2.5)
        grain = noise.normal(0, 3, (SIZE[1], SIZE[0], 1))
        return np.clip(moved * gain + grain, 0, 255).astype(np.uint8)
