"""Cross-validation: every picture is judged by a network that never saw it or a duplicate of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from fer_core.dataset import FerDataset
from fer_core.errors import FerError
from fer_core.files import load_arrays, make_folder, write_text, written_beside
from fer_core.locks import alone_in
from fer_core.metrics import ClassificationReport, classification_report
from fer_core.settings import settings_toml
from fer_core.values import FloatArray, Int64Array
from fer_train.config import TrainConfig
from fer_train.data import predict
from fer_train.plots import save_confusion
from fer_train.run import Say, train_on
from fer_train.run_folder import require_new_or_resumed
from fer_train.transfer import load_keras_model

ANSWERS = "out_of_fold.npz"


def cross_validate(config: TrainConfig, out: Path, resume: bool, say: Say) -> ClassificationReport:
    """Train `config.folds` networks, each judged on the part that it did not see.

    The parts divide training and validation pictures; the test split stays untouched. Within
    each fold the best epoch is chosen on a tenth of its own training pictures, not on the part
    that judges it.

    Args:
        config: The settings of each network.
        out: The folder that gets the folds and what they come to.
        resume: Whether to go on with folds that are not done; those that are stay as they are.
        say: What gets lines on the progress.

    Returns:
        The report on all pictures, each judged by the network that did not see it.

    Raises:
        FerError: A class has fewer pictures than there are folds.
    """
    require_new_or_resumed(out, resume)
    pool = _pool(config.pictures.load().without_empty_classes())
    folds = _folds(pool, config)
    with alone_in(make_folder(out), "fer-train"):
        require_new_or_resumed(out, resume)
        write_text(out / "config.toml", settings_toml(config))
        if config.init:
            say(f"the figures flatter {config.init} if it has seen these pictures before")
        return _train_folds(pool, folds, config, out, resume, say)


def _train_folds(
    pool: FerDataset,
    folds: list[Int64Array],
    config: TrainConfig,
    out: Path,
    resume: bool,
    say: Say,
) -> ClassificationReport:
    """Train and judge every fold, and write what they say together."""
    reports, answers = [], np.zeros((len(pool), len(pool.label_names)), np.float32)
    for number, held_out in enumerate(folds, start=1):
        folder = out / f"fold-{number}"
        say(f"fold {number} of {config.folds}")
        answers[held_out] = _answers(pool, held_out, config, folder, resume, say)
        reports.append(
            classification_report(answers[held_out], pool.labels[held_out], pool.label_names)
        )
    whole = classification_report(answers, pool.labels, pool.label_names)
    save_confusion(out / "confusion.png", whole, f"{config.arch}, {config.folds} folds")
    write_text(out / "report.txt", spread_text(reports) + "\n" + whole.text())
    facts = {
        "folds": [report.to_json() for report in reports],
        "spread": {name: {"mean": m, "std": s} for name, (m, s) in spread(reports).items()},
        "out_of_fold": whole.to_json(),
    }
    write_text(out / "cross_validation.json", json.dumps(facts, indent=1) + "\n")
    return whole


def spread(reports: list[ClassificationReport]) -> dict[str, tuple[float, float]]:
    """Return mean and standard deviation (n - 1) over the folds of every figure, by its name."""
    figures = {
        "accuracy": [report.accuracy for report in reports],
        "macro precision": [report.macro_precision for report in reports],
        "macro recall": [report.macro_recall for report in reports],
        "macro F1": [report.macro_f1 for report in reports],
        "calibration error": [report.ece for report in reports],
    }
    for index, label in enumerate(reports[0].labels):
        figures[f"precision {label}"] = [float(report.precision[index]) for report in reports]
        figures[f"recall {label}"] = [float(report.recall[index]) for report in reports]
        figures[f"F1 {label}"] = [float(report.f1[index]) for report in reports]
    return {
        name: (float(np.mean(values)), float(np.std(values, ddof=1)))
        for name, values in figures.items()
    }


def spread_text(reports: list[ClassificationReport]) -> str:
    """Return mean and spread of every figure, a line each."""
    lines = [f"{len(reports)} folds, mean and standard deviation"]
    lines += [f"{name:<22}{m:8.2%} +- {s:.2%}" for name, (m, s) in spread(reports).items()]
    return "\n".join(lines) + "\n"


def _pool(dataset: FerDataset) -> FerDataset:
    """Return the pictures to divide: all but the test split, as training pictures."""
    kept = dataset.only(dataset.split != 2)
    return replace(kept, split=np.zeros(len(kept), np.int64))


def _folds(pool: FerDataset, config: TrainConfig) -> list[Int64Array]:
    """Return the indices of each part: stratified, by the seed, duplicate pictures together."""
    from sklearn.model_selection import StratifiedGroupKFold

    fewest = int(np.bincount(pool.labels, minlength=len(pool.label_names)).min())
    if config.folds > fewest:
        raise FerError(
            f"{config.folds} folds need as many pictures of each class; the smallest class of "
            f"{pool.name} has {fewest}"
        )
    folds = StratifiedGroupKFold(config.folds, shuffle=True, random_state=config.seed)
    parts = folds.split(pool.images, pool.labels, pool.picture_ids())
    return [held_out for _, held_out in parts]


def _answers(
    pool: FerDataset,
    held_out: Int64Array,
    config: TrainConfig,
    folder: Path,
    resume: bool,
    say: Say,
) -> FloatArray:
    """Return the probabilities (held out, classes) of one fold's network, trained if need be."""
    judged = pool.only(held_out)
    if resume and (folder / ANSWERS).exists():
        held = load_arrays(folder / ANSWERS)
        if str(held["data"]) == judged.fingerprint():
            return np.asarray(held["probabilities"], np.float32)
        raise FerError(
            f"{folder / ANSWERS} is of other pictures than {pool.name} holds now; "
            "start anew in another --out"
        )
    rest = pool.only(np.setdiff1d(np.arange(len(pool)), held_out)).with_validation(config.seed)
    train_on(rest, replace(config, folds=0), folder, resume, say)
    probabilities = predict(load_keras_model(folder / "model.keras"), judged)
    with written_beside(folder / ANSWERS) as beside, beside.open("wb") as file:
        np.savez_compressed(
            file, rows=judged.rows, probabilities=probabilities, data=judged.fingerprint()
        )
    return probabilities
