"""What happens in the process of a job."""

from __future__ import annotations

import errno
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from typing import Any

from fer_core import progress
from fer_core.errors import FerError
from fer_core.files import make_folder
from fer_core.text import forgive_names_on_paper, printable
from fer_train.jobs.pools import Cause, Job

log = logging.getLogger(__name__)
LOG = "log.txt"
"""What a job and its libraries print, in its run folder."""
THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
"""What says how many threads the libraries of a training have."""


_STORAGE = ("ENOSPC", "EDQUOT", "EROFS", "EIO", "ESTALE", "ENOTCONN", "ETIMEDOUT", "EHOSTDOWN")
"""Errors of a disk or network drive that is full or gone."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a job failed, in words, and what made it fail; no words where it did not."""

    reason: str = ""
    cause: Cause = Cause.TRAINING


@dataclass(frozen=True, slots=True)
class Line:
    """A line on the progress."""

    text: str


def serve(pipe: Connection[Any, Any], job: Job, threads: int) -> None:
    """Run a job; send its lines, and at the end why it failed, or nothing."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    with suppress(BrokenPipeError, ConnectionResetError):  # nobody listens any more
        pipe.send(run_job(job, threads, lambda line: pipe.send(Line(line))))


def run_job(job: Job, threads: int, say: Callable[[str], None]) -> Failure:
    """Run a job in this process, which is for this job alone; return why it failed.

    Args:
        job: The job.
        threads: How many threads it gets, unless the environment says another number.
        say: What gets its lines; they are in its log, too.
    """
    for variable in THREADS:
        os.environ.setdefault(variable, str(threads))
    progress.silence()
    forgive_names_on_paper()

    def say_and_log(line: str) -> None:
        print(printable(line), flush=True)
        say(line)

    try:
        _print_into_log(job)
        job.run(say_and_log)
    except MemoryError as error:
        return Failure(str(error) or "the memory is full", Cause.KILLED)
    except FerError as error:
        return Failure(str(error), _cause(error))
    except OSError as error:
        return Failure(f"{error.filename or 'writing'}: {error.strerror or error}", _cause(error))
    except Exception as error:
        log.exception("the job failed")
        return Failure(f"{error!r}: {job.out / LOG} says where", _cause(error))
    return Failure()


def _cause(error: BaseException | None) -> Cause:
    """Return what made a job fail, by its error or one that this came from."""
    while error:
        if isinstance(error, OSError) and errno.errorcode.get(error.errno or 0) in _STORAGE:
            return Cause.STORAGE
        error = error.__cause__ or error.__context__
    return Cause.TRAINING


def _print_into_log(job: Job) -> None:
    """Let stdout and stderr, also those of native code, go into the log of the job."""
    log = os.open(make_folder(job.out) / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.close(log)


def _end_with_the_parent() -> None:
    parent = parent_process()
    assert parent
    wait([parent.sentinel])
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
