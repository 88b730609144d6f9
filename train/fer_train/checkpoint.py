"""The state of a training run in one file, written after every epoch."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from fer_core.errors import FerError
from fer_core.files import load_arrays, written_beside

_FACTS = ("data", "earlier", "epoch", "best_epoch", "history")

Weights = list[npt.NDArray[Any]]


@dataclass(slots=True)
class TrainState:
    """How far a run has come: epochs done, averaged and best weights, and the history.

    `data` is the fingerprint of its pictures, `earlier` how many of the epochs belong to an
    earlier stage.
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
    """Write model, optimizer and state whole or not at all; the last checkpoint survives."""
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

    `data` is the fingerprint of the pictures to go on with. Raises FerError when the file cannot
    be read, or is of another model, other pictures or an older version.
    """
    try:
        groups: dict[str, Weights] = {}
        held = load_arrays(path)
        facts = json.loads(str(held.pop("facts")))
        if missing := set(_FACTS) - set(facts):
            raise FerError(f"an older version wrote it, without {', '.join(sorted(missing))}")
        if facts["data"] != data:
            raise FerError("the pictures or their labels have changed since")
        for key, array in held.items():
            groups.setdefault(key.split("/")[0], []).append(array)
        model.set_weights(groups["model"])
        model.optimizer.build(model.trainable_variables)
        for variable, value in zip(model.optimizer.variables, groups["optimizer"], strict=True):
            variable.assign(value)
    except (ValueError, KeyError, FerError) as error:
        raise FerError(
            f"cannot resume from {path}: {error}. Start again without --resume, in another --out."
        ) from error
    return TrainState(averaged=groups.get("averaged", []), best=groups.get("best", []), **facts)
