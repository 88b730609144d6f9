"""The representative data set, and the temperature."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar

from fer_core.dataset import FerDataset
from fer_core.errors import FerError
from fer_core.values import FloatArray, Int64Array

TEMPERATURES = (0.25, 4.0)
MOST_BLANK = 0.1
"""The largest share of calibration pictures that may be of one gray value."""


def representative_set(training: FerDataset, samples: int, seed: int) -> FerDataset:
    """Return a seeded choice of training pictures, each class in its share, none left out.

    Args:
        training: The pictures to choose from.
        samples: How many to choose.
        seed: What decides the choice.

    Raises:
        FerError: There are fewer pictures or more classes than samples, a class has no picture, or
            too many of those chosen are blank.
    """
    counts = np.bincount(training.labels, minlength=len(training.label_names))
    if samples > len(training) or samples < len(counts):
        raise FerError(
            f"{samples} calibration samples asked of {len(training)} training pictures of "
            f"{len(counts)} classes; choose between the two: --calibration-samples"
        )
    empty = [name for name, n in zip(training.label_names, counts, strict=True) if n == 0]
    if empty:
        raise FerError(f"no training picture of {', '.join(empty)} to calibrate with")
    rng = np.random.default_rng(seed)
    chosen = [
        rng.choice(np.flatnonzero(training.labels == index), size, replace=False)
        for index, size in enumerate(_shares(counts, samples))
    ]
    representative = training.only(np.sort(np.concatenate(chosen)))
    blank = int(representative.blank().sum())
    if blank > MOST_BLANK * samples:
        raise FerError(
            f"{blank} of {samples} calibration pictures are of one gray value: they say nothing of "
            "faces"
        )
    return representative


def _shares(counts: Int64Array, samples: int) -> Int64Array:
    """Divide `samples` in proportion to `counts`, at least one each (largest remainder)."""
    exact = counts / counts.sum() * samples
    sizes = np.maximum(np.floor(exact).astype(np.int64), 1)
    for index in np.argsort(sizes - exact, kind="stable"):
        if sizes.sum() < samples:
            sizes[index] += 1
    while sizes.sum() > samples:
        sizes[np.argmax(sizes)] -= 1
    return np.asarray(sizes, np.int64)


def fit_temperature(probabilities: FloatArray, truth: Int64Array) -> float:
    """Return the temperature that makes probabilities (n, k) likeliest (Guo et al., 2017)."""
    logits = np.log(np.maximum(probabilities.astype(np.float64), 1e-12))

    def cross_entropy(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        scaled -= scaled.max(axis=1, keepdims=True)
        of_truth = scaled[np.arange(len(truth)), truth]
        return float((np.log(np.exp(scaled).sum(axis=1)) - of_truth).mean())

    found = minimize_scalar(cross_entropy, bounds=np.log(TEMPERATURES), method="bounded")
    return float(np.exp(found.x))


def tempered(probabilities: FloatArray, temperature: float) -> FloatArray:
    """Return probabilities (n, k) as the softmax gives them at a temperature."""
    logits = np.log(np.maximum(probabilities.astype(np.float64), 1e-30)) / temperature
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)
