"""Augmentation of whole batches: parameters drawn with NumPy, pixels moved by Keras.

The draws depend on the given generator alone, so one seed gives the same pictures on every
Keras backend and after a resume. No loop over pictures, but for the few that a poor camera took.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops

from fer_core.distort import blurred, coarse, compressed, darkened, noisy
from fer_core.metrics import Float64Array
from fer_core.preprocess import denormalize_pixels, normalize_pixels
from fer_core.values import FloatArray, UInt8Array
from fer_train.config import TrainConfig

ERASED_SHARE = (0.02, 0.2)
"""Smallest and largest share of the picture that erasing covers (Zhong et al., 2020)."""

_DEGRADATIONS: tuple[Callable[[UInt8Array, np.random.Generator], UInt8Array], ...] = (
    lambda picture, rng: blurred(picture, rng.uniform(1 / 120, 1 / 24) * len(picture)),
    lambda picture, rng: noisy(picture, rng.uniform(3, 20), rng),
    lambda picture, rng: darkened(picture, rng.uniform(0.15, 0.6), rng.uniform(1, 6), rng),
    lambda picture, rng: compressed(picture, int(rng.integers(10, 50))),
    lambda picture, rng: coarse(picture, int(rng.uniform(0.33, 0.75) * len(picture))),
)


def augment(
    images: FloatArray, targets: FloatArray, config: TrainConfig, rng: np.random.Generator
) -> tuple[Any, FloatArray]:
    """Return an augmented batch, in the shapes that it came in.

    In order: geometry (edges replicated), contrast and brightness, what a poor camera does,
    erasing, mixup.

    Args:
        images: (n, h, w, c) float32 in -1 to 1.
        targets: (n, classes), the labels as probabilities.
        config: How much of each.
        rng: What draws it.
    """
    n, height, width, _ = images.shape
    moved = ops.image.affine_transform(
        images, _affine_matrices(n, height, width, config, rng), fill_mode="nearest"
    )
    batch = ops.convert_to_numpy(moved)
    if config.contrast or config.brightness:
        batch = _photometric(batch, config, rng)
    if config.degrade:
        batch = _degraded(batch, config.degrade, rng)
    if config.erasing:
        batch = _erased(batch, config.erasing, rng)
    if config.mixup:
        return _mixed(batch, targets, config.mixup, rng)
    return batch, targets


def _affine_matrices(
    n: int, height: int, width: int, config: TrainConfig, rng: np.random.Generator
) -> FloatArray:
    """Return (n, 8) float32 maps from output to input pixels, about the picture's center."""

    def uniform(limit: float) -> Float64Array:
        return rng.uniform(-limit, limit, n)

    angle, shear = np.deg2rad(uniform(config.rotation)), np.deg2rad(uniform(config.shear))
    scale = 1 + uniform(config.zoom)
    mirror = np.where(rng.random(n) < config.flip, -1.0, 1.0)
    across, down = uniform(config.shift) * width, uniform(config.shift) * height
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    a, b = cos * mirror, cos * np.tan(shear) - sin
    c, d = sin * mirror, sin * np.tan(shear) + cos
    x, y = (width - 1) / 2, (height - 1) / 2
    zero = np.zeros(n)
    matrix = [a, b, x - a * x - b * y + across, c, d, y - c * x - d * y + down, zero, zero]
    return np.stack(matrix, axis=1).astype(np.float32)


def _photometric(batch: FloatArray, config: TrainConfig, rng: np.random.Generator) -> FloatArray:
    shape = (len(batch), 1, 1, 1)
    gain = rng.uniform(1 - config.contrast, 1 + config.contrast, shape).astype(np.float32)
    offset = 2 * rng.uniform(-config.brightness, config.brightness, shape).astype(np.float32)
    mean = batch.mean(axis=(1, 2, 3), keepdims=True)
    return np.asarray(np.clip((batch - mean) * gain + mean + offset, -1.0, 127 / 128), np.float32)


def _degraded(batch: FloatArray, probability: float, rng: np.random.Generator) -> FloatArray:
    """Give some pictures the focus, noise, light, compression or size of a poor camera."""
    batch = np.array(batch)
    for index in np.flatnonzero(rng.random(len(batch)) < probability):
        picture = denormalize_pixels(batch[index])
        worse = _DEGRADATIONS[rng.integers(len(_DEGRADATIONS))](picture, rng)
        batch[index] = normalize_pixels(worse)
    return batch


def _erased(batch: FloatArray, probability: float, rng: np.random.Generator) -> FloatArray:
    """Fill one rectangle of some pictures with a random gray."""
    n, (height, width) = len(batch), batch.shape[1:3]
    share = rng.uniform(*ERASED_SHARE, n)
    aspect = np.exp(rng.uniform(np.log(0.4), np.log(2.5), n))
    tall = np.minimum(np.sqrt(share * aspect) * height, height)
    wide = np.minimum(np.sqrt(share / aspect) * width, width)
    top, left = rng.uniform(0, height - tall), rng.uniform(0, width - wide)
    gray = rng.uniform(-1, 1, n).astype(np.float32)
    chosen = rng.random(n) < probability
    row, column = np.arange(height)[None, :], np.arange(width)[None, :]
    in_rows = (row >= top[:, None]) & (row < (top + tall)[:, None]) & chosen[:, None]
    in_columns = (column >= left[:, None]) & (column < (left + wide)[:, None])
    mask = in_rows[:, :, None, None] & in_columns[:, None, :, None]
    return np.where(mask, gray[:, None, None, None], batch)


def _mixed(
    batch: FloatArray, targets: FloatArray, alpha: float, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Blend each picture and its target with another of the batch (Zhang et al., 2018)."""
    share = np.float32(rng.beta(alpha, alpha))
    other = rng.permutation(len(batch))
    return (
        share * batch + (1 - share) * batch[other],
        share * targets + (1 - share) * targets[other],
    )
