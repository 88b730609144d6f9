"""The trials of a sweep in Optuna's storage: what was tried, what came of it, what to try next."""

from __future__ import annotations

import difflib
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import optuna
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from fer_core.errors import FerError
from fer_core.files import write_text
from fer_core.settings import settings_toml
from fer_core.typed_json import read_json
from fer_train.config import TrainConfig
from fer_train.sweep.pruner import BestThird
from fer_train.sweep.space import Setting, Space

_SPACE, _PICTURES, _WHY, _KILLED = "space", "pictures", "why", "killed"
_IDENTITY = "sweep.json"
"""What a folder is known by in its database, wherever the folder lies."""


class _Identity(TypedDict):
    """What is read of the identity."""

    study: str


@dataclass(frozen=True, slots=True)
class Tried:
    """A trial that has ended.

    Attributes:
        state: "complete", "pruned" or "failed".
        accuracy: On the validation split, 0 to 1: at the end, or where it was pruned, or None.
        values: The settings that it tried, by name.
        why: Why it failed, or where it was pruned.
    """

    number: int
    state: str
    accuracy: float | None
    seconds: float
    values: dict[str, Any]
    why: str = ""


_STATES = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}


class SweepStudy:
    """A study of Optuna that looks for the highest accuracy."""

    def __init__(self, url: str, out: Path, space: Space, pictures: str) -> None:
        """Open the study, or make it.

        Args:
            url: Its database, as SQLAlchemy names it.
            out: The folder of the sweep. It keeps the name of its study, which no other one has.
            space: What is tried.
            pictures: The fingerprint of what the trials learn from and are judged by.

        Raises:
            FerError: The study was made for another space or other pictures, or its name cannot be
                read.
        """
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._space = space
        self._storage = optuna.storages.RDBStorage(url)
        self._study = optuna.create_study(
            storage=self._storage,
            study_name=_study_name(out),
            direction="maximize",
            pruner=BestThird(),
            load_if_exists=True,
        )
        self._require_same_space(out)
        self._require_same_pictures(out, pictures)
        tried = len(self._study.get_trials(deepcopy=False))
        seed = space.trial_config({}).seed + tried  # else a second run would draw the same values
        self._study.sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=True)

    def unfinished(self) -> list[Trial]:
        """Return the trials that an earlier run has left."""
        study = self._storage.get_study_id_from_name(self._study.study_name)
        return [
            Trial(
                self._study,
                self._storage.get_trial_id_from_study_id_trial_number(study, each.number),
            )
            for each in self._study.get_trials(states=(TrialState.RUNNING,))
        ]

    def ask(self) -> Trial:
        """Begin a trial; its `params` are the values to try."""
        trial = self._study.ask()
        for setting in self._space.settings:
            _suggest(trial, setting)
        return trial

    def is_worth_going_on(self, trial: Trial, epoch: int, accuracy: float) -> bool:
        """Note the accuracy of a trial after an epoch; return whether it is to go on."""
        trial.report(accuracy, epoch)
        return not trial.should_prune()

    def reported(self, trial: Trial) -> set[int]:
        """Return the epochs after which the accuracy of a trial was noted."""
        return set(self._study.get_trials(deepcopy=False)[trial.number].intermediate_values)

    def complete(self, trial: Trial, accuracy: float) -> None:
        """Note what a trial came to."""
        self._study.tell(trial, accuracy)

    def prune(self, trial: Trial, epoch: int) -> None:
        """Note that a trial was ended after an epoch."""
        trial.set_user_attr(_WHY, f"pruned after epoch {epoch}")
        self._study.tell(trial, state=TrialState.PRUNED)

    def fail(self, trial: Trial, why: str) -> None:
        """Note that a trial failed, and why."""
        trial.set_user_attr(_WHY, why)
        self._study.tell(trial, state=TrialState.FAIL)

    def count_killed(self, trial: Trial) -> int:
        """Note that the process of a trial was killed; return how often it was."""
        times = int(trial.user_attrs.get(_KILLED, 0)) + 1
        trial.set_user_attr(_KILLED, times)
        return times

    def tried(self) -> list[Tried]:
        """Return the trials that have ended, by their number."""
        return [
            Tried(
                each.number,
                _STATES[each.state],
                _accuracy(each),
                each.duration.total_seconds() if each.duration else 0.0,
                {setting.name: each.params.get(setting.name) for setting in self._space.settings},
                each.user_attrs.get(_WHY, ""),
            )
            for each in self._study.get_trials(states=tuple(_STATES))
        ]

    def importances(self) -> dict[str, float]:
        """Return each setting's share in the variance of accuracy (fANOVA; Hutter et al., 2014).

        Empty where too few trials are complete to tell, or all are equally accurate.
        """
        complete = self._study.get_trials(states=(TrialState.COMPLETE,))
        if len({each.value for each in complete}) < 2:
            return {}
        shares = optuna.importance.get_param_importances(
            self._study, evaluator=optuna.importance.FanovaImportanceEvaluator(seed=0)
        )
        return {name: float(share) for name, share in shares.items()}

    def _require_same_space(self, out: Path) -> None:
        lines = settings_toml(self._space.trial_config({})).splitlines()
        lines += [str(each) for each in self._space.settings]
        before = self._study.user_attrs.get(_SPACE)
        if before is None:
            self._study.set_user_attr(_SPACE, lines)
            return
        usual = settings_toml(TrainConfig()).splitlines()  # an earlier version had fewer settings
        before, lines = ([each for each in some if each not in usual] for some in (before, lines))
        if before != lines:
            changes = [line for line in difflib.ndiff(before, lines) if line[0] in "+-"]
            raise FerError(
                f"the sweep {out} was begun with other settings; choose another --out. "
                f"What differs (- before, + now):\n" + "\n".join(changes)
            )

    def _require_same_pictures(self, out: Path, pictures: str) -> None:
        """Raise FerError where the pictures have changed: its trials could not be compared."""
        before = self._study.user_attrs.get(_PICTURES)
        if before is None:
            self._study.set_user_attr(_PICTURES, pictures)
        elif before != pictures:
            raise FerError(
                f"the pictures or labels have changed since the sweep {out} began; choose another "
                "--out"
            )


def _study_name(out: Path) -> str:
    """Return the name of the study that a folder keeps, a new one where it keeps none."""
    file = out / _IDENTITY
    if not file.exists():
        name = f"{out.resolve().name}-{secrets.token_hex(8)}"
        write_text(file, json.dumps({"study": name}) + "\n")
    try:
        return read_json(file.read_bytes(), _Identity, str(file))["study"]
    except OSError as error:
        raise FerError(f"cannot read {file}: {error.strerror}") from error


def _suggest(trial: Trial, setting: Setting) -> None:
    """Let Optuna choose a value."""
    name, low, high = setting.name, setting.low, setting.high
    if setting.choices:
        trial.suggest_categorical(name, setting.choices)
    elif setting.whole:
        trial.suggest_int(name, int(low), int(high), log=setting.log, step=int(setting.step or 1))
    else:
        trial.suggest_float(name, low, high, log=setting.log, step=setting.step)


def _accuracy(trial: FrozenTrial) -> float | None:
    last = max(trial.intermediate_values.items(), default=(0, None))[1]
    return trial.value if trial.values or trial.state is TrialState.FAIL else last


@contextmanager
def storage_faults(url: str) -> Iterator[None]:
    """Give what goes wrong in the storage in words.

    Raises:
        FerError: Something does.
    """
    from sqlalchemy.engine import make_url

    try:
        shown = make_url(url).render_as_string(hide_password=True)
    except SQLAlchemyError as error:
        raise FerError(
            "--storage takes a database as SQLAlchemy names it, such as sqlite:////data/sweeps.db "
            "or postgresql+psycopg://user@host/sweeps"
        ) from error
    try:
        yield
    except ImportError as error:
        name = getattr(error.__cause__ or error, "name", None) or "its database driver"
        raise FerError(f"the storage {shown} needs a package: pip install {name}") from error
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        reason = str(error.__cause__ or error).splitlines()[0]
        raise FerError(
            f"the storage {shown}: {reason}. What it has stays; the same command continues."
        ) from error
