"""What happens with a job on a node of a cluster."""

from __future__ import annotations

import os
import platform
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fer_core.files import write_text
from fer_core.locks import alone_in
from fer_train.backend import ONEDNN, need
from fer_train.device import BACKEND
from fer_train.jobs.pools import Cause, Job, NotSharedError, Where
from fer_train.jobs.process import LOG, THREADS, Failure, run_job

if TYPE_CHECKING:
    from fer_train.run import Say

_MARK = ".fer-jobs-"
_LOCK = ".fer-job-lock"
_MEMORY_SHARE = "XLA_PYTHON_CLIENT_MEM_FRACTION"
_WAIT_SECONDS = 120.0
"""How long a job waits for one that an earlier call has left in its folder. Ray ends those of a
`ray://` call half a minute after the call has died."""


@dataclass(frozen=True, slots=True)
class Call:
    """What nodes know of the call that gives them jobs.

    Attributes:
        mark: A file in the folder that is shared, which no other call has.
        threads: Threads a job.
        gpus: GPUs a job.
        environment: Variables that jobs get.
    """

    mark: Path
    threads: int
    gpus: float
    environment: dict[str, str] = field(default_factory=dict)

    @classmethod
    def begun(cls, folder: Path, where: Where) -> Call:
        """Leave the mark in a folder, in the place of those of earlier calls.

        Raises:
            FerError: It cannot be written.
        """
        _remove(list(folder.glob(f"{_MARK}*")))
        mark = folder.resolve() / f"{_MARK}{secrets.token_hex(8)}"
        write_text(mark, f"{platform.node()}\n")
        names = (BACKEND, ONEDNN, *THREADS)
        given = {name: os.environ[name] for name in names if name in os.environ}
        return cls(mark, where.cores, where.gpus, given)

    def end(self) -> None:
        """Remove the mark, so that jobs which have not begun do not begin."""
        _remove([self.mark])

    def require_share(self, inputs: tuple[Path, ...] = ()) -> None:
        """Make sure that this node sees the folder and the inputs of a job.

        Raises:
            NotSharedError: It does not, or the call has ended.
        """
        if not self.mark.exists():
            raise NotSharedError(
                f"the node {platform.node()} does not see {self.mark.parent}, where the command "
                "runs. --out must be a folder that all nodes share, with the same path"
            )
        for each in inputs:
            if not each.exists():
                raise NotSharedError(f"the node {platform.node()} does not see {each}")

    def settle(self) -> None:
        """Set the environment of a job; before Keras is imported."""
        os.environ.update(self.environment)
        if not self.gpus:
            os.environ.setdefault(BACKEND, "tensorflow")  # JAX would look for a GPU
        elif self.gpus < 1:  # else the first job takes most of the memory that they share
            os.environ.setdefault(_MEMORY_SHARE, f"{0.9 * self.gpus:.2f}")


@dataclass(frozen=True, slots=True)
class Left:
    """What a job has left.

    Attributes:
        failure: Why it failed, if it did.
        node: Where it ran.
        files: The sizes of the files in its run folder in bytes, by name; empty where it failed.
    """

    failure: Failure
    node: str
    files: dict[str, int]


def train_on_node(call: Call, job: Job | None, inputs: tuple[Path, ...] = ()) -> Left:
    """Run a job; None tries whether this node can run any.

    Args:
        call: What gives it.
        job: The job.
        inputs: What it reads and is there where it comes from.

    Raises:
        FerError: Without a job: this node cannot.
    """
    call.settle()
    if job is None:
        call.require_share()
        need("keras", "matplotlib", "sklearn")
        return Left(Failure(), platform.node(), {})
    try:
        call.require_share(inputs)  # before anything is written where nobody looks
    except NotSharedError as error:
        return Left(Failure(str(error), Cause.STORAGE), platform.node(), {})
    failure = run_job(_AloneJob(job), call.threads, lambda line: None)
    files = {} if failure.reason else files_of(job.out)
    return Left(failure, platform.node(), files)


@dataclass(frozen=True, slots=True)
class _AloneJob:
    """A job that waits for another one in its folder, where a call that died has left one."""

    job: Job

    @property
    def name(self) -> str:
        return self.job.name

    @property
    def out(self) -> Path:
        return self.job.out

    @property
    def inputs(self) -> tuple[Path, ...]:
        return self.job.inputs

    def run(self, say: Say) -> None:
        advice = "its node may be cut off; the same command continues once that has ended"
        with alone_in(self.out, self.name, advice, _LOCK, _WAIT_SECONDS):
            self.job.run(say)


def files_of(out: Path) -> dict[str, int]:
    """Return the sizes of the files in a run folder, by name, without the log."""
    with os.scandir(out) as entries:
        found = [each for each in entries if each.is_file() and not each.name.startswith(".")]
        return {each.name: each.stat().st_size for each in found if each.name != LOG}


def _remove(files: list[Path]) -> None:
    for file in files:
        with suppress(OSError):
            file.unlink()
