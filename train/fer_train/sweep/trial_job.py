"""One trial of a sweep as a job, and what its run folder says of it. Loads no Keras."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from fer_core.errors import FerError
from fer_train.backend import start_quietly
from fer_train.config import TrainConfig
from fer_train.device import choose_backend
from fer_train.run_facts import CONFIG, saved_config
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

    @property
    def inputs(self) -> tuple[Path, ...]:
        """The files and folders that it reads."""
        return self.config.inputs

    def run(self, say: Say) -> None:
        """Train, going on with what the run folder holds.

        Raises:
            FerError: As `run_training`.
        """
        choose_backend()
        start_quietly()
        from fer_train.run import run_training

        run_training(self.config, self.out, has_begun(self.out), say)


def require_own(run: Path, config: TrainConfig) -> None:
    """Make sure that a run folder is empty, or of the trial with these settings.

    Raises:
        FerError: It holds another training.
    """
    if not (run / CONFIG).exists():
        return
    saved = saved_config(run)
    wanted = asdict(_as_saved(config, saved))
    for name, value in asdict(saved).items():
        if value != wanted[name]:
            raise FerError(
                f"{run} holds the training of another sweep ({name} {value!r} there, "
                f"{wanted[name]!r} here): choose another --out, or remove that folder"
            )


def _as_saved(config: TrainConfig, saved: TrainConfig) -> TrainConfig:
    """Return settings as a training saves them: without what does not fit its data."""
    if config.precision == "auto":
        config = replace(config, precision=saved.precision)
    if config.labels == "ferplus-votes":
        config = replace(config, soft_labels="", soft_labels_weight=1.0)
    if not saved.soft_labels:
        config = replace(config, soft_labels="")
    return config if saved.online_teacher else replace(config, online_teacher="")
