"""Judging an int8 bundle by the crops that were held back, and what /api/run says of it."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from fer_core.bundle import ModelBundle
from fer_core.errors import FerError
from fer_core.manifest import Validation
from fer_core.metrics import ClassificationReport, confusion_matrix
from fer_core.typed_json import convert_json
from fer_core.values import UInt8Array
from fer_edge.inference.interpreter import TfliteModel
from fer_edge.inference.trial import load_tried
from fer_train.studio.collection import Collection
from fer_train.studio.listing import version_of
from fer_train.studio.runs import LearnedPicture, Mistake, RunFolders, RunNotes

MOST_SHOWN_MORE = 2


class Judgment(Validation, total=False):
    """What is read again of how fer-convert compared a bundle with its network."""

    parent_accuracy: float
    count: int


def judge(
    notes: RunNotes, bundle: Path, images: UInt8Array, pictures: Sequence[LearnedPicture]
) -> RunNotes:
    """Return the notes of a run with the answers of its bundle.

    Args:
        notes: The notes so far.
        bundle: The int8 bundle.
        images: What was held back, (n, h, w, channels) uint8.
        pictures: What each is.

    Raises:
        FerError: The bundle cannot be read or run.
    """
    model = TfliteModel(load_tried(bundle))
    labels = model.bundle.manifest.labels
    answers = np.stack([model.probabilities(image) for image in images])
    truth = np.array([labels.index(each.label) for each in pictures], np.int64)
    answered = answers.argmax(axis=1).astype(np.int64)
    confusion = confusion_matrix(truth, answered, len(labels))
    mistakes = [
        Mistake(each.label, each.file, labels[answer], round(float(shares.max()), 3))
        for each, answer, shares in zip(pictures, answered, answers, strict=True)
        if labels[answer] != each.label
    ]
    mistakes.sort(key=lambda mistake: -mistake.confidence)
    rows = tuple(tuple(map(int, row)) for row in confusion)
    return replace(notes, labels=labels, confusion=rows, mistakes=tuple(mistakes))


def run_json(name: str, runs: RunFolders, collection: Collection) -> dict[str, Any]:
    """Return what is known of a run, as JSON values.

    Returns:
        Of `mistakes` those whose crops are still there, in the same class; `mistakes_count` is how
        many there were, and `mistakes_gone` how many were deleted or given another class since.

    Raises:
        FerError: There is no such run, or it was not trained to its end.
    """
    bundle = ModelBundle.load(runs.require_bundle(name))
    notes = runs.notes(name)
    report = notes.report() if notes else None
    if notes is None or report is None:
        raise FerError(f"{name} was not judged: train again")
    low, high = report.accuracy_interval95
    mistakes = _mistakes_there(notes, collection)
    return {
        "name": name,
        "labels": list(report.labels),
        **{"accuracy": report.accuracy, "low": low, "high": high, "count": report.count},
        "int8": int8_json(bundle),
        "confusion": report.confusion.tolist(),
        "classes": [
            {
                "name": label,
                "recall": float(report.recall[index]),
                "precision": float(report.precision[index]),
                "count": int(report.support[index]),
            }
            for index, label in enumerate(report.labels)
        ],
        "mistakes": mistakes,
        "mistakes_count": len(notes.mistakes),
        "mistakes_gone": len(notes.mistakes) - len(mistakes),
        "show_more_of": show_more_of(report),
        "held_back": _held_back_json(notes),
    }


def _held_back_json(notes: RunNotes) -> dict[str, Any]:
    """Return how many pictures judge, and of which classes they are whole recordings."""
    return {
        "count": sum(each.held_back for each in notes.pictures),
        "whole": sorted({each.label for each in notes.pictures} - set(notes.divided)),
        "divided": list(notes.divided),
    }


def int8_json(bundle: ModelBundle) -> dict[str, Any]:
    """Return what int8 cost by the manifest of a bundle."""
    facts = convert_json(bundle.manifest.metrics.get("validation", {}), Judgment, "the manifest")
    return {
        "accuracy": facts.get("child_accuracy", 0.0),
        "accuracy_before": facts.get("parent_accuracy", 0.0),
        "flips": facts.get("flips", 0),
        "count": facts.get("count", 0),
        "kilobytes": round(len(bundle.to_bytes()) / 1024),
    }


def show_more_of(report: ClassificationReport) -> list[str]:
    """Return the classes that are recognized worse than all together, the worst first."""
    worst = np.argsort(report.recall, kind="stable")[:MOST_SHOWN_MORE]
    return [report.labels[i] for i in worst if report.recall[i] < report.accuracy]


def _mistakes_there(notes: RunNotes, collection: Collection) -> list[dict[str, Any]]:
    """Return the mistakes whose crops are there, as JSON values.

    A crop is found by its SHA-256: other pictures of its name are not it, and it may lie in a class
    that was renamed.
    """
    digests = {(each.label, each.file): each.sha256 for each in notes.pictures}
    known = collection.digests()
    places: dict[str, list[tuple[str, str]]] = {}
    for name, files in known.items():
        for file, digest in files.items():
            places.setdefault(digest, []).append((name, file))
    there = []
    for each in notes.mistakes:
        found = places.get(digests.get((each.label, each.file), ""), [])
        same = [place for place in found if _is_class(place[0], each.label, notes, known)]
        if not same:
            continue
        name, file = (each.label, each.file) if (each.label, each.file) in same else same[0]
        version = version_of(collection.folder / name / file)
        told = {"answered": each.answered, "confidence": each.confidence}
        there.append({"class": name, "file": file, "version": version, **told})
    return there


def _is_class(name: str, label: str, notes: RunNotes, there: Container[str]) -> bool:
    """Return whether a class is the one of a label, perhaps under a new name."""
    return name == label or (label not in there and name not in notes.labels)
