"""The parts of a cross-validation, and the training of one of them as a job. Loads no Keras."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fer_core.dataset import FerDataset
from fer_core.errors import FerError
from fer_core.values import Int64Array
from fer_train.backend import start_quietly
from fer_train.config import TrainConfig
from fer_train.device import choose_backend
from fer_train.run_facts import OUT_OF_FOLD
from fer_train.run_folder import has_begun

if TYPE_CHECKING:
    from fer_train.run import Say


@dataclass(frozen=True, slots=True)
class Folds:
    """All pictures to divide, and the indices of each part.

    Attributes:
        pool: All but the test split, as training pictures.
        held_out: The parts: stratified, by the seed, duplicate pictures together.
    """

    pool: FerDataset
    held_out: list[Int64Array]

    def judged(self, number: int) -> FerDataset:
        """Return the part, counted from 1, that judges a fold."""
        return self.pool.only(self.held_out[number - 1])

    def rest(self, number: int, seed: int) -> FerDataset:
        """Return what a fold, counted from 1, learns from, a tenth of it as validation split."""
        others = np.setdiff1d(np.arange(len(self.pool)), self.held_out[number - 1])
        return self.pool.only(others).with_validation(seed)


def load_folds(config: TrainConfig) -> Folds:
    """Return the pictures of the settings in `config.folds` parts.

    Raises:
        FerError: The data cannot be read, or a class has fewer pictures than there are folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    dataset = config.pictures.load().without_empty_classes()
    kept = dataset.only(dataset.split != 2)
    pool = replace(kept, split=np.zeros(len(kept), np.int64))
    fewest = int(np.bincount(pool.labels, minlength=len(pool.label_names)).min())
    if config.folds > fewest:
        raise FerError(
            f"{config.folds} folds need as many pictures of each class; the smallest class of "
            f"{pool.name} has {fewest}"
        )
    folds = StratifiedGroupKFold(config.folds, shuffle=True, random_state=config.seed)
    parts = folds.split(pool.images, pool.labels, pool.picture_ids())
    return Folds(pool, [held_out for _, held_out in parts])


def fold_folder(out: Path, number: int) -> Path:
    """Return the run folder of a fold, counted from 1."""
    return out / f"fold-{number}"


def answers_file(out: Path, number: int) -> Path:
    """Return where a fold, counted from 1, has what it says of the part that it did not see."""
    return fold_folder(out, number) / OUT_OF_FOLD


@dataclass(frozen=True, slots=True)
class FoldJob:
    """The training of one fold.

    Attributes:
        whole: The folder of the cross-validation.
        number: Which fold, counted from 1.
    """

    config: TrainConfig
    whole: Path
    number: int

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return f"fold {self.number}"

    @property
    def out(self) -> Path:
        """Its run folder."""
        return fold_folder(self.whole, self.number)

    @property
    def inputs(self) -> tuple[Path, ...]:
        """The files and folders that it reads."""
        return self.config.inputs

    def run(self, say: Say) -> None:
        """Train the fold's network and let it answer the part that it did not see.

        It goes on with what its folder holds.

        Raises:
            FerError: As `train_fold`.
        """
        choose_backend()
        start_quietly()
        from fer_train.fold_training import train_fold

        folds, resume = load_folds(self.config), has_begun(self.out)
        train_fold(folds, self.number, self.config, self.out, resume, say)
