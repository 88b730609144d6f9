"""The model before conversion: its data, its temperature, its answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from fer_convert.calibration import divide_logits, fit_temperature, has_logits
from fer_core.dataset import FerDataset
from fer_core.errors import FerError
from fer_core.preprocess import InputSpec
from fer_train.config import TrainConfig
from fer_train.data import predict
from fer_train.quantize_aware import is_quantize_aware
from fer_train.run_folder import saved_config, training_data, training_facts
from fer_train.transfer import load_model


@dataclass(frozen=True, slots=True, eq=False)
class Parent:
    """The model before conversion, its temperature divided in, its training and the answers.

    The answers are those in float32: for a model that was trained with rounding those of the one
    it went on from, while that is there. `answers_of` says whose they are.
    """

    model: keras.Model
    config: TrainConfig
    temperature: float
    training: dict[str, int | str]
    probabilities: np.ndarray[Any, np.dtype[np.float32]]
    answers_of: str


_LABELS = {
    "fer2013": "the labels",
    "ferplus": "the majority of FER+'s votes (MIT licence)",
    "ferplus-votes": "the votes of FER+ (MIT licence)",
}
_TAUGHT = {"fer2013-votes.npz": "the votes of FER+ (MIT licence)"}


def targets_of(config: TrainConfig) -> dict[str, float]:
    """Return the share (0 to 1) that labels, soft labels and a guide had in a run's targets."""
    guided = config.guide_weight if config.guide else 0.0
    taught = (1 - guided) * (config.teacher_weight if config.teacher else 0.0)
    teacher = Path(config.teacher).name
    shares = {
        _LABELS[config.labels]: 1 - guided - taught,
        _TAUGHT.get(teacher, f"what {teacher} says"): taught,
        f"what {Path(config.guide).name} says": guided,
    }
    return {name: round(share, 4) for name, share in shares.items() if share}


def data_of(file: Path, model: keras.Model, named: Path | None) -> FerDataset:
    """Return the data of the run that the model is of, or those named, in the model's own input."""
    config = saved_config(file.parent)
    if named:
        config = replace(config, data=str(named))
    _, height, width, channels = (*model.input_shape, *[None] * 4)[:4]
    colour = {1: "gray", 3: "rgb"}.get(channels)
    if not (isinstance(height, int) and isinstance(width, int) and colour):
        raise FerError(
            f"{file} takes {model.input_shape}: pictures of a fixed size are wanted, gray "
            "(None, height, width, 1) or RGB (None, height, width, 3)"
        )
    return training_data(config, InputSpec(height, width, colour))


def load_parent(file: Path, model: keras.Model, validation: FerDataset) -> Parent:
    """Return the model with its temperature divided in; raise FerError if it fits no pictures."""
    if model.output_shape != (None, len(validation.label_names)):
        raise FerError(
            f"{file} gives {model.output_shape}, but {validation.name} has "
            f"{len(validation.label_names)} classes; give the --data it was trained on"
        )
    probabilities = predict(model, validation)
    rounding = len(validation.label_names) / 512  # half a step for each class, with int8's in it
    sums = probabilities.sum(axis=1)
    if not np.allclose(sums, 1, atol=0.01 + rounding) or probabilities.min() < 0:
        raise FerError(
            f"{file} gives no probabilities: its last layer has to be a softmax "
            "(keras.layers.Softmax())"
        )
    config, facts = saved_config(file.parent), training_facts(file)
    temperature = fit_temperature(probabilities, validation.labels) if has_logits(model) else 1.0
    divide_logits(model, temperature)
    answers_of = model.name
    if is_quantize_aware(model):
        start = Path(config.init)
        if start.is_file():
            before = load_parent(start, load_model(start), validation)
            answers, answers_of = before.probabilities, before.answers_of
            return Parent(model, config, temperature, facts, answers, answers_of)
        answers_of += " itself, as the network that it was trained from is not here"
    if has_logits(model):
        probabilities = predict(model, validation)
    return Parent(model, config, temperature, facts, probabilities, answers_of)
