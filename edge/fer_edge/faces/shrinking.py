"""Pictures made smaller before they are searched."""

from __future__ import annotations

import numpy as np

from fer_core.opencv import cv2
from fer_core.values import UInt8Array


def shrunk(pixels: UInt8Array, scale: float) -> UInt8Array:
    """Return a picture, (h, w) or (h, w, 3), scaled by a factor below 1, itself otherwise."""
    return pixels if scale >= 1 else resized(pixels, scale)


def resized(pixels: UInt8Array, scale: float) -> UInt8Array:
    """Return a picture, (h, w) or (h, w, 3), with sides of `scale` times as much."""
    height, width = pixels.shape[:2]
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    smoothly = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, size, interpolation=smoothly), np.uint8)
