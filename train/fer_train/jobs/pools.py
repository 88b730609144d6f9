"""What runs jobs: this computer or a cluster; who gives it jobs sees only `JobPool`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from fer_core.errors import ArgumentError, FerError
from fer_core.pools import Place, Pool, read_place

if TYPE_CHECKING:
    from fer_train.run import Say

_LEAST_GPUS = 0.01


class Job(Protocol):
    """A training; it travels to its process by pickle, which loads no Keras.

    Attributes:
        name: What it is called in messages.
        out: Its run folder. A job whose folder has begun goes on from there.
        inputs: The files and folders that it reads.
    """

    @property
    def name(self) -> str:
        """What it is called in messages."""

    @property
    def out(self) -> Path:
        """Its run folder. A job whose folder has begun goes on from there."""

    @property
    def inputs(self) -> tuple[Path, ...]:
        """The files and folders that it reads."""

    def run(self, say: Say) -> None:
        """Train, and leave everything in the run folder.

        Raises:
            FerError: It cannot be done.
        """


class NotSharedError(FerError):
    """A node of a cluster does not see a file that others see."""


class Cause(Enum):
    """What made a job fail."""

    TRAINING = "its settings, its data or the program"
    KILLED = "somebody ended its process, or the memory was full"
    STORAGE = "the disk was full or gone, or not seen from there"


@dataclass(frozen=True, slots=True)
class Ended:
    """A job that has ended.

    Attributes:
        reason: Why it failed, in words; empty where it did not.
        cause: What made it fail.
    """

    job: Job
    reason: str = ""
    cause: Cause = Cause.TRAINING


class JobPool(Pool[Job, Ended], Protocol):
    """Places for jobs. When it is closed, their run folders stay as they are."""

    def end(self, job: Job) -> None:
        """End a job that runs; its run folder stays as it is, and nothing is told of it."""


@dataclass(frozen=True, slots=True)
class Where:
    """Where jobs run.

    Attributes:
        cores: What a job gets of a node of a cluster; so many threads it has.
        gpus: The same; a number below 1 for a share of one.
    """

    place: Place
    cores: int = 1
    gpus: float = 0.0

    @property
    def options(self) -> str:
        """The options that name it, each after a space; empty for those of no option."""
        place = self.place.cluster or (f"local:{self.place.workers}" * bool(self.place.workers))
        on = f" --on {place}" if place else ""
        cores = f" --job-cpus {self.cores}" if self.cores > 1 else ""
        return on + cores + (f" --job-gpus {self.gpus:g}" if self.gpus else "")


def read_where(on: str, job_cpus: int | None, job_gpus: float | None) -> Where:
    """Return where `--on`, `--job-cpus` and `--job-gpus` say that jobs run.

    Args:
        on: As `read_place` takes it.
        job_cpus: Cores a job, None where not given.
        job_gpus: GPUs a job, None where not given.

    Raises:
        ArgumentError: They say nothing that there is, or do not go together.
    """
    place = read_place(on)
    if not place.cluster and (job_cpus is not None or job_gpus is not None):
        raise ArgumentError(
            "--job-cpus and --job-gpus are for --on ray; on this computer --on local:N decides, "
            "since the jobs share its cores equally"
        )
    if job_gpus and not (_LEAST_GPUS <= job_gpus <= 1 or job_gpus.is_integer()):
        raise ArgumentError(
            f"--job-gpus takes whole numbers, or a share from {_LEAST_GPUS} to 1, got {job_gpus}"
        )
    return Where(place, 1 if job_cpus is None else job_cpus, job_gpus or 0.0)


def make_pool(where: Where, out: Path, most: int, say: Say, follow: Say) -> JobPool:
    """Return a pool for jobs.

    Args:
        where: Where they run.
        out: An existing folder, below which their run folders are.
        most: How many jobs there are at most.
        say: What gets a line on how many of them run at a time.
        follow: What gets the lines of the jobs.

    Raises:
        FerError: A cluster cannot be joined, or its nodes lack this package or that folder.
    """
    if where.place.cluster:
        from fer_train.jobs.ray_pool import RayPool

        return RayPool(where, out, say, follow)
    from fer_train.jobs.local_pool import LocalPool
    from fer_train.jobs.room import room_for

    room = room_for(most, where.place.workers)
    say(room.text())
    return LocalPool(room, follow)


def run_all(jobs: list[Job], pool: JobPool, say: Say) -> list[Ended]:
    """Run jobs to their end, as many at a time as the pool takes; return those that failed.

    Args:
        jobs: The jobs.
        pool: Where they run.
        say: What gets a line for each job that fails, while the others go on.

    Raises:
        FerError: The pool can run none any more; those that are done stay done.
    """
    waiting, failed = list(jobs), []
    try:
        while waiting or pool.is_busy:
            while waiting and pool.has_room:
                pool.submit(waiting.pop(0))
            for ended in pool.outcomes(1.0):
                if ended.reason:
                    failed.append(ended)
                    say(f"{ended.job.name} failed: {ended.reason}")
    finally:
        pool.close()
    return failed


def finish_all(jobs: list[Job], pool: JobPool, again: str, say: Say) -> None:
    """Run jobs to their end.

    Args:
        jobs: The jobs.
        pool: Where they run.
        again: The command that goes on with those that failed.
        say: What gets a line for each job that fails, while the others go on.

    Raises:
        FerError: A job failed, or the pool can run none any more; those that are done stay done.
    """
    if failed := run_all(jobs, pool, say):
        reasons = "; ".join(f"{ended.job.name}: {ended.reason}" for ended in failed)
        raise FerError(f"{reasons}. To continue once that is fixed: {again}")
