"""From a trained model to figures and files in the run folder."""

from __future__ import annotations

import csv
import io
import json
import logging
from pathlib import Path
from typing import Any

import keras

from fer_core.dataset import FerDataset
from fer_core.files import write_text, written_beside
from fer_core.metrics import ClassificationReport, classification_report
from fer_train.checkpoint import TrainState
from fer_train.data import predict
from fer_train.run_facts import METRICS, MODEL_FILES, file_sha256


def evaluate(model: keras.Model, dataset: FerDataset) -> ClassificationReport:
    """Return the report of a model on labeled pictures."""
    return classification_report(predict(model, dataset), dataset.labels, dataset.label_names)


def save_model(model: keras.Model, folder: Path) -> None:
    """Write model.keras and, for older tools, model.h5, both without the optimizer."""
    model = keras.Model(model.input, model.output, name=model.name)
    with written_beside(folder / "model.keras") as beside:
        model.save(beside)
    absl_log = logging.getLogger("absl")  # Keras warns of the old format, which is asked for here
    level = absl_log.level
    absl_log.setLevel(logging.ERROR)
    try:
        with written_beside(folder / "model.h5") as beside:
            model.save(beside)
    finally:
        absl_log.setLevel(level)


def save_history(path: Path, history: list[dict[str, float]]) -> None:
    """Write one row an epoch as CSV, with the columns of the first."""
    text = io.StringIO()
    writer = csv.DictWriter(text, history[0].keys(), lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    write_text(path, text.getvalue())


def model_sha256(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each model file that a run folder holds."""
    return {name: file_sha256(folder / name) for name in MODEL_FILES if (folder / name).exists()}


def save_metrics(
    folder: Path,
    model: keras.Model,
    state: TrainState,
    report: ClassificationReport,
    teacher_sha256: str = "",
    computed_on: str = "",
    judged_by: str = "",
) -> None:
    """Write metrics.json and report.txt of the best epoch on the validation split.

    Args:
        folder: The run folder.
        model: The network as of that epoch.
        state: The state that the run ended in.
        report: What the network answers on the validation split.
        teacher_sha256: What tells the online teacher of the network from others of its name.
        computed_on: Processor or GPU and backend, in words.
        judged_by: The fingerprint of the validation pictures, without their rows.
    """
    facts: dict[str, Any] = {
        "model": model.name,
        "labels": list(report.labels),
        "parameters": model.count_params(),
        "epochs": state.epoch,
        "best_epoch": state.best_epoch,
        "backend": keras.backend.backend(),
        "keras": keras.__version__,
        "validation": report.to_json(),
        "sha256": model_sha256(folder),
    }
    if computed_on:
        facts["computed_on"] = computed_on
    if judged_by:
        facts["validation_fingerprint"] = judged_by
    if teacher_sha256:
        facts["teacher_sha256"] = teacher_sha256
    write_text(folder / METRICS, json.dumps(facts, indent=1) + "\n")
    head = f"{model.name}, epoch {state.best_epoch} of {state.epoch}, validation split\n"
    write_text(folder / "report.txt", head + report.text())
