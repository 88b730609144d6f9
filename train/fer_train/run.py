"""One training run, from settings to a finished run folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from fer_core.dataset import FerDataset
from fer_core.errors import FerError
from fer_core.files import make_folder, write_text
from fer_core.metrics import ClassificationReport
from fer_core.settings import settings_toml
from fer_train.architectures import build_model
from fer_train.backend import make_deterministic
from fer_train.config import TrainConfig
from fer_train.data import model_inputs
from fer_train.distill import load_soft_labels
from fer_train.evaluate import evaluate, save_history, save_metrics, save_model
from fer_train.loop import train
from fer_train.plots import save_confusion, save_curves, save_feature_maps
from fer_train.run_folder import CHECKPOINT, training_data


def run_training(
    config: TrainConfig, out: Path, resume: bool, say: Callable[[str], None]
) -> ClassificationReport:
    """Train as configured and leave the run folder; return the report on the validation split."""
    if not resume and (out / CHECKPOINT).exists():
        raise FerError(f"{out} holds a run already; add --resume, or choose another --out")
    dataset = training_data(config)
    say(dataset.describe())
    training, validation = dataset.part("train"), dataset.part("validation")
    soft = load_soft_labels(Path(config.teacher), training) if config.teacher else None
    make_deterministic(config.seed)
    model = build_model(config.arch, (*training.images.shape[1:], 1), len(dataset.label_names))
    make_folder(out)
    write_text(out / "config.toml", settings_toml(config))
    say(f"{config.arch}: {model.count_params():,} parameters, {config.epochs} epochs")
    state = train(model, training, validation, config, out / CHECKPOINT, soft, resume, say)
    report = evaluate(model, validation)
    _save_results(out, model, validation, report)
    save_history(out / "history.csv", state.history)
    save_metrics(out, model, state, report)
    save_curves(out / "curves.png", state.history, state.best_epoch)
    return report


def _save_results(
    out: Path, model: keras.Model, validation: FerDataset, report: ClassificationReport
) -> None:
    save_model(model, out)
    save_confusion(out / "confusion.png", report, f"{model.name}, validation")
    picture = model_inputs(validation.only(np.array([0], np.int64)))[0]
    save_feature_maps(out / "feature_maps.png", model, picture)
