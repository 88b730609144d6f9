"""What a run's folder says of the model that it trained, and which files hold that model."""

from __future__ import annotations

import csv
import errno
import hashlib
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, TypedDict

from msgspec import Meta

from fer_core.errors import FerError
from fer_core.files import patiently
from fer_core.settings import load_settings
from fer_core.typed_json import read_json
from fer_train.config import RENAMED, TrainConfig
from fer_train.shipped import QAT_SUFFIX, shipped, shipped_config

METRICS, CONFIG, HISTORY = "metrics.json", "config.toml", "history.csv"
OUT_OF_FOLD = "out_of_fold.npz"
"""What the network of a fold says of the pictures that it did not learn from."""
MODEL_FILES = ("model.keras", "model.h5")
"""What a run writes its weights to."""


class Validation(TypedDict, total=False):
    """What is read again of a report on the validation split."""

    accuracy: Annotated[float, Meta(ge=0, le=1)]


class Metrics(TypedDict, total=False):
    """What is read again of a run's metrics.json."""

    model: Annotated[str, Meta(max_length=200)]
    networks: Annotated[int, Meta(ge=0, le=1_000_000)]
    epochs: Annotated[int, Meta(ge=0, le=1_000_000)]
    best_epoch: Annotated[int, Meta(ge=0, le=1_000_000)]
    labels: list[str]
    validation: Validation
    sha256: dict[str, str]
    teacher_sha256: str
    guide_sha256: str
    validation_fingerprint: str


def is_shipped(file: Path) -> bool:
    """Return whether a model ships with the code, where nothing of a user's is written."""
    return file.resolve().is_relative_to(shipped("results"))


def saved_config(folder: Path) -> TrainConfig:
    """Return the settings in a run folder, the default ones where a folder holds none.

    Those of a fold name the pictures that it did not learn from, which earlier versions left out.
    """
    saved = folder / CONFIG
    config = load_settings(TrainConfig, saved if saved.exists() else None, {}, RENAMED, _no_hint)
    held_out = OUT_OF_FOLD if (folder / OUT_OF_FOLD).exists() else config.held_out
    return replace(config, held_out=str((folder / held_out).resolve()) if held_out else "")


def is_fold(folder: Path) -> bool:
    """Return whether a run folder is that of one fold of a cross-validation."""
    return saved_config(folder).held_out == str((folder / OUT_OF_FOLD).resolve())


def _no_hint(line: str) -> None:
    """Say nothing: nobody edits the settings of a run that has ended."""


def file_sha256(file: Path) -> str:
    """Return the SHA-256 of a file as a hexadecimal string."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def own_run(file: Path) -> Path | None:
    """Return the run folder whose weights a model file holds, None for a model of no run.

    Another model that lies in a run's folder is not the run's: metrics.json records the SHA-256
    of what the run wrote. Runs of earlier versions recorded none; there the file's name decides.
    """
    return file.parent if _is_of_the_run(file, _metrics(file.parent)) else None


def _is_of_the_run(file: Path, metrics: Metrics) -> bool:
    """Return whether a model file holds the weights of the run in its folder."""
    there = any((file.parent / name).exists() for name in (CONFIG, METRICS))
    if file.name not in MODEL_FILES or not there:
        return False
    known = metrics.get("sha256", {}).get(file.name)
    return not known or known == file_sha256(file)


@dataclass(frozen=True, slots=True, eq=False)
class RunRecord:
    """What the run of a model file says of it, read once: the settings and metrics.json.

    Attributes:
        folder: None for a model of no run, whose settings are the default ones.
    """

    file: Path
    folder: Path | None
    config: TrainConfig
    metrics: Metrics

    def bundle_name(self, model: str) -> str:
        """Return what the bundles of the model are called.

        A run's model is called after the run's folder, a shipped one too, any other after its file,
        so that two of one network are told apart. One that was trained with rounding ends in -qat.

        Args:
            model: The name of the model itself.
        """
        name = self.folder.resolve().name if self.folder else self.file.resolve().stem
        name = re.sub(r"[^\w.-]", "_", name).lstrip("_.-") or model
        rounded = model.endswith(QAT_SUFFIX) and not name.endswith(QAT_SUFFIX)
        return name + QAT_SUFFIX if rounded else name

    def training_facts(self) -> dict[str, int | str]:
        """Return what the run says of its training; nothing for a model that is of no run.

        How long it was and how long the shipped settings say, of how many networks its weights
        are the mean, what it started from, and the SHA-256 of its online teacher (called a guide
        in metrics.json of earlier versions).
        """
        metrics, init = self.metrics, self.config.init
        if not {"epochs", "model"} <= metrics.keys():
            return {}
        facts: dict[str, int | str] = {"epochs": metrics["epochs"]}
        if best := metrics.get("best_epoch"):
            facts["best_epoch"] = best
        if networks := metrics.get("networks"):
            facts["networks"] = networks
        planned = shipped_config(metrics["model"])
        if init:
            facts["init"] = Path(init).parent.name
        if teacher := metrics.get("teacher_sha256") or metrics.get("guide_sha256"):
            facts["teacher_sha256"] = teacher
        if planned.exists() and not init:
            facts["recipe_epochs"] = load_settings(TrainConfig, planned, {}).epochs
        return facts


def read_run(file: Path) -> RunRecord:
    """Return what the run of a model file says of it."""
    metrics = _metrics(file.parent)
    if not _is_of_the_run(file, metrics):
        return RunRecord(file, None, TrainConfig(), {})
    return RunRecord(file, file.parent, saved_config(file.parent), metrics)


def model_labels(file: Path) -> tuple[str, ...]:
    """Return the labels of a run's model from its metrics.json; empty where there is none."""
    metrics = _metrics(file.parent)
    return tuple(metrics.get("labels", ())) if _is_of_the_run(file, metrics) else ()


def _metrics(run: Path) -> Metrics:
    """Return what metrics.json of a run holds; nothing where it is missing or damaged."""
    file = run / METRICS
    try:
        return read_json(file.read_bytes(), Metrics, str(file))
    except (OSError, FerError):
        return {}


def read_accuracy(run: Path) -> float:
    """Return the validation accuracy of a run that is done, 0 to 1.

    Raises:
        FerError: The folder does not say it.
    """
    accuracy = _metrics(run).get("validation", {}).get("accuracy")
    if accuracy is None:
        raise FerError(f"{run / METRICS} says no validation accuracy")
    return accuracy


def accuracies(run: Path) -> list[float]:
    """Return the validation accuracy after each epoch that a run folder holds so far."""
    return [float(row["val_accuracy"]) for row in read_history(run)]


def read_history(run: Path) -> list[dict[str, str]]:
    """Return the rows of history.csv that a run folder holds so far, one for each epoch."""
    try:
        text = patiently(lambda: _current_text(run / HISTORY))
    except FileNotFoundError:
        return []
    return list(csv.DictReader(text.splitlines()))


def _current_text(file: Path) -> str:
    """Return what a file holds that another computer may replace meanwhile, over NFS."""
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        if error.errno != errno.ESTALE:
            raise
        return file.read_text(encoding="utf-8")  # the new one
