"""A few faces that every network can be asked about: of the shipped portrait, and drawn ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fer_core.opencv import cv2
from fer_core.preprocess import InputSpec
from fer_core.values import Face, Frame, UInt8Array
from fer_edge.portrait import PORTRAIT_FACE, demo_portrait

GOLDEN_VERSION = 1
"""Grows when a face changes: answers to other faces say nothing."""
_SIDE = 96
_CHANGES: tuple[Callable[[UInt8Array], UInt8Array], ...] = (
    lambda face: face,
    lambda face: face[:, ::-1],
    lambda face: face // np.uint8(3),
    lambda face: face[::-1],
)
"""As it is, mirrored, in the dark, upside down."""
_DRAWN = ((1.0, 2), (-1.0, 2), (0.0, 12))
"""Drawn mouths: how far the corners are up, and how far it is open."""


def golden_faces(spec: InputSpec) -> tuple[UInt8Array, ...]:
    """Return the faces as a network of this input takes them, each (height, width, channels).

    Raises:
        FerError: The portrait is damaged.
    """
    crop = spec.pixels(Frame(demo_portrait(), 0, 0.0), Face(PORTRAIT_FACE, 1.0))
    photographed = [np.ascontiguousarray(change(crop)) for change in _CHANGES]
    return (*photographed, *(spec.resized(_drawn(*mouth)) for mouth in _DRAWN))


def _drawn(corners_up: float, opened: int) -> UInt8Array:
    """Return a gray face of ellipses, (_SIDE, _SIDE)."""
    face = np.full((_SIDE, _SIDE), 90, np.uint8)
    cv2.ellipse(face, (48, 48), (35, 45), 0, 0, 360, (185,), cv2.FILLED)
    for x in (32, 64):
        cv2.ellipse(face, (x, 38), (8, 4), 0, 0, 360, (70,), cv2.FILLED)
        cv2.circle(face, (x, 38), 3, (15,), cv2.FILLED)
        cv2.line(face, (x - 8, 28), (x + 8, 28), (40,), 3)
    across = np.linspace(-1, 1, 21)
    middle = 72 - 7 * corners_up * (across**2 - 0.5)
    half = opened * (1 - across**2) / 2 + 1
    sides = [np.stack([48 + 15 * across, middle + way * half], axis=1) for way in (-1, 1)]
    outline = np.rint(np.concatenate([sides[0], sides[1][::-1]])).astype(np.int32)
    cv2.fillPoly(face, [outline], (45,))
    return face
