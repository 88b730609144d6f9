"""How sharp a crop of a face is."""

from __future__ import annotations

import numpy as np

from fer_core.opencv import cv2
from fer_core.values import UInt8Array

_SECOND_DIFFERENCE = np.array([[1, -2, 1]], np.float32)


def sharpness(crop: UInt8Array) -> float:
    """Return how much a crop (h, w, channels) changes from pixel to pixel.

    It is the variance of the second difference over that of the pixels, across or down, whichever
    is less: a head that moves sideways is blurred across alone. 0 for one gray.
    """
    gray = crop.mean(axis=2).astype(np.float32)
    kernels = (_SECOND_DIFFERENCE, _SECOND_DIFFERENCE.T)
    least = min(float(cv2.filter2D(gray, -1, kernel).var()) for kernel in kernels)
    return least / max(float(gray.var()), 1.0)
