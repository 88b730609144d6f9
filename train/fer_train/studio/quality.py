"""The gate: whether a crop is worth learning from, and if not, what the person can do about it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fer_core.opencv import cv2
from fer_core.values import Face, UInt8Array
from fer_train.prepare import several_faces

SMALLEST_FACE_PX = 48
LEAST_SHARPNESS = 0.02
DARKEST_MEAN, BRIGHTEST_MEAN = 25.0, 235.0
SAME_DIFFERENCE = 2.0

NO_FACE = "no face: look at the camera"
TWO_FACES = "two faces: one alone, please"
TOO_SMALL = "too small: come closer"
TOO_DARK = "too dark: more light, please"
TOO_BRIGHT = "too bright: less light, please"
BLURRED = "blurred: hold still"
SAME = "the same as before: move a little"


def face_fault(faces: Sequence[Face]) -> str:
    """Return why the largest of the faces found cannot be cropped, nothing where it can.

    Args:
        faces: The largest first, in pixels of the picture as it was decoded.
    """
    if not faces:
        return NO_FACE
    if several_faces(faces):
        return TWO_FACES
    return TOO_SMALL if faces[0].box.width < SMALLEST_FACE_PX else ""


def crop_fault(crop: UInt8Array, recent: Sequence[UInt8Array]) -> str:
    """Return why a crop is no use, nothing where it is.

    Args:
        crop: (h, w, channels) uint8, as the network takes it.
        recent: Crops of the same class that were kept just before.
    """
    mean = float(crop.mean())
    if mean < DARKEST_MEAN:
        return TOO_DARK
    if mean > BRIGHTEST_MEAN:
        return TOO_BRIGHT
    if sharpness(crop) < LEAST_SHARPNESS:
        return BLURRED
    return SAME if any(difference(crop, each) < SAME_DIFFERENCE for each in recent) else ""


def sharpness(crop: UInt8Array) -> float:
    """Return the variance of the Laplacian over that of the pixels, 0 for one gray."""
    gray = crop.mean(axis=2).astype(np.float32)
    return float(cv2.Laplacian(gray, cv2.CV_32F).var() / max(float(gray.var()), 1.0))


def difference(one: UInt8Array, other: UInt8Array) -> float:
    """Return the mean difference of two crops in gray levels, 0 to 255."""
    return float(np.abs(one.astype(np.int16) - other).mean())
