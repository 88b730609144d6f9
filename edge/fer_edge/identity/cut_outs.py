"""What is kept of a picture to know a face again: the face and a little around it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fer_core.opencv import cv2
from fer_core.values import Box, Face, Frame, UInt8Array

MARGIN, LARGEST_FACE_PX = 0.5, 200
"""What is cut out around a face, in sides of its box, and the width to which a larger face is
shrunk: dlib looks at 150 px. See docs/decisions/0007-identity.md."""


@dataclass(frozen=True, slots=True, eq=False)
class CutOut:
    """Pixels (h, w, 3) uint8 BGR, and the face as it lies in them."""

    pixels: UInt8Array
    face: Face


def cut_out(frame: Frame, face: Face) -> CutOut:
    """Return a copy of a face and its surroundings, as far as the frame reaches.

    Raises:
        ValueError: The face lies outside of the frame.
    """
    around = face.box.expanded(MARGIN).clipped(frame.width, frame.height)
    if around is None:
        raise ValueError(f"{face.box} lies outside of the {frame.width}x{frame.height} frame")
    pixels = frame.pixels[around.y : around.y + around.height, around.x : around.x + around.width]
    scale = min(1.0, LARGEST_FACE_PX / face.box.width)
    if scale < 1:
        small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        pixels = np.asarray(small, np.uint8)
    else:
        pixels = pixels.copy()
    box = Box(face.box.x - around.x, face.box.y - around.y, face.box.width, face.box.height)
    return CutOut(pixels, Face(box.times(scale), face.score, face.roll_degrees))
