"""Jobs in processes of this computer, one process a job."""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any

from fer_core.own_process import how_it_crashed
from fer_train.jobs.pools import Cause, Ended, Job
from fer_train.jobs.process import Line, serve
from fer_train.jobs.room import Room

if TYPE_CHECKING:
    from fer_train.run import Say

_END_SECONDS = 5.0
"""How long a job has to end before it is killed."""

_FROM_OUTSIDE = (1, 9, 15)
"""The numbers of SIGHUP, SIGKILL and SIGTERM, which no fault in a program sends."""


class LocalPool:
    """A process for each job; its lines go to `say` behind the job's name."""

    def __init__(self, room: Room, say: Say) -> None:
        """Take the number of jobs at a time and of threads; nothing starts yet."""
        self._room, self._say = room, say
        self._running: list[_Running] = []

    @property
    def has_room(self) -> bool:
        """Whether it takes one more job now."""
        return len(self._running) < self._room.jobs

    @property
    def is_busy(self) -> bool:
        """Whether a job runs."""
        return bool(self._running)

    def submit(self, job: Job) -> None:
        """Start a job."""
        self._running.append(_Running(job, self._room.threads))

    def outcomes(self, seconds: float) -> list[Ended]:
        """Wait for jobs that end, at most so long; return those."""
        ends = time.monotonic() + seconds
        ended: list[Ended] = []
        while self._running and not ended and (left := ends - time.monotonic()) > 0:
            ready = wait([each.pipe for each in self._running], left)
            for each in [each for each in self._running if each.pipe in ready]:
                heard = each.heard()
                if isinstance(heard, Line):
                    self._say(f"{each.job.name}: {heard.text}")
                else:
                    self._running.remove(each)
                    ended.append(heard)
        return ended

    def end(self, job: Job) -> None:
        """End a job that runs; its run folder stays as it is, and nothing is told of it."""
        meant = [each for each in self._running if each.job is job]
        self._running = [each for each in self._running if each.job is not job]
        _end_all(meant)

    def close(self) -> None:
        """End all jobs; their run folders stay as they are."""
        meant, self._running = self._running, []
        _end_all(meant)


class _Running:
    """One process and its job."""

    def __init__(self, job: Job, threads: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.job = job
        self.pipe: Connection[Any, Any]
        self.pipe, theirs = context.Pipe(duplex=False)
        self.process = context.Process(target=serve, args=(theirs, job, threads), name=job.name)
        with _ctrl_c_ignored():  # a process inherits that, so that Ctrl-C is for this one alone
            self.process.start()
        theirs.close()

    def heard(self) -> Line | Ended:
        """Return what the process says, or how it died."""
        try:
            said = self.pipe.recv()
        except (EOFError, OSError):
            self._release()
            code = self.process.exitcode or 0
            return Ended(self.job, _death(code), _cause_of_death(code))
        if isinstance(said, Line):
            return said
        self._release()
        return Ended(self.job, said.reason, said.cause)

    def release_by(self, ends: float) -> None:
        """Wait for the process until then, and kill it where it has not ended."""
        self.process.join(max(0.0, ends - time.monotonic()))
        if self.process.is_alive():
            self.process.kill()
        self._release()

    def _release(self) -> None:
        self.process.join()
        self.pipe.close()


def _end_all(running: list[_Running]) -> None:
    for each in running:
        each.process.terminate()
    ends = time.monotonic() + _END_SECONDS
    for each in running:
        each.release_by(ends)


def _death(code: int) -> str:
    name = how_it_crashed(code)
    if not name:
        return f"its process ended with exit code {code}; log.txt in its folder may say why"
    memory = "; the memory may have been full: fewer jobs at a time, --on local:N"
    return f"its process died ({name}{memory if name == 'SIGKILL' else ''})"


def _cause_of_death(code: int) -> Cause:
    """Return what made a process die; SIGTERM ends a job with an exit code of its own."""
    number = code - 128 if code > 128 else -code
    return Cause.KILLED if number in _FROM_OUTSIDE else Cause.TRAINING


@contextmanager
def _ctrl_c_ignored() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
