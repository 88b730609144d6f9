"""The settings of a run, by the options of the command that starts it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fer_core.errors import ArgumentError
from fer_core.readers import required_data_path
from fer_train.config import TrainConfig
from fer_train.run_folder import chosen_config, has_begun, resumed_config, soft_labels_file

_SETTINGS = ("labels", "size", "colour", "epochs", "batch_size", "learning_rate", "folds", "seed")
"""Settings of a run that are options of the same name and kind."""


def settings_of(given: Mapping[str, Any]) -> TrainConfig:
    """Return the settings of a run whose data is there.

    TensorFlow need not be loaded, so that a wrong path is told at once.

    Args:
        given: The options of the command by their names, None for those not given.

    Raises:
        FerError: A file or folder that they name cannot be read.
        ArgumentError: They do not go together.
    """
    flags = {name: given[name] or None for name in ("skip_bad", "qat")}
    paths = {name: str(given[name].resolve()) for name in ("data", "votes") if given[name]}
    soft_labels = soft_labels_file(given["soft_labels"], given["teacher"])
    changed = {name: given[name] for name in _SETTINGS} | flags | paths
    changed |= {"soft_labels": soft_labels}
    if not given["resume"]:
        config = chosen_config(given["config"], given["arch"], given["init"], changed)
        if not (given["out"] and has_begun(given["out"])):  # which is said first
            required_data_path(Path(config.data) if config.data else None)
        return config
    asked = [given["config"], given["arch"], given["init"], *changed.values()]
    if given["out"] is None or any(value is not None for value in asked):
        raise ArgumentError("--resume takes --out alone: a run continues with its own settings")
    return resumed_config(given["out"])
