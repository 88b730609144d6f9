"""One trial of a sweep as a job, and what its run folder says of it. Loads no Keras."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fer_train.backend import start_quietly
from fer_train.config import TrainConfig
from fer_train.device import choose_backend
from fer_train.run_facts import HISTORY
from fer_train.run_folder import has_begun

if TYPE_CHECKING:
    from fer_train.run import Say


@dataclass(frozen=True, slots=True)
class TrialJob:
    """The training of one trial."""

    config: TrainConfig
    number: int
    out: Path

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return f"trial {self.number}"

    def run(self, say: Say) -> None:
        """Train, going on with what the run folder holds.

        Raises:
            FerError: As `run_training`.
        """
        choose_backend()
        start_quietly()
        from fer_train.run import run_training

        run_training(self.config, self.out, has_begun(self.out), say)


def accuracies(run: Path) -> list[float]:
    """Return the validation accuracy after each epoch that a run folder holds so far."""
    try:
        rows = list(csv.DictReader((run / HISTORY).read_text(encoding="utf-8").splitlines()))
    except FileNotFoundError:
        return []
    return [float(row["val_accuracy"]) for row in rows]
