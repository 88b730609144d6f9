"""How good a classifier is, with the uncertainty said."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from fer_core.values import BoolArray, FloatArray, Int64Array

Float64Array = npt.NDArray[np.float64]
FEW_PICTURES = 100
"""Pictures below which the 95 % interval of an accuracy is wider than 20 points."""
_Z95 = 1.959963984540054


def wilson_interval(successes: int, trials: int, z: float = _Z95) -> tuple[float, float]:
    """Return the Wilson score interval of a proportion (Wilson, 1927); 95 % by default.

    Raises:
        ValueError: There are no trials, or fewer than successes.
    """
    if not 0 <= successes <= trials or trials == 0:
        raise ValueError(f"need 0 <= successes <= trials, trials > 0; got {successes}/{trials}")
    share = successes / trials
    spread = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    center, scale = share + z * z / (2 * trials), 1 + z * z / trials
    low, high = (center - spread) / scale, (center + spread) / scale
    return max(0.0, min(low, share)), min(1.0, max(high, share))  # whatever rounding does


def confusion_matrix(truth: Int64Array, predicted: Int64Array, classes: int) -> Int64Array:
    """Return counts (classes, classes) int64: row is the truth (n,), column the prediction (n,).

    Raises:
        ValueError: The two are no vectors of the same length.
    """
    if truth.shape != predicted.shape or truth.ndim != 1:
        raise ValueError(f"need two equal vectors, got {truth.shape} and {predicted.shape}")
    cells = np.bincount(truth * classes + predicted, minlength=classes * classes)
    return cells.reshape(classes, classes).astype(np.int64)


def label_flips(one: FloatArray, other: FloatArray) -> int:
    """Return how many pictures two models (n, classes) name differently."""
    return int((one.argmax(axis=1) != other.argmax(axis=1)).sum())


def paired_difference(
    right: BoolArray, right_before: BoolArray
) -> tuple[float, tuple[float, float]]:
    """Return how much the share of right answers (n,) rose, -1 to 1, and its 95 % interval.

    Both answered the same pictures, so only those count on which they differ. The interval also
    holds for few pictures (Agresti and Min, 2005: half a picture more won and lost).

    Raises:
        ValueError: The two are no vectors of the same length, or are empty.
    """
    if right.shape != right_before.shape or right.ndim != 1 or len(right) == 0:
        raise ValueError(f"need two equal vectors, got {right.shape} and {right_before.shape}")
    won, lost = int((right & ~right_before).sum()), int((right_before & ~right).sum())
    count, changed = len(right) + 2, won + lost + 1
    middle = (won - lost) / count
    spread = _Z95 * math.sqrt(changed / count - middle**2) / math.sqrt(count)
    return (won - lost) / len(right), (max(-1.0, middle - spread), min(1.0, middle + spread))


def mcnemar_exact(right: BoolArray, right_before: BoolArray) -> float:
    """Return the two-sided p-value of McNemar's exact test (1947) on right answers (n,).

    Only the pictures on which the two differ count, each a coin's toss if neither is better.
    """
    won, lost = int((right & ~right_before).sum()), int((right_before & ~right).sum())
    tosses = won + lost
    tail = sum(math.comb(tosses, k) for k in range(min(won, lost) + 1))
    return min(1.0, float(Fraction(2 * tail, 2**tosses)))


def expected_calibration_error(
    probabilities: FloatArray, truth: Int64Array, bins: int = 15
) -> float:
    """Return the expected calibration error over equal-width bins (Guo et al., 2017), 0 to 1.

    Args:
        probabilities: (n, classes), each row summing to 1.
        truth: Class indices (n,).
        bins: How many bins of confidence.
    """
    found = reliability(probabilities, probabilities.argmax(axis=1) == truth, bins)
    gaps = sum(each.count * abs(each.accuracy - each.confidence) for each in found)
    return gaps / len(truth)


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """The answers of like confidence: its mean, the share that is right (0 to 1), how many."""

    confidence: float
    accuracy: float
    count: int


def reliability(
    probabilities: FloatArray, right: BoolArray, bins: int = 15
) -> tuple[ReliabilityBin, ...]:
    """Return equal-width bins of confidence, those that hold answers, the least sure first.

    Args:
        probabilities: (n, classes), each row summing to 1.
        right: Whether each answer is true, (n,).
        bins: How many bins of confidence.
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    where = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    return tuple(
        ReliabilityBin(float(confidence[held].mean()), float(right[held].mean()), int(held.sum()))
        for held in (where == index for index in range(bins))
        if held.any()
    )


@dataclass(frozen=True, slots=True, eq=False)
class ClassificationReport:
    """A confusion matrix (k, k), the calibration error, and all that follows from the matrix."""

    labels: tuple[str, ...]
    confusion: Int64Array
    ece: float

    @property
    def count(self) -> int:
        """How many pictures were judged."""
        return int(self.confusion.sum())

    @property
    def correct(self) -> int:
        """How many were judged right."""
        return int(np.trace(self.confusion))

    @property
    def accuracy(self) -> float:
        """The share judged right, 0 to 1."""
        return self.correct / self.count

    @property
    def accuracy_interval95(self) -> tuple[float, float]:
        """The 95 % Wilson interval of the accuracy."""
        return wilson_interval(self.correct, self.count)

    @property
    def support(self) -> Int64Array:
        """Pictures of each class, (k,) int64."""
        return np.asarray(self.confusion.sum(axis=1), np.int64)

    @property
    def precision(self) -> Float64Array:
        """Precision of each class, (k,); 0 where nothing was predicted."""
        return _ratio(np.diag(self.confusion), self.confusion.sum(axis=0))

    @property
    def recall(self) -> Float64Array:
        """Recall of each class, (k,); 0 where there is no picture of it."""
        return _ratio(np.diag(self.confusion), self.confusion.sum(axis=1))

    @property
    def f1(self) -> Float64Array:
        """F1 of each class, (k,): the harmonic mean of precision and recall."""
        both = self.confusion.sum(axis=0) + self.confusion.sum(axis=1)
        return _ratio(2 * np.diag(self.confusion), both)

    @property
    def macro_precision(self) -> float:
        """The plain mean of precision over the classes that have pictures, 0 to 1."""
        return float(self.precision[self.support > 0].mean())

    @property
    def macro_recall(self) -> float:
        """The plain mean of recall over the classes that have pictures, 0 to 1."""
        return float(self.recall[self.support > 0].mean())

    @property
    def macro_f1(self) -> float:
        """The plain mean of F1 over the classes that have pictures, 0 to 1."""
        return float(self.f1[self.support > 0].mean())

    def to_json(self) -> dict[str, Any]:
        """Return every figure as JSON values."""
        per_class = {
            label: {
                "precision": float(self.precision[i]),
                "recall": float(self.recall[i]),
                "f1": float(self.f1[i]),
                "support": int(self.support[i]),
            }
            for i, label in enumerate(self.labels)
        }
        return {
            "count": self.count,
            "accuracy": self.accuracy,
            "accuracy_interval95": list(self.accuracy_interval95),
            "macro_f1": self.macro_f1,
            "ece": self.ece,
            "per_class": per_class,
            "confusion": self.confusion.tolist(),
        }

    def text(self) -> str:
        """Return the report as a table to print."""
        low, high = self.accuracy_interval95
        lines = [
            f"accuracy {self.accuracy:.2%} (95 % interval {low:.2%} to {high:.2%}, "
            f"n = {self.count}), calibration error {self.ece:.2%}",
            f"macro-F1 {self.macro_f1:.2%}, macro precision {self.macro_precision:.2%}, "
            f"macro recall {self.macro_recall:.2%}",
            "",
            f"{'class':<14}{'precision':>10}{'recall':>10}{'F1':>10}{'pictures':>10}",
        ]
        for i, label in enumerate(self.labels):
            lines.append(
                f"{label:<14}{self.precision[i]:>10.3f}{self.recall[i]:>10.3f}"
                f"{self.f1[i]:>10.3f}{self.support[i]:>10d}"
            )
        return "\n".join(lines) + "\n"


def classification_report(
    probabilities: FloatArray, truth: Int64Array, labels: tuple[str, ...]
) -> ClassificationReport:
    """Return the report of probabilities (n, k) against class indices (n,).

    Raises:
        ValueError: The shapes do not go together, or n is 0.
    """
    if len(truth) == 0 or probabilities.shape != (len(truth), len(labels)):
        raise ValueError(
            f"need (n, {len(labels)}) probabilities and n > 0 truths, "
            f"got {probabilities.shape} and {truth.shape}"
        )
    predicted = probabilities.argmax(axis=1).astype(np.int64)
    confusion = confusion_matrix(truth, predicted, len(labels))
    return ClassificationReport(labels, confusion, expected_calibration_error(probabilities, truth))


def _ratio(above: Int64Array, below: Int64Array) -> Float64Array:
    return np.asarray(above, np.float64) / np.maximum(np.asarray(below, np.float64), 1)
