"""What cameras and networks do to a face: blur, noise, darkness, compression, few pixels.

Training draws from these to be ready for them, the benchmark measures what they cost. Pictures
are (h, w, c) uint8, and stay so.
"""

from __future__ import annotations

import numpy as np

from fer_core.opencv import cv2
from fer_core.pictures import decode_picture
from fer_core.values import UInt8Array


def blurred(picture: UInt8Array, sigma: float) -> UInt8Array:
    """Return the picture out of focus by a Gaussian of `sigma` pixels."""
    return _as_picture(cv2.GaussianBlur(picture, (0, 0), sigma), picture)


def noisy(picture: UInt8Array, deviation: float, rng: np.random.Generator) -> UInt8Array:
    """Return the picture with Gaussian noise of `deviation` gray levels on every value."""
    return _as_picture(picture + rng.normal(0, deviation, picture.shape), picture)


def darkened(
    picture: UInt8Array, gain: float, deviation: float, rng: np.random.Generator
) -> UInt8Array:
    """Return the picture in part of its light, with the noise of a sensor turned up.

    Args:
        picture: Pixels, uint8.
        gain: The part of the light that is left, 0 to 1.
        deviation: The standard deviation of the noise, in gray levels.
        rng: What draws the noise.
    """
    return _as_picture(picture * gain + rng.normal(0, deviation, picture.shape), picture)


def compressed(picture: UInt8Array, quality: int) -> UInt8Array:
    """Return the picture, gray or RGB, after a JPEG of `quality` (1 to 100)."""
    bgr = np.ascontiguousarray(picture[:, :, ::-1])
    encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
    decoded = decode_picture(encoded, colour=picture.shape[2] == 3)
    assert decoded is not None  # just written
    return _as_picture(decoded.reshape(picture.shape)[:, :, ::-1], picture)


def coarse(picture: UInt8Array, side: int) -> UInt8Array:
    """Return the picture as if it were `side` pixels wide, enlarged as the runner does."""
    tiny = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
    size = picture.shape[1], picture.shape[0]
    return _as_picture(cv2.resize(tiny, size, interpolation=cv2.INTER_AREA), picture)


def _as_picture(changed: object, picture: UInt8Array) -> UInt8Array:
    values = np.clip(np.rint(np.asarray(changed, np.float32)), 0, 255)
    return values.astype(np.uint8).reshape(picture.shape)
