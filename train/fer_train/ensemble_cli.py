"""The command fer-train ensemble."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from fer_core.command import Quiet
from fer_core.logs import talk
from fer_train import options
from fer_train.backend import need
from fer_train.reported import reported


def train_networks(
    networks: Annotated[int, typer.Argument(min=2, max=1000, help="How many, such as 5.")],
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
    """Train several networks that differ by their seed alone, and judge them together.

    It shows how much of a figure is luck. Together they are a teacher for `fer-train soft-labels`.
    With --init, the folder also holds one network, the mean of their weights, for fer-convert.
    """
    given = locals().copy() | {"qat": False, "teacher": None, "folds": None}  # by their names
    need("keras", "matplotlib", "sklearn")
    from fer_train.ensemble import next_call, train_ensemble
    from fer_train.given_settings import settings_of
    from fer_train.jobs.pools import read_where

    where = read_where(on, job_cpus, job_gpus)
    settings = settings_of(given)
    folder = out or Path("runs") / f"{settings.arch}-ensemble-{datetime.now():%Y%m%d-%H%M%S}"
    say = talk(quiet)
    with reported(folder, next_call(networks, folder, where), say):
        train_ensemble(settings, networks, folder, resume, say, where)
