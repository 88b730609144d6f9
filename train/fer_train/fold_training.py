"""One fold of a cross-validation: a network, and its answers to the part that it never saw."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from fer_core.values import FloatArray
from fer_train.answers import save_answers
from fer_train.config import TrainConfig
from fer_train.data import predict
from fer_train.folds import Folds, answers_file
from fer_train.run import Say, train_on
from fer_train.run_facts import OUT_OF_FOLD
from fer_train.transfer import load_keras_model


def train_fold(
    folds: Folds, number: int, config: TrainConfig, folder: Path, resume: bool, say: Say
) -> FloatArray:
    """Train a fold's network; return its probabilities (held out, classes), which are saved, too.

    Args:
        folds: The pictures and their parts.
        number: Which fold, counted from 1.
        config: The settings of each network.
        folder: The run folder of the fold.
        resume: Whether to go on with what the folder holds.
        say: What gets lines on the progress.

    Raises:
        FerError: The training fails.
    """
    judged, rest = folds.judged(number), folds.rest(number, config.seed)
    train_on(rest, replace(config, folds=0, held_out=OUT_OF_FOLD), folder, resume, say)
    probabilities = predict(load_keras_model(folder / "model.keras"), judged)
    save_answers(answers_file(folder.parent, number), folds.pool, judged, probabilities)
    return probabilities
