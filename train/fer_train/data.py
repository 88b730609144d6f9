"""Batches of a data set, in an order that the seed and the epoch decide."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fer_core.dataset import FerDataset
from fer_core.preprocess import normalize_pixels
from fer_core.values import FloatArray


def model_inputs(dataset: FerDataset) -> FloatArray:
    """Return the pictures as the network takes them, (n, h, w, 1) float32 in -1 to 127/128."""
    return normalize_pixels(dataset.images)[..., np.newaxis]


def one_hot(dataset: FerDataset) -> FloatArray:
    """Return the labels as (n, classes) float32."""
    return np.eye(len(dataset.label_names), dtype=np.float32)[dataset.labels]


def batches(
    dataset: FerDataset, targets: FloatArray, batch_size: int, rng: np.random.Generator
) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Yield shuffled (images, targets); the few pictures that fill no batch wait an epoch.

    `targets` (n, classes) are the labels as probabilities.
    """
    order = rng.permutation(len(dataset))
    for start in range(0, steps_per_epoch(dataset, batch_size) * batch_size, batch_size):
        chosen = order[start : start + batch_size]
        yield normalize_pixels(dataset.images[chosen])[..., np.newaxis], targets[chosen]


def steps_per_epoch(dataset: FerDataset, batch_size: int) -> int:
    """Return how many batches an epoch has: whole ones, at least one."""
    return max(1, len(dataset) // batch_size)
