"""What a model is judged by: its accuracy, and that against its float32 parent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from fer_bench.accuracy import (
    Accuracy,
    TestPictures,
    augmented_accuracy,
    measure_accuracy,
    parity_of,
)
from fer_bench.distortions import measure_robustness
from fer_bench.evaluation import Evaluation
from fer_bench.parents import find_parent
from fer_bench.records import FailedModel, ModelRecord
from fer_core.bundle import ModelBundle
from fer_core.errors import FerError
from fer_edge.inference.interpreter import TfliteModel
from fer_edge.inference.trial import load_tried


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured.

    Attributes:
        quick: Whether a tenth of the timed runs is enough.
        robustness: Whether pictures are distorted, too.
        steady: The seconds of a run without a pause (0: none).
    """

    quick: bool = False
    robustness: bool = False
    steady: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Judgment:
    """What came of a model.

    Attributes:
        evaluation: What is stored of it; None for a parent, of which only the answers count.
    """

    accuracy: Accuracy
    evaluation: Evaluation | None = None


def judge(
    bundle: ModelBundle,
    pictures: TestPictures,
    extent: Extent,
    known: Accuracy | None = None,
    whole: bool = True,
) -> Judgment:
    """Judge a model.

    Args:
        bundle: The model.
        pictures: What it is judged on.
        extent: How much is measured.
        known: Its accuracy, where that was measured before.
        whole: Whether its evaluation is wanted, too.

    Raises:
        FerError: The model knows other labels than the pictures, or these cannot be read.
    """
    model, split = TfliteModel(bundle), pictures.for_model(bundle)
    accuracy = known or measure_accuracy(model, split)
    if not whole:
        return Judgment(accuracy)
    test = split.dataset
    augmented = None if extent.quick else augmented_accuracy(model, test)
    robustness = measure_robustness(model, test) if extent.robustness else {}
    crowd = pictures.crowd(accuracy, test)
    return Judgment(accuracy, accuracy.evaluation(augmented, robustness, crowd))


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges models on the same pictures in this process; the answers of each file are kept."""

    pictures: TestPictures
    extent: Extent
    _known: dict[Path, Accuracy] = field(default_factory=dict)

    def __call__(self, path: Path, bundle: ModelBundle, whole: bool) -> Judgment:
        """Judge a model, as `judge` does."""
        judgment = judge(bundle, self.pictures, self.extent, self._known.get(path), whole)
        self._known[path] = judgment.accuracy
        return judgment


JudgeOf = Callable[[Path, ModelBundle, bool], Judgment]
Named = tuple[Path, ModelBundle]


def judged(
    record: ModelRecord,
    model: Named,
    models: Sequence[Named],
    parent: Path | None,
    judge_of: JudgeOf,
) -> ModelRecord:
    """Return a record with accuracy, flips and parity, or with why they are lacking.

    Args:
        record: What is known of the model.
        model: The model.
        models: All that are measured.
        parent: The float32 bundle that was named, None without one.
        judge_of: What judges.
    """
    try:
        judgment = judge_of(*model, True)
    except FerError as error:  # it knows other labels than they have
        return replace(record, evaluation_error=f"accuracy not measured: {error}")
    record = replace(record, evaluation=judgment.evaluation)
    ancestor = parent_of(model, models, parent)
    if not ancestor:
        return record
    try:
        float32 = judge_of(ancestor, load_tried(ancestor), False).accuracy
    except FerError as error:
        return replace(record, evaluation_error=f"flips not counted: {error}")
    flips = judgment.accuracy.flips(float32)
    return replace(record, label_flips=flips, parity=parity_of(judgment.accuracy, float32))


def parent_of(model: Named, models: Sequence[Named], named: Path | None) -> Path | None:
    """Return the float32 bundle to count a model's flips by, None where that is itself or none."""
    path, bundle = model
    found = find_parent(path, bundle, models, named)
    return None if found and found.resolve() == path.resolve() else found


def require_any(models: Sequence[object], failed: Sequence[FailedModel]) -> None:
    """Make sure that there is a model to measure.

    Raises:
        FerError: There is none; the message says why.
    """
    if not models:
        reasons = "; ".join(f"{each.name}: {each.error}" for each in failed)
        raise FerError(f"no model could be measured: {reasons}")


def bare_record(path: Path, bundle: ModelBundle) -> ModelRecord:
    """Return what the file of a model says of it."""
    manifest = bundle.manifest
    facts, validation = manifest.provenance, manifest.metrics.get("validation", {})
    return ModelRecord(
        name=bundle.name,
        sha256=manifest.sha256,
        file_bytes=path.stat().st_size,
        parameters=facts.get("parameters"),
        mmacs=round(facts["macs"] / 1e6, 2) if "macs" in facts else None,
        activation_bytes=facts.get("activation_bytes"),
        epochs=facts.get("epochs"),
        recipe_epochs=facts.get("recipe_epochs"),
        validation_accuracy=validation.get("child_accuracy"),
    )


def told_apart(records: Sequence[ModelRecord], paths: Sequence[Path]) -> tuple[ModelRecord, ...]:
    """Return the records, each with a name of its own.

    Models of one name get their folder before it, else are called by their file. What has the same
    folder and file name, too, is numbered.
    """
    names = [record.name for record in records]
    folders = [path.resolve().parent.name for path in paths]
    named_by_folder = [f"{folder}/{name}" for folder, name in zip(folders, names, strict=True)]
    files = [f"{folder}/{path.stem}" for folder, path in zip(folders, paths, strict=True)]
    numbered = [f"{file} ({files[: i + 1].count(file)})" for i, file in enumerate(files)]
    for others in (named_by_folder, files, numbered):
        held = Counter(names)
        names = [
            other if held[name] > 1 else name for name, other in zip(names, others, strict=True)
        ]
    return tuple(replace(record, name=name) for record, name in zip(records, names, strict=True))
