"""The training loop: an epoch of batches, an average of the weights, a look at validation."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from fer_core.dataset import FerDataset
from fer_core.metrics import FEW_PICTURES, classification_report
from fer_core.progress import progress_bar
from fer_core.values import FloatArray
from fer_train.alike import first_facts, require_alike
from fer_train.augment import augment
from fer_train.checkpoint import TrainState, Weights, load_checkpoint, save_checkpoint
from fer_train.compiling import compile_model
from fer_train.config import TrainConfig
from fer_train.data import batches, class_weights, one_hot, predict, steps_per_epoch
from fer_train.devices import ONE_DEVICE, Devices
from fer_train.distillation import OnlineTeacher
from fer_train.epoch_sums import EpochSums, judged_figures, require_finite
from fer_train.network.graph import all_layers
from fer_train.network.training_copy import training_copy

AVERAGE_EVERY = 8
"""Steps between two updates of the averaged weights, at most an epoch; each copies the weights."""


@dataclass(frozen=True, slots=True, eq=False)
class TrainingSet:
    """What a network learns from, and the validation pictures that it is judged on.

    Attributes:
        soft_labels: (n, classes), what teachers say of the training pictures as they are, or None.
        teacher: What judges every altered batch of them (online distillation), or None.
    """

    training: FerDataset
    validation: FerDataset
    soft_labels: FloatArray | None = None
    teacher: OnlineTeacher | None = None

    def targets(self, soft_labels_weight: float) -> FloatArray:
        """Return the labels as probabilities (n, classes), the teachers' share in them."""
        targets = one_hot(self.training)
        if self.soft_labels is None:
            return targets
        return targets + np.float32(soft_labels_weight) * (self.soft_labels - targets)

    def fingerprint(self) -> str:
        """Return what tells these pictures, labels and teachers from others."""
        taught = b"" if self.soft_labels is None else self.soft_labels.tobytes()
        return "".join(
            (
                self.training.fingerprint(),
                self.validation.fingerprint(),
                hashlib.sha256(taught).hexdigest(),
                self.teacher.sha256 if self.teacher else "",
            )
        )


def train(
    model: keras.Model,
    training_set: TrainingSet,
    config: TrainConfig,
    checkpoint: Path,
    resume: bool = False,
    follow: Callable[[TrainState], None] = lambda state: None,
    earlier: TrainState | None = None,
    devices: Devices = ONE_DEVICE,
) -> TrainState:
    """Train until the last epoch or until patience ends; leave the best weights in the model.

    Order, augmentation and dropout depend on the seed and the epoch alone, and a checkpoint
    follows every epoch, so a run that was killed and resumed ends bit-equal to one that was not.

    Args:
        model: The network, which is changed in place.
        training_set: What it learns from and is judged on.
        config: The settings.
        checkpoint: The file that holds the state after each epoch.
        resume: Whether to go on from that file.
        follow: Called after each epoch.
        earlier: The state that an earlier stage ended in: its epochs and its best count on.
        devices: What shares every batch.

    Raises:
        FerError: The checkpoint cannot be read or written, or is of another run, or another
            process begins with other weights or data.
    """
    validation, targets = training_set.validation, training_set.targets(config.soft_labels_weight)
    with devices.scope():
        copy, state = _begun(model, training_set, config, checkpoint if resume else None, earlier)
    if devices.processes > 1:
        require_alike(devices, first_facts(copy, state, targets, config))
    while devices.agreed(_goes_on(state, config)):
        row = _train_epoch(copy, training_set, targets, config, state, devices)
        model.set_weights(state.averaged or copy.get_weights())
        state.epoch += 1
        state.history.append({"epoch": state.epoch, **row, **_judge(model, validation, state)})
        if _is_best(state, few=len(validation) < FEW_PICTURES):
            state.best, state.best_epoch = model.get_weights(), state.epoch
        save_checkpoint(checkpoint, copy, state)
        follow(state)
    model.set_weights(state.best)
    return state


def _begun(
    model: keras.Model,
    training_set: TrainingSet,
    config: TrainConfig,
    checkpoint: Path | None,
    earlier: TrainState | None,
) -> tuple[keras.Model, TrainState]:
    """Return the copy that is trained, and how far it has come: as a checkpoint says, if any."""
    copy, data = training_copy(model, config.precision), training_set.fingerprint()
    compile_model(copy, config, steps_per_epoch(training_set.training, config.batch_size))
    if checkpoint:
        return copy, load_checkpoint(checkpoint, copy, data)
    if earlier is None:
        return copy, TrainState(data)
    done, history = earlier.epoch, list(earlier.history)
    return copy, TrainState(data, done, done, [], earlier.best, earlier.best_epoch, history)


def _train_epoch(
    model: keras.Model,
    training_set: TrainingSet,
    targets: FloatArray,
    config: TrainConfig,
    state: TrainState,
    devices: Devices,
) -> dict[str, float]:
    """Train one epoch; return its loss, precision and the like, seconds and augmentation's share.

    `targets` (n, classes) are the labels as probabilities.
    """
    training, teacher = training_set.training, training_set.teacher
    weights = class_weights(training) if config.class_weights else None
    rng = np.random.default_rng((config.seed, state.epoch))
    _seed_layers(model, config.seed, state.epoch)
    steps, sums = steps_per_epoch(training, config.batch_size), EpochSums(targets.shape[1])
    every = min(AVERAGE_EVERY, steps)  # or epochs would judge the same weights
    with devices.scope(), progress_bar(steps, f"epoch {state.epoch + 1}") as advance:
        for batch in batches(training, targets, config.batch_size, rng):
            before = time.perf_counter()
            images, wanted = augment(*batch, config, rng)
            sums.augmenting_seconds += time.perf_counter() - before
            wanted = teacher.blended(images, wanted) if teacher else wanted
            model.reset_metrics()  # older Keras gives running means, newer ones the batch's own
            rows = devices.rows(len(images))
            each = None if weights is None else wanted[rows] @ weights
            logs = model.train_on_batch(
                images[rows], wanted[rows], sample_weight=each, return_dict=True
            )
            sums.add(logs, state.epoch + 1)
            done = (state.epoch - state.earlier) * steps + sums.steps
            updates, waiting = divmod(done, every)
            if config.ema_decay and not waiting:
                _average(state, model.get_weights(), config.ema_decay**every, updates)
            advance(sums.text())
    return sums.figures(training.label_names)


def _average(state: TrainState, weights: Weights, decay: float, updates: int) -> None:
    """Move the averaged weights towards the new ones; young averages forget faster."""
    keep = np.float32(min(decay, (1 + updates) / (10 + updates)))
    if not state.averaged:
        state.averaged = weights
        return
    state.averaged = [
        keep * old + (1 - keep) * new if new.dtype == np.float32 else new
        for old, new in zip(state.averaged, weights, strict=True)
    ]


def _seed_layers(model: keras.Model, seed: int, epoch: int) -> None:
    """Give every layer that draws random numbers (dropout) this epoch's own stream."""
    for index, layer in enumerate(all_layers(model)):
        generator = getattr(layer, "seed_generator", None)
        if generator is not None:
            start = np.random.default_rng((seed, epoch, index)).integers(2**31, size=2)
            generator.state.assign(start.astype(generator.state.dtype))


def _judge(model: keras.Model, validation: FerDataset, state: TrainState) -> dict[str, float]:
    """Return the figures of an epoch's weights; raise FerError where they answer no numbers."""
    probabilities = predict(model, validation)
    right = probabilities[np.arange(len(validation)), validation.labels]
    loss = float(-np.log(np.maximum(right, 1e-7)).mean())
    require_finite(loss, state.epoch)
    report = classification_report(probabilities, validation.labels, validation.label_names)
    figures = {"loss": loss, **judged_figures(report)}
    return {f"val_{name}": value for name, value in figures.items()}


def _is_best(state: TrainState, few: bool) -> bool:
    """Return whether the last epoch is the best: more accurate, or as accurate with less loss.

    With few validation pictures the loss alone decides: a single picture would, of an accuracy.
    """
    ranks = [(0.0 if few else row["val_accuracy"], -row["val_loss"]) for row in state.history]
    return not state.best_epoch or ranks[-1] > ranks[state.best_epoch - 1]


def _goes_on(state: TrainState, config: TrainConfig) -> bool:
    """Return whether an epoch is left and, with patience, the last ones have gained something."""
    without_gain = state.epoch - max(state.best_epoch, state.earlier)
    patient = not config.patience or without_gain < config.patience
    return state.epoch < state.earlier + config.epochs and patient


def epoch_line(state: TrainState, epochs: int) -> str:
    """Return what the last epoch gave, as one line."""
    row = state.history[-1]
    return (
        f"epoch {state.epoch:3d}/{epochs}  loss {row['loss']:.3f}  accuracy {row['accuracy']:.1%}  "
        f"validation: accuracy {row['val_accuracy']:.2%} precision {row['val_precision']:.1%} "
        f"recall {row['val_recall']:.1%} (best {state.best_accuracy:.2%}, epoch "
        f"{state.best_epoch})  {row['seconds']:.0f} s, augmentation {row['augmentation_share']:.1%}"
    )
