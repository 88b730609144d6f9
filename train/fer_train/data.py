"""Batches of a data set, in an order that the seed and the epoch decide."""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np

from fer_core.dataset import FerDataset
from fer_core.preprocess import normalize_pixels
from fer_core.values import FloatArray


def model_inputs(dataset: FerDataset) -> FloatArray:
    """Return the pictures as the network takes them, (n, h, w, c) float32 in -1 to 127/128."""
    return normalize_pixels(dataset.pixels)


def one_hot(dataset: FerDataset) -> FloatArray:
    """Return the labels as (n, classes) float32."""
    return np.eye(len(dataset.label_names), dtype=np.float32)[dataset.labels]


def class_weights(training: FerDataset) -> FloatArray:
    """Return (classes,) float32 that make every class weigh the same; 1 on average a picture."""
    counts = np.bincount(training.labels, minlength=len(training.label_names))
    weights = len(training) / (np.count_nonzero(counts) * np.maximum(counts, 1))
    return weights.astype(np.float32)


def predict(model: keras.Model, dataset: FerDataset) -> FloatArray:
    """Return probabilities (n, classes) float32 of every picture."""
    probabilities = model.predict(model_inputs(dataset), batch_size=256, verbose=0)
    return np.asarray(probabilities, np.float32)


def batches(
    dataset: FerDataset, targets: FloatArray, batch_size: int, rng: np.random.Generator
) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Yield shuffled (images, targets); the few pictures that fill no batch wait an epoch.

    Args:
        dataset: The pictures.
        targets: (n, classes), the labels as probabilities.
        batch_size: Pictures a batch.
        rng: What shuffles them.
    """
    order, pixels = rng.permutation(len(dataset)), dataset.pixels
    for start in range(0, steps_per_epoch(dataset, batch_size) * batch_size, batch_size):
        chosen = order[start : start + batch_size]
        yield normalize_pixels(pixels[chosen]), targets[chosen]


def steps_per_epoch(dataset: FerDataset, batch_size: int) -> int:
    """Return how many batches an epoch has: whole ones, at least one."""
    return max(1, len(dataset) // batch_size)
