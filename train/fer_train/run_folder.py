"""What a run folder says of its run: settings, and whether it is finished. Needs no Keras."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from fer_core.errors import ArgumentError, FerError
from fer_core.files import ZIP_ERRORS
from fer_core.settings import load_settings, read_toml
from fer_core.text import typed
from fer_train.config import RENAMED, TrainConfig
from fer_train.parent_run import divided_as, with_data_of
from fer_train.run_facts import CONFIG, OUT_OF_FOLD, is_fold, is_shipped, read_run, saved_config
from fer_train.shipped import (
    DEFAULT_ARCH,
    FINE_TUNE,
    QAT_SUFFIX,
    QUANTIZE_AWARE,
    full_name,
    shipped,
    shipped_architectures,
    shipped_config,
)

CHECKPOINT = "checkpoint.npz"
FROZEN_CHECKPOINT = "frozen.npz"
SAVED_MODEL = "saved_model.pb"
NETWORKS = "seed-*"
"""The run folders in that of an ensemble."""


def resumed_config(out: Path) -> TrainConfig:
    """Return the settings that a run folder was started with.

    Raises:
        FerError: It holds no checkpoint, or is a fold, which continues with the others.
    """
    if not has_begun(out) or not (out / CONFIG).exists():
        raise FerError(f"{out} holds no checkpoint to resume; leave --resume out to start")
    if is_fold(out):
        raise FerError(f"{out} is a fold of a cross-validation: {_next_call(out)}")
    return saved_config(out)


def _next_call(run: Path) -> str:
    """Return the command that continues a run."""
    if is_fold(run):
        return f"fer-train folds --out {typed(run.parent)} --resume"
    return f"fer-train --out {typed(run)} --resume"


def chosen_config(
    file: Path | None, arch: str | None, init: str | None, given: Mapping[str, object]
) -> TrainConfig:
    """Return the settings of a new run: the given ones over those of a file.

    Args:
        file: The file. Without one they are the shipped ones of the architecture, of fine-tuning,
            or of quantization-aware training, which takes the data that the model was trained on.
        arch: The architecture, or the first part of its name; None for that of the settings.
        init: What to start from, a shipped model's name, a run folder or a .keras file, whose
            architecture the run then has. With the same data it has the validation split, too,
            except for what the file says of it. None to start fresh.
        given: Other settings by name, those that are None left out.

    Raises:
        FerError: The file or the model to start from cannot be read.
        ArgumentError: The given settings do not go together.
    """
    source = file or _shipped_config_for(arch, init, bool(given.get("qat")))
    config = load_settings(TrainConfig, source, {**given, "arch": arch}, RENAMED)
    start = _start(config, source.parent, arch, init)
    earlier = read_run(start) if start else None
    if earlier and config.qat and not file:
        config = with_data_of(earlier, config, given)
    config = replace(
        config,
        arch=model_name(start) if start else full_name(config.arch),
        init=str(start) if start else "",
    )
    config = settled(config, source.parent)
    if not earlier or not earlier.folder or is_shipped(earlier.file):
        return config
    return divided_as(earlier, config, read_toml(file).keys() if file else ())


def _start(config: TrainConfig, base: Path, arch: str | None, init: str | None) -> Path | None:
    """Return the model that a run goes on from; raise ArgumentError for one that does not fit."""
    if not (init or config.init):
        if config.qat:
            raise ArgumentError("--qat continues from a trained model: name it with --init")
        if config.init_weight:
            raise ArgumentError("init_weight is the share of a trained model: name it with --init")
        return None
    start = model_file(Path(init) if init else _from(base, config.init)).resolve()
    if start.suffix != ".keras" and not config.qat:
        raise ArgumentError(f"{start}: --init continues from a .keras file of fer-train")
    name, known = model_name(start), shipped_architectures()
    if name.endswith(QAT_SUFFIX):
        raise ArgumentError(f"{start} rounds as int8 does already: start from its parent")
    if arch and full_name(arch) != name:
        raise ArgumentError(f"{start} is a {name}; leave --arch out")
    if not config.qat and name not in known:
        raise ArgumentError(
            f"{start} holds {name}: --init continues from one of {', '.join(known)}"
        )
    return start


def _shipped_config_for(arch: str | None, init: str | None, qat: bool) -> Path:
    if qat:
        return shipped_config(QUANTIZE_AWARE)
    return shipped_config(FINE_TUNE if init else full_name(arch or DEFAULT_ARCH))


def _from(base: Path, name: str) -> Path:
    """Return a path taken from a folder, or the bare name of a shipped model."""
    return base / name if (base / name).exists() else Path(name)


def has_begun(out: Path) -> bool:
    """Return whether a folder holds a checkpoint of either stage, folds or an ensemble."""
    begun = any((out / name).exists() for name in (CHECKPOINT, FROZEN_CHECKPOINT, "fold-1"))
    return begun or holds_ensemble(out)


def holds_ensemble(out: Path) -> bool:
    """Return whether a folder holds networks of `fer-train ensemble`."""
    return next(out.glob(NETWORKS), None) is not None


def require_new_or_resumed(out: Path, resume: bool) -> None:
    """Make sure that a new run goes into a folder that holds none.

    Raises:
        FerError: It holds one, and `resume` is not asked for.
    """
    if not resume and has_begun(out):
        raise FerError(
            f"{out} holds a run already; add --resume, or choose another --out", see="run-exists"
        )


def newest_run(runs: Path) -> Path:
    """Return the run folder below `runs` whose model is newest.

    Raises:
        FerError: No run there is finished.
    """
    models = sorted(runs.glob("*/model.keras"), key=lambda path: path.stat().st_mtime)
    if not models:
        raise FerError(
            f"no finished run in {runs}; name a run or a model, or run fer-train first",
            see="run-not-found",
        )
    return models[-1].parent


def model_file(target: Path) -> Path:
    """Return the model of a run folder, a model file or SavedModel itself, or a shipped one.

    Raises:
        FerError: There is none, or the folder holds several or an unfinished run.
    """
    if not target.exists() and (shipped("results") / target / "model.keras").exists():
        return shipped("results") / target / "model.keras"
    if (target / SAVED_MODEL).exists():
        return target
    file = target / "model.keras" if target.is_dir() else target
    if target.is_dir() and (target / "fold-1").exists():
        raise FerError(f"{target} is a cross-validation: choose one fold, {target / 'fold-1'}")
    if target.is_dir() and not file.exists() and (networks := sorted(target.glob(NETWORKS))):
        mean = f"fer-train ensemble N --out {typed(target)} --resume"
        also = f", or make their mean: {mean}" if saved_config(target).init else ""
        raise FerError(f"{target} is an ensemble: choose one network, {networks[0]}{also}")
    if target.is_dir() and has_begun(target) and not _is_finished(target):
        raise FerError(f"the run {target} is not finished: {_next_call(target)}")
    if not file.exists():
        known = ", ".join(sorted(p.parent.name for p in shipped("results").glob("*/model.keras")))
        raise FerError(
            f"there is no model at {file}; give a run folder, a .keras file, or one of {known} "
            "(a checkout has more in train/results)"
        )
    return file


def _is_finished(run: Path) -> bool:
    """Return whether a run has left its model, and a fold what it says of its own pictures."""
    last = OUT_OF_FOLD if is_fold(run) else "model.keras"
    return (run / last).exists()


def model_name(file: Path) -> str:
    """Return the name that a model carries, its architecture in a run; that of another file.

    Raises:
        FerError: A .keras file cannot be read.
    """
    if file.suffix != ".keras":
        return file.stem
    try:
        with zipfile.ZipFile(file) as archive:
            return str(json.loads(archive.read("config.json"))["config"]["name"])
    except (OSError, ValueError, *ZIP_ERRORS) as error:
        raise FerError(f"{file} is no .keras file of fer-train: {error!r}") from error


def settled(config: TrainConfig, base: Path) -> TrainConfig:
    """Return the settings with whole paths, so that they mean the same from everywhere.

    Empty data becomes FER2013's usual place, if it is there; empty votes those beside the data.

    Args:
        config: The settings.
        base: The folder that relative paths are taken from.
    """
    teacher, pictures = config.online_teacher, config.pictures.with_whole_paths(base)
    return replace(
        config,
        data=pictures.data,
        votes=pictures.votes,
        held_out=pictures.held_out,
        soft_labels=str((base / config.soft_labels).resolve()) if config.soft_labels else "",
        online_teacher=str((base / teacher).resolve()) if teacher.endswith(".tflite") else teacher,
    )
