"""One sweep from beginning to end: trials into a pool, what they come to into the study."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fer_core.errors import FerError
from fer_core.files import make_folder
from fer_train.jobs.pools import Cause, Ended, JobPool
from fer_train.run_facts import accuracies, read_accuracy
from fer_train.sweep.budget import Budget
from fer_train.sweep.space import Space
from fer_train.sweep.trial_job import TrialJob, require_own

if TYPE_CHECKING:
    from optuna.trial import Trial

    from fer_train.sweep.study import SweepStudy

_WAIT_SECONDS = 0.5
_MOST_FALSE_STARTS = 5
"""So many trials that fail before one does not end a sweep: its settings do not work at all."""

_MOST_STOPPED = 3
"""So many trials that are killed, or meet a full disk, before one is done end a call."""
_MOST_KILLED = 3
"""A trial that was killed so often has failed: it may need more memory than there is."""


def trial_folder(out: Path, number: int) -> Path:
    """Return the run folder of a trial."""
    return out / "trials" / f"{number:04d}"


@dataclass(slots=True)
class Sweep:
    """A sweep that runs.

    Attributes:
        prune_at: The epochs after which trials may be pruned.
        say: What gets a line for each trial that ends.
    """

    study: SweepStudy
    space: Space
    out: Path
    prune_at: tuple[int, ...]
    say: Callable[[str], None]
    _running: list[tuple[Trial, TrialJob]] = field(default_factory=list)
    _stopped: int = 0
    _stopped_since_success: int = 0

    def run(self, pool: JobPool, budget: Budget) -> None:
        """Try settings until the budget is spent.

        Trials that run when the time is up, or when this is interrupted, go on with the next call,
        as do those that were killed or met a full disk.

        Args:
            pool: What trains. It is closed at the end.
            budget: When to end.

        Raises:
            FerError: The first trials all fail, several were killed or met a full disk, or a
                trial's folder is of another sweep.
        """
        waiting = self.study.unfinished()
        if waiting:
            self.say(f"trials that continue: {', '.join(str(each.number) for each in waiting)}")
        try:
            while True:
                while pool.has_room and budget.has_time():
                    trials = self._begun() + len(waiting)
                    if waiting:
                        self._start(waiting.pop(0), pool)
                    elif budget.allows(trials):
                        self._start(self.study.ask(), pool)
                    else:
                        break
                if not pool.is_busy:
                    return
                if not budget.has_time():
                    numbers = ", ".join(str(trial.number) for trial, _ in self._running)
                    self.say(f"the time is up; trials that continue with the next call: {numbers}")
                    return
                for ended in pool.outcomes(_WAIT_SECONDS):
                    self._note(ended)
                self._prune(pool)
        finally:
            pool.close()

    def _begun(self) -> int:
        """Return how many trials have ended, run, or go on with the next call."""
        return len(self.study.tried()) + len(self._running) + self._stopped

    def _start(self, trial: Trial, pool: JobPool) -> None:
        """Start the training of a trial; settings that do not go together are a failed trial."""
        try:
            config = self.space.trial_config(trial.params)
        except FerError as error:
            self._fail(trial, str(error))
            return
        job = TrialJob(config, trial.number, make_folder(trial_folder(self.out, trial.number)))
        require_own(job.out, config)
        self._running.append((trial, job))
        pool.submit(job)
        self.say(f"trial {trial.number} trains: {_words(trial)}")

    def _note(self, ended: Ended) -> None:
        """Note what came of a job."""
        trial, job = next(each for each in self._running if each[1] is ended.job)
        self._running.remove((trial, job))
        if ended.reason and self._may_go_on(trial, job, ended.cause):
            self._stop(trial, ended.reason)
            return
        if ended.reason:
            self._fail(trial, ended.reason)
            return
        try:
            accuracy = read_accuracy(job.out)
        except FerError as error:
            self._fail(trial, str(error))
            return
        self.study.complete(trial, accuracy)
        self._stopped_since_success = 0
        best = max(each.accuracy or 0 for each in self.study.tried() if each.state == "complete")
        self.say(f"trial {trial.number}: {accuracy:.2%}; best {best:.2%}")

    def _may_go_on(self, trial: Trial, job: TrialJob, cause: Cause) -> bool:
        """Return whether a trial that failed may do better another time."""
        if cause is Cause.KILLED:
            return self.study.count_killed(trial) < _MOST_KILLED
        return cause is Cause.STORAGE or not Path(job.config.data).exists()

    def _stop(self, trial: Trial, why: str) -> None:
        """Leave a trial to the next call."""
        self.say(f"trial {trial.number} stopped, and continues with the next call: {why}")
        self._stopped += 1
        self._stopped_since_success += 1
        if self._stopped_since_success >= _MOST_STOPPED:
            raise FerError(
                f"{_MOST_STOPPED} trials stopped and none was done meanwhile, the last one "
                f"because: {why}. Nothing is lost: fix that, and the same command continues."
            )

    def _fail(self, trial: Trial, why: str) -> None:
        self.study.fail(trial, why)
        self.say(f"trial {trial.number} failed: {why}")
        states = [each.state for each in self.study.tried()]
        if len(states) >= _MOST_FALSE_STARTS and set(states) == {"failed"}:
            raise FerError(
                f"all {len(states)} trials failed so far, the last one because: {why}",
                see="sweep-fails",
            )

    def _prune(self, pool: JobPool) -> None:
        """End the trials that are not worth going on."""
        for trial, job in list(self._running):
            curve, known = accuracies(job.out), self.study.reported(trial)
            for epoch in self.prune_at:
                if epoch in known or not epoch <= len(curve) < job.config.epochs:
                    continue
                if not self.study.is_worth_going_on(trial, epoch, max(curve[:epoch])):
                    pool.end(job)
                    self._running.remove((trial, job))
                    self.study.prune(trial, epoch)
                    best = max(curve[:epoch])
                    self.say(f"trial {trial.number}: pruned after epoch {epoch} at {best:.2%}")
                    break


def _words(trial: Trial) -> str:
    """Return the values of a trial in words."""
    return ", ".join(f"{name} {value_text(value)}" for name, value in trial.params.items())


def value_text(value: object) -> str:
    """Return a value of a setting, numbers with four digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
