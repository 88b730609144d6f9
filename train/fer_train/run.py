"""One training run, from settings to a finished run folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from fer_core.dataset import FerDataset
from fer_core.errors import FerError
from fer_core.ferplus import vote_shares
from fer_core.files import make_folder, write_text
from fer_core.labels import class_keys
from fer_core.locks import alone_in
from fer_core.metrics import FEW_PICTURES, ClassificationReport, classification_report
from fer_core.settings import settings_toml
from fer_core.text import counted, typed
from fer_core.values import FloatArray
from fer_train.architectures import build_model
from fer_train.backend import make_deterministic
from fer_train.balance import balance
from fer_train.checkpoint import TrainState
from fer_train.config import TrainConfig
from fer_train.data import model_inputs, predict
from fer_train.device import this_device
from fer_train.devices import ONE_DEVICE, Devices
from fer_train.distillation import online_teacher_of
from fer_train.epoch_log import EpochLog
from fer_train.evaluate import save_history, save_metrics, save_model
from fer_train.loop import TrainingSet, epoch_line, train
from fer_train.network.quantize_aware import quantize_aware
from fer_train.plots import save_confusion, save_curves, save_feature_maps
from fer_train.run_facts import CONFIG, HISTORY, model_labels, saved_config
from fer_train.run_folder import (
    CHECKPOINT,
    FROZEN_CHECKPOINT,
    has_begun,
    holds_ensemble,
    require_new_or_resumed,
)
from fer_train.sheet import save_mistakes
from fer_train.shipped import shipped
from fer_train.soft_labels import OtherPicturesError, load_soft_labels
from fer_train.transfer import blend_with, freeze_all_but_logits, take_weights, trained_model

Say = Callable[[str], None]


def run_training(
    config: TrainConfig, out: Path, resume: bool, say: Say, devices: Devices = ONE_DEVICE
) -> ClassificationReport:
    """Train as configured and leave the run folder.

    Args:
        config: The settings.
        out: The run folder.
        resume: Whether to go on with the run that it holds.
        say: What gets lines on the progress.
        devices: What shares every batch.

    Returns:
        The report on the validation split.

    Raises:
        FerError: The data or the model to start from do not fit, or the folder cannot be written.
        ArgumentError: The devices cannot share a batch equally.
    """
    require_new_or_resumed(out, resume)
    if holds_ensemble(out):
        raise FerError(
            f"{out} holds an ensemble; to continue: "
            f"fer-train ensemble N --out {typed(out)} --resume"
        )
    dataset = config.pictures.load().without_empty_classes()
    say(dataset.describe())
    dataset.require_every_class()
    devices.require_parts(min(config.batch_size, len(dataset.part("train"))))
    with devices.folder(out) as folder, alone_in(make_folder(folder), "fer-train"):
        require_new_or_resumed(folder, resume)
        report = train_on(dataset, config, folder, resume, say, devices)
    for doubt in _doubts(report):
        say(doubt)
    return report


def train_on(
    dataset: FerDataset,
    config: TrainConfig,
    out: Path,
    resume: bool,
    say: Say,
    devices: Devices = ONE_DEVICE,
) -> ClassificationReport:
    """Train on a data set that has a validation split; return the report on that split.

    Raises:
        FerError: As `run_training`, whose arguments these are.
    """
    device = replace(this_device(), count=devices.count)
    if resume and (out / CONFIG).exists():  # elsewhere "auto" may mean another precision
        config = replace(config, precision=saved_config(out).precision)
    config, training_set = _training_set_of(device.fitting(config), dataset, say)
    validation = training_set.validation
    make_deterministic(config.seed)
    model = _network(config, dataset, resume and has_begun(out), say)
    make_folder(out)
    write_text(out / CONFIG, settings_toml(config))
    say(f"{config.arch}: {model.count_params():,} parameters, {counted(config.epochs, 'epoch')}")
    say(device.computing(config.precision))
    state = _train_stages(model, training_set, config, out, resume, say, devices)
    if config.init_weight:
        say(blend_with(model, Path(config.init), config.init_weight))
    if config.balance:
        balance(model, training_set.training, config.balance)
    probabilities = predict(model, validation)
    report = classification_report(probabilities, validation.labels, validation.label_names)
    save_model(model, out)
    save_confusion(out / "confusion.png", report, f"{model.name}, validation")
    first = model_inputs(validation.only(np.array([0], np.int64)))[0]
    save_feature_maps(out / "feature_maps.png", model, first)
    save_mistakes(out / "mistakes.png", validation, probabilities)
    save_history(out / HISTORY, state.history)
    teacher = training_set.teacher
    taught_by, judged_by = teacher.sha256 if teacher else "", validation.fingerprint(rows=False)
    save_metrics(out, model, state, report, taught_by, device.text(), judged_by)
    save_curves(out / "curves.png", state.history, state.best_epoch)
    return report


def _doubts(report: ClassificationReport) -> Iterator[str]:
    """Yield what a reader of the report should not believe too much."""
    answered = np.flatnonzero(report.confusion.sum(axis=0))
    if len(answered) == 1:
        yield f"it answers {report.labels[answered[0]]} for every picture: train longer"
    if report.count < FEW_PICTURES:
        low, high = report.accuracy_interval95
        yield (
            f"validation has {counted(report.count, 'picture')}, so the accuracy may be anything "
            f"from {low:.0%} to {high:.0%}. --folds 5 judges every picture; {FEW_PICTURES} "
            "pictures would narrow that to less than 20 points"
        )


def _network(config: TrainConfig, dataset: FerDataset, begun: bool, say: Say) -> keras.Model:
    """Return the network to train, with the weights it starts from unless the run has begun.

    Training with rounding takes the network itself from the file, when it resumes, too.
    """
    if config.qat:
        return quantize_aware(trained_model(Path(config.init), dataset))
    model = build_model(config.arch, dataset.spec.shape, len(dataset.label_names))
    if config.init and not begun:
        known = model_labels(Path(config.init))
        if config.init_weight and class_keys(known) != class_keys(dataset.label_names):
            raise FerError(
                f"init_weight needs a start with the labels of the data: {config.init} knows "
                f"{', '.join(known) or 'none'}, the data {', '.join(dataset.label_names)}"
            )
        say(take_weights(model, Path(config.init), dataset.label_names))
    return model


def _training_set_of(
    config: TrainConfig, dataset: FerDataset, say: Say
) -> tuple[TrainConfig, TrainingSet]:
    """Return what the settings and the data teach, and the settings that this means."""
    training, validation = dataset.part("train"), dataset.part("validation")
    config, soft = _with_soft_labels(config, training, say)
    teacher = online_teacher_of(config, training, say)
    config = config if teacher else replace(config, online_teacher="")
    return config, TrainingSet(training, validation, soft, teacher)


def _with_soft_labels(
    config: TrainConfig, training: FerDataset, say: Say
) -> tuple[TrainConfig, FloatArray | None]:
    """Return the soft labels (n, classes) that the settings ask for, and the settings they mean.

    The soft labels that are shipped are FER2013's; other data goes without them.
    """
    is_shipped = Path(config.soft_labels).parent == shipped("configs")
    without = f"without the soft labels {Path(config.soft_labels).name}: they are of FER2013's"
    if config.labels == "ferplus-votes":
        if config.soft_labels and not is_shipped:
            say(f"without the soft labels {config.soft_labels}: the votes are the whole target")
        shares = vote_shares(training, config.pictures.votes_file())
        return replace(config, soft_labels="", soft_labels_weight=1.0), shares
    if not config.soft_labels:
        return config, None
    if is_shipped and config.labels != "fer2013":
        say(f"{without} labels")
        return replace(config, soft_labels=""), None
    try:
        return config, load_soft_labels(Path(config.soft_labels), training)
    except OtherPicturesError:
        if not is_shipped:
            raise
        say(f"{without} pictures")
        return replace(config, soft_labels=""), None


def _train_stages(
    model: keras.Model,
    training_set: TrainingSet,
    config: TrainConfig,
    out: Path,
    resume: bool,
    say: Say,
    devices: Devices,
) -> TrainState:
    """Train the last layer alone for the frozen epochs, if any, then everything.

    Each stage has a checkpoint of its own; a stage that has begun goes on, and the second one
    counts on where the first ended.
    """
    frozen = min(config.frozen_epochs, config.epochs // 2)

    def stage(
        settings: TrainConfig, checkpoint: Path, earlier: TrainState | None = None
    ) -> TrainState:
        with EpochLog(out / "tensorboard") as log:

            def follow(state: TrainState) -> None:
                save_history(out / HISTORY, state.history)
                say(epoch_line(state, config.epochs))
                log.write(state.history)

            begun = resume and checkpoint.exists()
            return train(model, training_set, settings, checkpoint, begun, follow, earlier, devices)

    if not frozen or (resume and (out / CHECKPOINT).exists()):
        return stage(replace(config, epochs=config.epochs - frozen), out / CHECKPOINT)
    say(
        f"the last layer alone for {frozen} {'epoch' if frozen == 1 else 'epochs'}, then all layers"
    )
    freeze_all_but_logits(model)
    alone = replace(config, epochs=frozen, patience=0, ema_decay=0)
    first = stage(alone, out / FROZEN_CHECKPOINT)
    freeze_all_but_logits(model, frozen=False)
    return stage(replace(config, epochs=config.epochs - frozen), out / CHECKPOINT, first)
