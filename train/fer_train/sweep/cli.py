"""The command fer-train sweep."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from fer_core.command import Quiet
from fer_core.errors import ArgumentError, FerError
from fer_core.logs import talk
from fer_train import options
from fer_train.backend import need


def try_settings(
    space: Annotated[Path, typer.Argument(help="TOML with a table for each setting to try.")],
    out: Annotated[Path | None, typer.Option(help="The sweep's folder; else sweeps/SPACE.")] = None,
    budget: Annotated[
        str, typer.Option(help="Trials in all, such as 40, or time from now, such as 8h or 90min.")
    ] = "20",
    on: options.On = "local",
    job_cpus: options.JobCpus = None,
    job_gpus: options.JobGpus = None,
    prune_at: Annotated[
        str,
        typer.Option(help="Epochs after which only the best third continues: 10,30, or never."),
    ] = "",
    storage: Annotated[
        str, typer.Option(help="A database for the trials; else sweep.db in the folder.")
    ] = "",
    data: options.Data = None,
    arch: options.Arch = None,
    config: options.Config = None,
    epochs: options.Epochs = None,
    quiet: Quiet = False,
) -> None:
    """Try settings in many trainings. After a stop, the same command continues.

    Trials are judged on the validation split; the test split is left to fer-bench.
    """
    need("keras", "matplotlib", "sklearn", "scipy")
    _need_optuna()
    from fer_train.jobs.pools import read_where

    where = read_where(on, job_cpus, job_gpus)
    from fer_train.sweep.space import read_space

    given = {"data": str(data.resolve()) if data else None, "arch": arch, "epochs": epochs}
    tried = read_space(space, config, given)
    from fer_train.sweep.budget import read_budget
    from fer_train.sweep.whole import Request, sweep

    folder = out or Path("sweeps") / space.stem
    at = prune_epochs(prune_at, tried.trial_config({}).epochs)
    request = Request(tried, folder, read_budget(budget), where, at, storage)
    print(sweep(request, talk(quiet)), end="")


def _need_optuna() -> None:
    if find_spec("optuna") is None:
        raise FerError(
            "fer-train sweep needs Optuna: pip install '.[sweep]' in the folder of fer-edge-kit"
        )


def prune_epochs(text: str, epochs: int) -> tuple[int, ...]:
    """Return the epochs that `--prune-at` names.

    Args:
        text: Such as 10,30; never for none; empty for a ninth and a third of the epochs.
        epochs: How many epochs a trial has.

    Raises:
        ArgumentError: It names none.
    """
    if text == "never":
        return ()
    if not text:
        return tuple(sorted({max(1, epochs // 9), max(1, epochs // 3)}))
    written = re.fullmatch(r"[0-9]{1,6}(\s*,\s*[0-9]{1,6})*", text)
    named = sorted({int(each) for each in text.split(",")}) if written else [0]
    if named[0] < 1:
        raise ArgumentError(f"--prune-at {text}: give epochs such as 10,30, or never")
    return tuple(named)
