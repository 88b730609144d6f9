"""What the batches of an epoch give: loss, counts and seconds."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from fer_core.errors import FerError
from fer_core.metrics import ClassificationReport
from fer_core.values import Int64Array


@dataclass(slots=True, eq=False)
class EpochSums:
    """What the batches of an epoch have given so far; `confusion` counts (label, answer) pairs."""

    classes: int
    steps: int = 0
    loss: float = 0.0
    augmenting_seconds: float = 0.0
    started: float = field(default_factory=time.perf_counter)
    confusion: Int64Array = field(init=False)

    def __post_init__(self) -> None:
        self.confusion = np.zeros((self.classes, self.classes), np.int64)

    def add(self, logs: dict[str, Any], epoch: int) -> None:
        """Add what Keras tells of a batch.

        Args:
            logs: Its loss, and its counts as "confusion".
            epoch: Which one it is of, for the error.

        Raises:
            FerError: The loss is no number any more.
        """
        self.steps += 1
        self.loss += logs["loss"]
        require_finite(float(self.loss), epoch)
        self.confusion += keras.ops.convert_to_numpy(logs["confusion"]).astype(np.int64)

    def text(self) -> str:
        """Return loss and accuracy so far, for the progress bar."""
        accuracy = np.trace(self.confusion) / self.confusion.sum()
        return f"loss {self.loss / self.steps:.3f} accuracy {accuracy:.1%}"

    def figures(self, label_names: tuple[str, ...]) -> dict[str, float]:
        """Return loss, precision and the like, seconds and augmentation's share of them."""
        seconds = time.perf_counter() - self.started
        return {
            "loss": float(self.loss / self.steps),
            **judged_figures(ClassificationReport(label_names, self.confusion, 0.0)),
            "seconds": round(seconds, 2),
            "augmentation_share": round(self.augmenting_seconds / seconds, 4),
        }


def require_finite(loss: float, epoch: int) -> None:
    """Make sure that the loss of an epoch is a number.

    Raises:
        FerError: It is none any more.
    """
    if not np.isfinite(loss):
        raise FerError(
            f"the loss is {loss} in epoch {epoch}: it diverges; "
            "start again with a smaller --learning-rate",
            see="loss-diverges",
        )


def judged_figures(report: ClassificationReport) -> dict[str, float]:
    """Return accuracy, and precision and recall as plain means over the classes."""
    return {
        "accuracy": report.accuracy,
        "precision": report.macro_precision,
        "recall": report.macro_recall,
    }
