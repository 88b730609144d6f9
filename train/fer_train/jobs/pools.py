"""What runs jobs: processes of this computer; who gives it jobs sees only `Pool`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from fer_core.errors import ArgumentError

if TYPE_CHECKING:
    from fer_train.run import Say


class Job(Protocol):
    """A training; it travels to its process by pickle, which loads no Keras.

    Attributes:
        name: What it is called in messages.
        out: Its run folder. A job whose folder has begun goes on from there.
    """

    @property
    def name(self) -> str:
        """What it is called in messages."""

    @property
    def out(self) -> Path:
        """Its run folder. A job whose folder has begun goes on from there."""

    def run(self, say: Say) -> None:
        """Train, and leave everything in the run folder.

        Raises:
            FerError: It cannot be done.
        """


class Cause(Enum):
    """What made a job fail."""

    TRAINING = "its settings, its data or the program"
    KILLED = "somebody ended its process, or the memory was full"
    STORAGE = "the disk was full or gone"


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


class Pool(Protocol):
    """Places for jobs."""

    @property
    def has_room(self) -> bool:
        """Whether it takes one more job now."""

    @property
    def is_busy(self) -> bool:
        """Whether a job runs."""

    def submit(self, job: Job) -> None:
        """Start a job."""

    def outcomes(self, seconds: float) -> list[Ended]:
        """Wait for jobs that end, at most so long; return those."""

    def end(self, job: Job) -> None:
        """End a job that runs; its run folder stays as it is, and nothing is told of it."""

    def close(self) -> None:
        """End all jobs; their run folders stay as they are."""


def make_pool(on: str, most: int, say: Say, follow: Say) -> Pool:
    """Return the pool that `--on` names.

    Args:
        on: local or local:N.
        most: How many jobs there are at most.
        say: What gets a line on how many of them run at a time.
        follow: What gets the lines of the jobs.

    Raises:
        ArgumentError: It names none.
    """
    named = re.fullmatch(r"local(?::([0-9]{1,4}))?", on)
    if on == "ray" or on.startswith("ray:"):
        raise ArgumentError(f"--on {on}: trainings do not run on Ray yet; give local or local:N")
    if not named or (named[1] and not int(named[1])):
        raise ArgumentError(
            f"--on {on}: give local, or local:N for N jobs at a time, such as local:2"
        )
    from fer_train.jobs.local_pool import LocalPool
    from fer_train.jobs.room import room_for

    room = room_for(most, int(named[1] or 0))
    say(room.text())
    return LocalPool(room, follow)


def run_all(jobs: list[Job], pool: Pool) -> list[Ended]:
    """Run jobs to their end, as many at a time as the pool takes; return those that failed."""
    waiting, failed = list(jobs), []
    try:
        while waiting or pool.is_busy:
            while waiting and pool.has_room:
                pool.submit(waiting.pop(0))
            failed += [ended for ended in pool.outcomes(1.0) if ended.reason]
    finally:
        pool.close()
    return failed
