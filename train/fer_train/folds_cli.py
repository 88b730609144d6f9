"""The command fer-train folds."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from fer_core.command import Quiet
from fer_core.errors import ArgumentError, FerError
from fer_core.logs import talk
from fer_train import options
from fer_train.backend import need
from fer_train.reported import reported


def train_folds(
    folds: Annotated[int | None, typer.Argument(help="How many parts, such as 5.")] = None,
    on: options.On = "local",
    job_cpus: options.JobCpus = None,
    job_gpus: options.JobGpus = None,
    data: options.Data = None,
    arch: options.Arch = None,
    config: options.Config = None,
    out: options.Out = None,
    init: options.Init = None,
    epochs: options.Epochs = None,
    batch_size: options.BatchSize = None,
    learning_rate: options.LearningRate = None,
    labels: options.Labels = None,
    votes: options.Votes = None,
    size: options.Size = None,
    colour: options.Colour = None,
    soft_labels: options.SoftLabels = None,
    seed: options.Seed = None,
    resume: options.Resume = False,
    skip_bad: options.SkipBad = False,
    quiet: Quiet = False,
) -> None:
    """Cross-validate, several folds at a time; `fer-train --folds` trains one after another."""
    given = locals().copy() | {"qat": False, "teacher": None}  # each option by its name
    need("keras", "matplotlib", "sklearn")
    from fer_train.cross_validation import cross_validate, next_call
    from fer_train.given_settings import settings_of
    from fer_train.jobs.pools import read_where

    where = read_where(on, job_cpus, job_gpus)
    settings = settings_of(given)
    _require_folds(settings.folds, out if resume else None)
    folder = out or Path("runs") / f"{settings.arch}-folds-{datetime.now():%Y%m%d-%H%M%S}"
    say = talk(quiet)
    with reported(folder, next_call(folder, where), say):
        cross_validate(settings, folder, resume, say, where)


def _require_folds(folds: int, resumed: Path | None) -> None:
    if not folds and resumed:
        raise FerError(f"{resumed} holds no cross-validation to continue: choose another --out")
    if not folds:
        raise ArgumentError("say how many folds: fer-train folds 5")
