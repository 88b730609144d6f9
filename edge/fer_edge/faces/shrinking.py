"""Pictures made smaller, to be searched or compared."""

from __future__ import annotations

import numpy as np

from fer_core.opencv import cv2
from fer_core.values import Box, Frame, UInt8Array

THUMBNAIL_PX = 12
"""Side of a thumbnail; docs/decisions/0010-tracks.md says why."""


def shrunk(pixels: UInt8Array, scale: float) -> UInt8Array:
    """Return a picture, (h, w) or (h, w, 3), scaled by a factor below 1, itself otherwise."""
    return pixels if scale >= 1 else resized(pixels, scale)


def resized(pixels: UInt8Array, scale: float) -> UInt8Array:
    """Return a picture, (h, w) or (h, w, 3), with sides of `scale` times as much."""
    height, width = pixels.shape[:2]
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    smoothly = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, size, interpolation=smoothly), np.uint8)


def thumbnail(frame: Frame, box: Box) -> UInt8Array:
    """Return what lies within a box, (THUMBNAIL_PX, THUMBNAIL_PX) uint8 gray."""
    inside = box.clipped(frame.width, frame.height)
    if inside is None:
        return np.zeros((THUMBNAIL_PX, THUMBNAIL_PX), np.uint8)
    part = frame.pixels[inside.y : inside.y + inside.height, inside.x : inside.x + inside.width]
    small = cv2.resize(part, (THUMBNAIL_PX, THUMBNAIL_PX), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8)
