"""The gate: whether a crop is worth learning from, and if not, why.

`train/studies/studio_gate.py` measures what the thresholds refuse.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fer_core.sharpness import sharpness
from fer_core.values import Face, FloatArray, Frame, UInt8Array
from fer_train.prepare import several_faces

SMALLEST_FACE_PX = 48
"""Width of a face; a smaller one has fewer pixels than the network sees."""
LEAST_SHARPNESS = 0.01
"""See `fer_core.sharpness`. None of PublicTest's crops has less; a blur of 1.5 px of the crop
(sigma) takes three quarters of them below, one of 2 px nearly all."""
DARKEST_MEAN = 25.0
"""Mean gray, 0 to 255. Crops darkened to this lose fer-small about 5 points of accuracy."""
WHITE_GRAY, MOST_WHITE = 250, 0.4
"""The share of pixels, 0 to 1, that may be this white or whiter."""
SAME_DIFFERENCE = 2.0
"""Mean difference in gray levels. A camera's noise alone gives 1 to 1.5; crops of people in four
clips differ by 3 to 17 (medians) from one frame to that a tenth of a second later."""
SAME_SIDE_DISTANCE, OTHER_PERSON_DISTANCE = 0.2, 0.6
"""Distances of descriptors to the nearest picture of the same name. Below the first a picture adds
nothing, since faces are known up to 0.5; from the second on it is somebody else. Measured in
docs/decisions/0007-identity.md."""

NO_FACE, TWO_FACES, TOO_SMALL = "no_face", "two_faces", "too_small"
TOO_DARK, TOO_BRIGHT, BLURRED, SAME = "too_dark", "too_bright", "blurred", "same"
SAME_SIDE, OTHER_PERSON = "same_side", "other_person"
"""The faults; words.js has a sentence for each."""


def face_fault(frame: Frame, faces: Sequence[Face]) -> str:
    """Return why the largest of the faces found cannot be cropped, nothing where it can.

    Args:
        frame: The picture as it was decoded.
        faces: The largest first, in pixels of it.
    """
    if not faces:
        return light_fault(frame.pixels) or NO_FACE
    if several_faces(faces):
        return TWO_FACES
    return TOO_SMALL if faces[0].box.width < SMALLEST_FACE_PX else ""


def crop_fault(crop: UInt8Array, recent: Sequence[UInt8Array]) -> str:
    """Return why a crop is no use, nothing where it is.

    Args:
        crop: (h, w, channels) uint8, as the network takes it.
        recent: Crops of the same class that were kept just before.
    """
    if fault := light_fault(crop):
        return fault
    if sharpness(crop) < LEAST_SHARPNESS:
        return BLURRED
    return SAME if any(difference(crop, each) < SAME_DIFFERENCE for each in recent) else ""


def person_fault(descriptor: FloatArray, shown: Sequence[FloatArray]) -> str:
    """Return why a face is no use for a person, nothing where it is.

    Args:
        descriptor: (n,) float32, of the face.
        shown: Those of the person's pictures.
    """
    if not shown:
        return ""
    nearest = min(float(np.linalg.norm(descriptor - each)) for each in shown)
    if nearest >= OTHER_PERSON_DISTANCE:
        return OTHER_PERSON
    return SAME_SIDE if nearest < SAME_SIDE_DISTANCE else ""


def light_fault(pixels: UInt8Array) -> str:
    """Return whether a crop, or a picture in which no face was found, is too dark or too bright."""
    if pixels.mean() < DARKEST_MEAN:
        return TOO_DARK
    return TOO_BRIGHT if (pixels >= WHITE_GRAY).mean() > MOST_WHITE else ""


def difference(one: UInt8Array, other: UInt8Array) -> float:
    """Return the mean difference of two crops in gray levels, 0 to 255."""
    return float(np.abs(one.astype(np.int16) - other).mean())
