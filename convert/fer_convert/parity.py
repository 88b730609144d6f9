"""What conversion changed: the parent's and the child's answers to the same pictures."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fer_core.bundle import ModelBundle
from fer_core.dataset import FerDataset
from fer_core.errors import FerError
from fer_core.files import write_text
from fer_core.metrics import (
    FEW_PICTURES,
    classification_report,
    label_flips,
    wilson_interval,
)
from fer_core.text import counted
from fer_core.tolerance import exceeds
from fer_core.values import FloatArray
from fer_edge.inference.classifier import classify_images
from fer_edge.inference.interpreter import TfliteModel

MAX_DROP_POINTS = 0.5
"""How much accuracy may be lost where nothing else is asked for, in percentage points."""
CHANCE_PICTURES = 4
"""So many pictures lost and none won may be chance (McNemar's exact test, one-sided: p = 0.06; for
five it is 0.03)."""


def allowed_drop(count: int) -> float:
    """Return how much accuracy may be lost on so many pictures, in percentage points.

    MAX_DROP_POINTS, or with few pictures what CHANCE_PICTURES of them are worth: of 15 pictures one
    is worth 6.7 points, and says nothing.
    """
    return max(MAX_DROP_POINTS, math.ceil(1000 * CHANCE_PICTURES / count) / 10)


@dataclass(frozen=True, slots=True)
class ParityReport:
    """Parent against child on the same pictures.

    Accuracies and calibration errors are shares, 0 to 1.

    Attributes:
        count: How many pictures.
        flips: How many labels differ.
        max_abs_diff: The largest difference of a probability.
        child_per_class: Precision, recall, f1 and support of the child by label.
    """

    count: int
    flips: int
    max_abs_diff: float
    parent_accuracy: float
    child_accuracy: float
    child_ece: float
    runtime: str
    kernels: str
    child_macro_f1: float = 0.0
    child_per_class: dict[str, dict[str, float]] = field(default_factory=dict)

    @property
    def top1_agreement(self) -> float:
        """The share of pictures with the same label, 0 to 1."""
        return 1 - self.flips / self.count

    @property
    def drop_points(self) -> float:
        """Accuracy lost, in percentage points; negative when the child is better."""
        return 100 * (self.parent_accuracy - self.child_accuracy)

    def lost_more_than(self, max_drop_points: float) -> bool:
        """Return whether more accuracy was lost than allowed."""
        return exceeds(self.drop_points, max_drop_points)

    def to_json(self) -> dict[str, Any]:
        """Return every figure as JSON values."""
        return {
            **asdict(self),
            "top1_agreement": self.top1_agreement,
            "drop_points": self.drop_points,
        }


def refused_drop(name: str, parity: ParityReport, max_drop_points: float, otherwise: str) -> str:
    """Return why a bundle that lost more accuracy than allowed was not written, else nothing.

    Args:
        name: What the bundle is called.
        parity: What it lost.
        max_drop_points: How much it may lose, in percentage points.
        otherwise: What to try instead.
    """
    if not parity.lost_more_than(max_drop_points):
        return ""
    return (
        f"{name} fell by {parity.drop_points:.2f} points, from {parity.parent_accuracy:.2%} to "
        f"{parity.child_accuracy:.2%}: more than --max-drop {max_drop_points:g}, so it was not "
        f"written. Try {otherwise}."
    )


def few_pictures(count: int) -> str:
    """Return that validation has too few pictures to measure a loss, else nothing."""
    if count >= FEW_PICTURES:
        return ""
    return (
        f"validation has {counted(count, 'picture')}, too few to measure what conversion costs "
        f"or to fit a temperature: use {FEW_PICTURES} or more"
    )


def doubtful_drop(name: str, parity: ParityReport) -> str:
    """Return that too few pictures tell whether a loss is one, else nothing."""
    refused = parity.lost_more_than(allowed_drop(parity.count))
    if refused or not parity.lost_more_than(MAX_DROP_POINTS):
        return ""
    return (
        f"{name} fell by {parity.drop_points:.1f} points, which on {parity.count} pictures may be "
        f"chance: more validation pictures would tell, --max-drop {MAX_DROP_POINTS:g} refuses it"
    )


def worse_than_chance(name: str, parity: ParityReport, validation: FerDataset) -> str:
    """Return that always answering the most frequent class would be better, if it surely is.

    Surely: the accuracy's 95 % interval ends below that class's share.
    """
    counts = np.bincount(validation.labels)
    share, most = counts.max() / counts.sum(), validation.label_names[int(counts.argmax())]
    right = round(parity.child_accuracy * parity.count)
    if wilson_interval(right, parity.count)[1] >= share:
        return ""
    return (
        f"{name} is right for {parity.child_accuracy:.1%} of the pictures. Always answering {most} "
        f"would be right for {share:.1%}: its labels or its input are not those of this data"
    )


def compare_models(parent: FloatArray, model: TfliteModel, validation: FerDataset) -> ParityReport:
    """Return what changed between the parent's probabilities (n, classes) and the model's."""
    child = classify_images(model, validation.pixels)
    report = classification_report(child, validation.labels, validation.label_names)
    return ParityReport(
        count=len(validation),
        flips=label_flips(parent, child),
        max_abs_diff=float(np.abs(parent - child).max()),
        parent_accuracy=float((parent.argmax(axis=1) == validation.labels).mean()),
        child_accuracy=report.accuracy,
        child_ece=report.ece,
        runtime=model.runtime,
        kernels=model.kernels,
        child_macro_f1=report.macro_f1,
        child_per_class=report.to_json()["per_class"],
    )


def save_parity(path: Path, bundle: ModelBundle, written: bool) -> None:
    """Write the report of a bundle beside those of other recipes.

    Args:
        path: The file of reports.
        bundle: The bundle, with its figures.
        written: Whether the bundle was written, or refused.

    Raises:
        FerError: The file cannot be written, or holds something else.
    """
    try:
        facts = dict(json.loads(path.read_text()) if path.exists() else {})
    except (ValueError, TypeError, OSError) as error:
        raise FerError(f"{path} is no parity report ({error}); remove it") from error
    facts[bundle.name] = {"written": written, **bundle.manifest.metrics["validation"]}
    write_text(path, json.dumps(facts, indent=1) + "\n")
