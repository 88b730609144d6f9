"""An ensemble: networks that differ by their seed alone, and what they say together.

Loads no Keras, so that a job travels to its process without it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fer_core.dataset import FerDataset
from fer_core.errors import ArgumentError, FerError
from fer_core.files import make_folder, write_text
from fer_core.locks import alone_in
from fer_core.metrics import ClassificationReport, classification_report
from fer_core.settings import settings_toml
from fer_core.text import typed
from fer_core.values import FloatArray
from fer_train.answers import save_answers, saved_answers
from fer_train.backend import start_quietly
from fer_train.config import TrainConfig
from fer_train.device import choose_backend
from fer_train.jobs.pools import Job, Where, finish_all, make_pool
from fer_train.plots import save_confusion
from fer_train.run_folder import has_begun, holds_ensemble, require_new_or_resumed
from fer_train.spread import spread, spread_text

if TYPE_CHECKING:
    from fer_train.run import Say

_ANSWERS = "validation.npz"


@dataclass(frozen=True, slots=True)
class MemberJob:
    """The training of one network of an ensemble.

    Attributes:
        config: Its settings.
        out: Its run folder.
    """

    config: TrainConfig
    out: Path

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return f"seed {self.config.seed}"

    @property
    def inputs(self) -> tuple[Path, ...]:
        """The files and folders that it reads."""
        return self.config.inputs

    def run(self, say: Say) -> None:
        """Train the network and let it answer the validation split.

        It goes on with what its folder holds.

        Raises:
            FerError: As `train_on`.
        """
        choose_backend()
        start_quietly()
        from fer_train.data import predict
        from fer_train.run import train_on
        from fer_train.transfer import load_keras_model

        dataset = load_pictures(self.config)
        train_on(dataset, self.config, self.out, has_begun(self.out), say)
        validation = dataset.part("validation")
        probabilities = predict(load_keras_model(self.out / "model.keras"), validation)
        save_answers(self.out / _ANSWERS, dataset.part("train"), validation, probabilities)


def load_pictures(config: TrainConfig) -> FerDataset:
    """Return what all networks learn from and are judged by.

    Raises:
        FerError: It cannot be read, or lacks a class.
    """
    dataset = config.pictures.load().without_empty_classes()
    dataset.require_every_class()
    return dataset


def members(config: TrainConfig, networks: int, out: Path) -> list[MemberJob]:
    """Return the jobs of an ensemble: seeds count up from that of the settings.

    All of them divide off the same validation split.

    Raises:
        ArgumentError: A seed is too large.
    """
    seeds, split_seed = range(config.seed, config.seed + networks), config.pictures.seed
    try:
        configs = [replace(config, seed=seed, split_seed=split_seed) for seed in seeds]
    except ValueError as error:
        raise ArgumentError(str(error), see="setting-wrong") from error
    return [MemberJob(each, out.resolve() / f"seed-{each.seed}") for each in configs]


def train_ensemble(
    config: TrainConfig, networks: int, out: Path, resume: bool, say: Say, where: Where
) -> ClassificationReport:
    """Train networks that differ by their seed alone, and judge them and their mean.

    Args:
        config: The settings of the first one; the seed of each next one is larger by one.
        networks: How many, at least 2. More than the folder has add to them.
        out: The folder that gets them and what they come to.
        resume: Whether to go on with those that are not done.
        say: What gets lines on the progress.
        where: Where they are trained beside each other.

    Returns:
        The report on the mean of their probabilities for the validation split.

    Raises:
        ArgumentError: The settings are those of a cross-validation, or a seed is too large.
        FerError: The data cannot be read, the folder holds something else, or a network fails.
    """
    if config.folds:
        raise ArgumentError("an ensemble has no folds: leave `folds` out of the settings")
    if not holds_ensemble(out) and (resume or has_begun(out)):
        raise FerError(f"{out} holds no ensemble to continue: choose another --out")
    require_new_or_resumed(out, resume)
    jobs = members(config, networks, out)
    dataset = load_pictures(config)
    say(dataset.describe())
    with alone_in(make_folder(out), "fer-train"):
        require_new_or_resumed(out, resume)
        write_text(out / "config.toml", settings_toml(config))
        left: list[Job] = [job for job in jobs if _saved(job, dataset) is None]
        if left:
            pool = make_pool(where, out, len(left), say, follow=say)
            finish_all(left, pool, next_call(networks, out, where), say)
        return _judge(jobs, config, dataset, out)


def next_call(networks: int, out: Path, where: Where) -> str:
    """Return the command that goes on with an ensemble."""
    return f"fer-train ensemble {networks} --out {typed(out)}{where.options} --resume"


def _judge(
    jobs: list[MemberJob], config: TrainConfig, dataset: FerDataset, out: Path
) -> ClassificationReport:
    """Write what trained networks say, each and together, and the mean of weights of one start."""
    said, validation = [_answers(job, dataset) for job in jobs], dataset.part("validation")
    truth, labels = validation.labels, validation.label_names
    reports = [classification_report(each, truth, labels) for each in said]
    whole = classification_report(np.mean(said, axis=0), truth, labels)
    save_confusion(out / "confusion.png", whole, f"{len(said)} of {config.arch}, validation")
    text = spread_text(f"{len(said)} networks on the validation split", reports)
    text += f"\nthe mean of their answers\n{whole.text()}"
    facts = {
        "networks": [report.to_json() for report in reports],
        "seeds": [job.config.seed for job in jobs],
        "spread": spread(reports),
        "mean_of_answers": whole.to_json(),
    }
    if config.init:
        mean = _mean_weights(jobs, validation, out)
        text += f"\nthe mean of their weights, one network: model.keras\n{mean.text()}"
        if mean.accuracy < min(report.accuracy for report in reports):
            text += f"worse than each of them: rather take one, such as {jobs[0].out}\n"
        facts["mean_of_weights"] = mean.to_json()
    write_text(out / "report.txt", text)
    write_text(out / "ensemble.json", json.dumps(facts, indent=1) + "\n")
    return whole


def _mean_weights(jobs: list[MemberJob], validation: FerDataset, out: Path) -> ClassificationReport:
    choose_backend()
    start_quietly()
    from fer_train.mean_weights import save_mean_weights

    return save_mean_weights([job.out for job in jobs], out, validation)


def _answers(job: MemberJob, dataset: FerDataset) -> FloatArray:
    """Return the probabilities (n, classes) of a network that is trained."""
    said = _saved(job, dataset)
    if said is None:
        raise FerError(f"{job.name} is trained, but {job.out / _ANSWERS} is not there")
    return said


def _saved(job: MemberJob, dataset: FerDataset) -> FloatArray | None:
    """Return what a network that is done says of the validation split, None for another."""
    return saved_answers(job.out / _ANSWERS, dataset.part("train"), dataset.part("validation"))
