"""Cross-validation: every picture is judged by a network that never saw it or a duplicate of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fer_core.files import make_folder, write_text
from fer_core.locks import alone_in
from fer_core.metrics import ClassificationReport, classification_report
from fer_core.settings import settings_toml
from fer_core.text import typed
from fer_core.values import FloatArray
from fer_train.answers import saved_answers
from fer_train.config import TrainConfig
from fer_train.folds import FoldJob, Folds, answers_file, fold_folder, load_folds
from fer_train.jobs.pools import Job, Where, finish_all, make_pool
from fer_train.plots import save_confusion
from fer_train.run_folder import require_new_or_resumed
from fer_train.spread import spread, spread_text

if TYPE_CHECKING:
    from fer_train.run import Say


def cross_validate(
    config: TrainConfig, out: Path, resume: bool, say: Say, where: Where | None = None
) -> ClassificationReport:
    """Train `config.folds` networks, each judged on the part that it did not see.

    The parts divide training and validation pictures; the test split stays untouched. Within
    each fold the best epoch is chosen on a tenth of its own training pictures, not on the part
    that judges it.

    Args:
        config: The settings of each network.
        out: The folder that gets the folds and what they come to.
        resume: Whether to go on with folds that are not done; those that are stay as they are.
        say: What gets lines on the progress.
        where: Where folds are trained beside each other; None for one after another in this
            process.

    Returns:
        The report on all pictures, each judged by the network that did not see it.

    Raises:
        FerError: A class has fewer pictures than there are folds, or a fold fails.
    """
    require_new_or_resumed(out, resume)
    folds = load_folds(config)
    with alone_in(make_folder(out), "fer-train"):
        require_new_or_resumed(out, resume)
        write_text(out / "config.toml", settings_toml(config))
        if config.init:
            say(f"the figures flatter {config.init} if it has seen these pictures before")
        if where:
            _train_beside(folds, config, out, resume, say, where)
        return _judge_folds(folds, config, out, resume or bool(where), say)


def _train_beside(
    folds: Folds, config: TrainConfig, out: Path, resume: bool, say: Say, where: Where
) -> None:
    """Train the folds in processes of their own; raise FerError where one fails."""
    jobs: list[Job] = [
        FoldJob(config, out.resolve(), number)
        for number in range(1, config.folds + 1)
        if not resume or _saved(folds, number, out) is None
    ]
    if jobs:
        pool = make_pool(where, out, len(jobs), say, follow=say)
        finish_all(jobs, pool, next_call(out, where), say)


def next_call(out: Path, where: Where) -> str:
    """Return the command that continues the folds of a folder."""
    return f"fer-train folds --out {typed(out)}{where.options} --resume"


def _judge_folds(
    folds: Folds, config: TrainConfig, out: Path, resume: bool, say: Say
) -> ClassificationReport:
    """Judge every fold, trained where it is not yet, and write what they say together."""
    pool = folds.pool
    reports, answers = [], np.zeros((len(pool), len(pool.label_names)), np.float32)
    for number, held_out in enumerate(folds.held_out, start=1):
        say(f"fold {number} of {config.folds}")
        answers[held_out] = _answers(folds, number, config, out, resume, say)
        reports.append(
            classification_report(answers[held_out], pool.labels[held_out], pool.label_names)
        )
    whole = classification_report(answers, pool.labels, pool.label_names)
    save_confusion(out / "confusion.png", whole, f"{config.arch}, {config.folds} folds")
    write_text(
        out / "report.txt", spread_text(f"{len(reports)} folds", reports) + "\n" + whole.text()
    )
    facts = {
        "folds": [report.to_json() for report in reports],
        "spread": spread(reports),
        "out_of_fold": whole.to_json(),
    }
    write_text(out / "cross_validation.json", json.dumps(facts, indent=1) + "\n")
    return whole


def _answers(
    folds: Folds, number: int, config: TrainConfig, out: Path, resume: bool, say: Say
) -> FloatArray:
    """Return the probabilities (held out, classes) of one fold's network, trained if need be."""
    if resume and (saved := _saved(folds, number, out)) is not None:
        return saved
    from fer_train.fold_training import train_fold

    return train_fold(folds, number, config, fold_folder(out, number), resume, say)


def _saved(folds: Folds, number: int, out: Path) -> FloatArray | None:
    """Return what a fold that is done says, None for another."""
    return saved_answers(answers_file(out, number), folds.pool, folds.judged(number))
