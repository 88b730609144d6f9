"""The state of a training run in one file, written after every epoch."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypedDict

import keras
import numpy as np
import numpy.typing as npt
from msgspec import Meta

from fer_core.errors import FerError
from fer_core.files import load_arrays, written_beside
from fer_core.typed_json import read_json

_PICTURES_DIGITS = 2 * 64
"""Of a fingerprint, those that tell the pictures: SHA-256 of training and validation."""
_FACTS = ("data", "earlier", "epoch", "best_epoch", "history")


class _Facts(TypedDict):
    """The part of a state that is no array."""

    data: str
    earlier: Annotated[int, Meta(ge=0)]
    epoch: Annotated[int, Meta(ge=0)]
    best_epoch: Annotated[int, Meta(ge=0)]
    history: list[dict[str, int | float]]  # with float alone, epoch 1 would come back as 1.0


Weights = list[npt.NDArray[Any]]


@dataclass(slots=True)
class TrainState:
    """How far a run has come: epochs done, averaged and best weights, and the history.

    Attributes:
        data: The fingerprint of its pictures, their labels and its teachers.
        earlier: How many of the epochs belong to an earlier stage.
    """

    data: str = ""
    earlier: int = 0
    epoch: int = 0
    averaged: Weights = field(default_factory=list)
    best: Weights = field(default_factory=list)
    best_epoch: int = 0
    history: list[dict[str, float]] = field(default_factory=list)

    @property
    def best_accuracy(self) -> float:
        """The validation accuracy of the best epoch, -1 before the first."""
        return self.history[self.best_epoch - 1]["val_accuracy"] if self.best_epoch else -1.0


def save_checkpoint(path: Path, model: keras.Model, state: TrainState) -> None:
    """Write model, optimizer and state whole or not at all; the last checkpoint survives.

    Raises:
        FerError: The file cannot be written.
    """
    groups = {
        "model": model.get_weights(),
        "optimizer": [keras.ops.convert_to_numpy(v) for v in model.optimizer.variables],
        "averaged": state.averaged,
        "best": state.best,
    }
    arrays = {f"{group}/{i}": a for group, list_ in groups.items() for i, a in enumerate(list_)}
    facts = {name: getattr(state, name) for name in _FACTS}
    with written_beside(path) as beside, beside.open("wb") as file:
        np.savez(file, facts=np.array(json.dumps(facts)), **arrays)


def load_checkpoint(path: Path, model: keras.Model, data: str) -> TrainState:
    """Bring a compiled model back to where its last epoch ended.

    Args:
        path: The checkpoint.
        model: The model, which is changed in place.
        data: The fingerprint of what to go on with.

    Raises:
        FerError: The file cannot be read, or is of another model, other pictures or an older
            version.
    """
    try:
        groups: dict[str, Weights] = {}
        held = load_arrays(path)
        facts = read_json(str(held.pop("facts")), _Facts, "what it says of its run")
        of_pictures = data[:_PICTURES_DIGITS]  # version 0.2 knew nothing of what teaches them
        if facts["data"] not in (data, of_pictures):
            raise FerError("the pictures, their labels or what teaches them have changed since")
        for key, array in held.items():
            groups.setdefault(key.split("/")[0], []).append(array)
        model.set_weights(groups["model"])
        model.optimizer.build(model.trainable_variables)
        for kept in ("averaged", "best"):
            _require_shapes(groups.get(kept, []), model)
        for variable, value in zip(model.optimizer.variables, groups["optimizer"], strict=True):
            variable.assign(value)
        averaged, best = groups.get("averaged", []), groups.get("best", [])
        state = TrainState(averaged=averaged, best=best, **facts)
        if not state.best_accuracy <= 1:
            raise ValueError("its best accuracy is above 1")
    except (ValueError, KeyError, IndexError, FerError) as error:
        raise FerError(
            f"cannot resume from {path}: {error}. Start again without --resume, in another --out."
        ) from error
    return state


def _require_shapes(weights: Weights, model: keras.Model) -> None:
    """Raise ValueError unless weights are none, or are those of a model."""
    wanted = [each.shape for each in model.get_weights()]
    if weights and [each.shape for each in weights] != wanted:
        raise ValueError("its weights are of another model")
