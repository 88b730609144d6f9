"""Optimizer, schedule, loss and the counts that precision and recall come from."""

from __future__ import annotations

from typing import Any

import keras

from fer_train.config import TrainConfig


class Confusion(keras.metrics.Metric):  # type: ignore[misc]  # Keras has no types
    """Counts (classes, classes): row is the likelier label of the target, column the answer."""

    def __init__(self, classes: int) -> None:
        """Start from zero counts."""
        super().__init__(name="confusion")
        self._classes = classes
        self._counts = self.add_weight(shape=(classes, classes), initializer="zeros", name="counts")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add the pictures of one batch, each counted once."""
        truth = keras.ops.one_hot(keras.ops.argmax(y_true, axis=-1), self._classes)
        answer = keras.ops.one_hot(keras.ops.argmax(y_pred, axis=-1), self._classes)
        self._counts.assign_add(keras.ops.matmul(keras.ops.transpose(truth), answer))

    def result(self) -> Any:
        """Return the counts."""
        return keras.ops.convert_to_tensor(self._counts)


def compile_model(model: keras.Model, config: TrainConfig, steps: int) -> None:
    """Compile with the configured optimizer under its schedule.

    Decoupled weight decay spares biases and the scales of batch normalization.

    Args:
        model: The network, which is compiled in place.
        config: The settings of the optimizer and the loss.
        steps: Batches an epoch.
    """
    schedule = _schedule(config, steps)
    decay = config.weight_decay or None
    optimizer = (
        keras.optimizers.SGD(schedule, momentum=0.9, nesterov=True, weight_decay=decay)
        if config.optimizer == "sgd"
        else keras.optimizers.Adam(schedule, weight_decay=decay)
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=config.label_smoothing)
    model.compile(optimizer, loss, metrics=[Confusion(model.output_shape[-1])])
    # TensorFlow traces a step again if its first trace has made variables.
    model.optimizer.build(model.trainable_variables)


def _schedule(config: TrainConfig, steps: int) -> keras.optimizers.schedules.LearningRateSchedule:
    schedules = keras.optimizers.schedules
    if config.schedule == "inverse":
        return schedules.InverseTimeDecay(config.learning_rate, 1, config.decay)
    warmup = round(config.warmup_epochs * steps)
    return schedules.CosineDecay(
        0.0 if warmup else config.learning_rate,
        max(1, config.epochs * steps - warmup),
        alpha=float(config.schedule == "constant"),
        warmup_target=config.learning_rate if warmup else None,
        warmup_steps=warmup,
    )
