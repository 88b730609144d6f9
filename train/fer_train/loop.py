"""The training loop: an epoch of batches, an average of the weights, a look at validation."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from fer_core.dataset import FerDataset
from fer_core.progress import progress_bar
from fer_core.values import FloatArray
from fer_train.augment import augment
from fer_train.checkpoint import TrainState, Weights, load_checkpoint, save_checkpoint
from fer_train.config import TrainConfig
from fer_train.data import batches, model_inputs, one_hot, steps_per_epoch

AVERAGE_EVERY = 8
"""Steps between two updates of the averaged weights; each copies the weights once."""


def compile_model(model: keras.Model, config: TrainConfig, steps: int) -> None:
    """Compile with the configured optimizer under warm-up and cosine decay to zero.

    `steps` is the number of batches an epoch. Decoupled weight decay spares biases and the
    scales of batch normalisation.
    """
    warmup = round(config.warmup_epochs * steps)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0 if warmup else config.learning_rate,
        max(1, config.epochs * steps - warmup),
        warmup_target=config.learning_rate if warmup else None,
        warmup_steps=warmup,
    )
    decay = config.weight_decay or None
    optimizer = (
        keras.optimizers.SGD(schedule, momentum=0.9, nesterov=True, weight_decay=decay)
        if config.optimizer == "sgd"
        else keras.optimizers.Adam(schedule, weight_decay=decay)
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=config.label_smoothing)
    model.compile(optimizer, loss, metrics=["accuracy"])


def train(
    model: keras.Model,
    training: FerDataset,
    validation: FerDataset,
    config: TrainConfig,
    checkpoint: Path,
    soft_labels: FloatArray | None = None,
    resume: bool = False,
    say: Callable[[str], None] = print,
) -> TrainState:
    """Train until the last epoch or until patience ends; leave the best weights in the model.

    Order, augmentation and dropout depend on the seed and the epoch alone, and a checkpoint
    follows every epoch, so a run that was killed and resumed ends bit-equal to one that was not.
    """
    compile_model(model, config, steps_per_epoch(training, config.batch_size))
    state = load_checkpoint(checkpoint, model) if resume else TrainState()
    targets = one_hot(training)
    if soft_labels is not None:
        targets += np.float32(config.teacher_weight) * (soft_labels - targets)
    judged = model_inputs(validation), one_hot(validation)
    while state.epoch < config.epochs and not _out_of_patience(state, config.patience):
        row = _train_epoch(model, training, targets, config, state)
        live = model.get_weights()
        if state.averaged:
            model.set_weights(state.averaged)
        row |= _judge(model, *judged)
        state.epoch += 1
        state.history.append({"epoch": state.epoch, **row})
        if row["val_accuracy"] > state.best_accuracy:
            state.best, state.best_epoch = model.get_weights(), state.epoch
        model.set_weights(live)
        save_checkpoint(checkpoint, model, state)
        say(_epoch_line(state, config.epochs))
    model.set_weights(state.best)
    return state


def _train_epoch(
    model: keras.Model,
    training: FerDataset,
    targets: FloatArray,
    config: TrainConfig,
    state: TrainState,
) -> dict[str, float]:
    """Train one epoch; return its loss, accuracy, seconds and the share of augmentation."""
    rng = np.random.default_rng((config.seed, state.epoch))
    _seed_layers(model, config.seed, state.epoch)
    steps = steps_per_epoch(training, config.batch_size)
    started, augmenting = time.perf_counter(), 0.0
    sums = np.zeros(2)
    with progress_bar(steps, f"epoch {state.epoch + 1}/{config.epochs}") as advance:
        for step, batch in enumerate(batches(training, targets, config.batch_size, rng)):
            before = time.perf_counter()
            images, wanted = augment(*batch, config, rng)
            augmenting += time.perf_counter() - before
            model.reset_metrics()  # older Keras gives running means, newer ones the batch's own
            logs = model.train_on_batch(images, wanted, return_dict=True)
            sums += logs["loss"], logs["accuracy"]
            updates, waiting = divmod(state.epoch * steps + step + 1, AVERAGE_EVERY)
            if config.ema_decay and not waiting:
                _average(state, model.get_weights(), config.ema_decay**AVERAGE_EVERY, updates)
            advance(f"loss {logs['loss']:.3f} accuracy {logs['accuracy']:.1%}")
    seconds = time.perf_counter() - started
    return {
        "loss": float(sums[0] / steps),
        "accuracy": float(sums[1] / steps),
        "seconds": round(seconds, 2),
        "augmentation_share": round(augmenting / seconds, 4),
    }


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
    for index, layer in enumerate(model._flatten_layers()):
        generator = getattr(layer, "seed_generator", None)
        if generator is not None:
            start = np.random.default_rng((seed, epoch, index)).integers(2**31, size=2)
            generator.state.assign(start.astype(generator.state.dtype))


def _judge(model: keras.Model, inputs: FloatArray, targets: FloatArray) -> dict[str, float]:
    probabilities = model.predict(inputs, batch_size=256, verbose=0)
    right = (probabilities * targets).sum(axis=1)
    return {
        "val_loss": float(-np.log(np.maximum(right, 1e-7)).mean()),
        "val_accuracy": float((probabilities.argmax(1) == targets.argmax(1)).mean()),
    }


def _out_of_patience(state: TrainState, patience: int) -> bool:
    return patience > 0 and state.epoch - state.best_epoch >= patience


def _epoch_line(state: TrainState, epochs: int) -> str:
    row = state.history[-1]
    return (
        f"epoch {state.epoch:3d}/{epochs}  loss {row['loss']:.3f}  accuracy {row['accuracy']:.1%}  "
        f"validation {row['val_accuracy']:.2%} (best {state.best_accuracy:.2%}, epoch "
        f"{state.best_epoch})  {row['seconds']:.0f} s, augmentation {row['augmentation_share']:.1%}"
    )
