"""The settings of a run, by the options of the command that starts it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fer_core.errors import ArgumentError
from fer_core.readers import required_data_path
from fer_train.config import TrainConfig
from fer_train.run_folder import chosen_config, has_begun, resumed_config

_LOG = logging.getLogger(__name__)
_SETTINGS = ("labels", "size", "colour", "epochs", "batch_size", "learning_rate", "folds", "seed")
"""Settings of a run that are options of the same name and kind."""


def settings_of(given: Mapping[str, Any]) -> TrainConfig:
    """Return the settings of a run.

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
        return chosen_config(given["config"], given["arch"], given["init"], changed)
    asked = [given["config"], given["arch"], given["init"], *changed.values()]
    if given["out"] is None or any(value is not None for value in asked):
        raise ArgumentError("--resume takes --out alone: a run continues with its own settings")
    return resumed_config(given["out"])


def require_data(config: TrainConfig, out: Path | None) -> None:
    """Check that the data of a new run is there, before the seconds that TensorFlow takes to load.

    Args:
        config: The settings of the run.
        out: Its folder; one that holds a run is told later.

    Raises:
        FerError: There is none.
    """
    if not (out and has_begun(out)):
        required_data_path(Path(config.data) if config.data else None)


def soft_labels_file(named: Path | None, old: Path | None) -> str | None:
    """Return the whole path of --soft-labels, None without it.

    Args:
        named: What --soft-labels names.
        old: What --teacher names, as it was called until 0.1.

    Raises:
        ArgumentError: Both are given.
    """
    if named and old:
        raise ArgumentError("--teacher is the old name of --soft-labels: leave --teacher out")
    if old:
        _LOG.warning("--teacher is called --soft-labels now, and will not be read much longer")
    chosen = named or old
    return str(chosen.resolve()) if chosen else None
