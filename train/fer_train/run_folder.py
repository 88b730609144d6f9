"""What a run folder says of its run: settings, data and whether it is finished. Needs no Keras."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from fer_core.dataset import FerDataset
from fer_core.errors import FerError
from fer_core.readers import default_data_path, load_dataset
from fer_core.settings import load_settings
from fer_train.config import TrainConfig

CHECKPOINT = "checkpoint.npz"


def resumed_config(out: Path) -> TrainConfig:
    """Return the settings that a run folder was started with."""
    if not (out / CHECKPOINT).exists() or not (out / "config.toml").exists():
        raise FerError(f"{out} holds no checkpoint to resume; leave --resume out to start")
    return saved_config(out)


def newest_run(runs: Path) -> Path:
    """Return the run folder below `runs` whose model is newest; raise FerError if none is."""
    models = sorted(runs.glob("*/model.keras"), key=lambda path: path.stat().st_mtime)
    if not models:
        raise FerError(f"no finished run in {runs}; name a run or a model, or run fer-train first")
    return models[-1].parent


def settled(config: TrainConfig, base: Path) -> TrainConfig:
    """Return the settings with whole paths, so that they mean the same from everywhere.

    Relative paths are taken from `base`; empty data becomes FER2013's usual place, if it is there.
    """
    data = base / config.data if config.data else default_data_path()
    return replace(
        config,
        data=str(data.resolve()) if data else "",
        teacher=str((base / config.teacher).resolve()) if config.teacher else "",
    )


def saved_config(folder: Path) -> TrainConfig:
    """Return the settings in a run folder, the default ones where a folder holds none."""
    saved = folder / "config.toml"
    return load_settings(TrainConfig, saved if saved.exists() else None, {})


def training_data(config: TrainConfig) -> FerDataset:
    """Return the data set that the settings name, with the validation split they give it."""
    path = Path(config.data) if config.data else None
    return load_dataset(path, skip_bad=config.skip_bad).with_validation(config.seed)
