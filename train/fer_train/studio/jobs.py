"""The one job at a time: training, then conversion, in processes of their own, then a judgment."""

from __future__ import annotations

import logging
import shutil
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from fer_core.errors import FerError
from fer_core.files import make_folder
from fer_core.text import name_key, printable
from fer_train.studio.attached import AttachedCommand, why_it_failed
from fer_train.studio.collection import Collection
from fer_train.studio.judging import judge
from fer_train.studio.learning import LearningSet, gather
from fer_train.studio.progress import read_curve, seconds_left
from fer_train.studio.runs import RunFolders, RunNotes
from fer_train.studio.told import RunningError, ToldError, being_trained, error_json, taken

log = logging.getLogger(__name__)

TRAIN, CONVERT = "fer_train.start", "fer_convert.start"
"""The modules whose `main` the commands are."""
STEPS = ("look", "start", "learn", "convert", "judge")
MOST_EPOCHS = 500
_LAST_LINES = 20


class _StoppedError(Exception):
    """Somebody stopped the job."""


@dataclass(slots=True)
class Job:
    """What is being made.

    Attributes:
        kind: "train" or "convert".
        step: What it does just now, one of STEPS.
        epochs: How many there will be at most.
        digests: The SHA-256 of the crops that it uses; None while it gathers them.
        why: Why it was stopped, where nobody asked for that.
    """

    name: str
    init: str
    epochs: int
    kind: str = "train"
    step: str = STEPS[0]
    curve: list[dict[str, float]] = field(default_factory=list)
    digests: frozenset[str] | None = None
    stopped: bool = False
    why: str = ""
    command: AttachedCommand | None = None

    def uses(self, digests: frozenset[str]) -> bool:
        """Return whether it uses one of these crops, or may: it still gathers them."""
        return bool(digests if self.digests is None else digests & self.digests)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "kind": self.kind,
            "name": self.name,
            "epoch": len(self.curve),
            "epochs": self.epochs,
            "seconds_left": seconds_left(self.curve, self.epochs) if self.kind == "train" else None,
            "curve": [{k: v for k, v in row.items() if k != "seconds"} for row in self.curve],
            "step": self.step,
        }


class Jobs:
    """Runs one job at a time while the block runs; its end ends the job.

    Attributes:
        folder: What is there only while a job runs.
        failed: Why the last job failed, as JSON values; None where it did not.
    """

    def __init__(
        self, folder: Path, collection: Collection, runs: RunFolders, tell: Callable[[], None]
    ) -> None:
        """Take the parts, and remove what a studio that was killed has left.

        Args:
            folder: A folder of its own, which is there only while a job runs.
            collection: The crops.
            runs: Where the networks go.
            tell: Called whenever something changes.
        """
        self.folder, self._collection, self._runs, self._tell = folder, collection, runs, tell
        self._lock = threading.Lock()
        self._job: Job | None = None
        self._thread: threading.Thread | None = None
        self._closed = False
        self.failed: dict[str, Any] | None = None
        runs.settle()
        for name in runs.names():
            runs.forget_faces(name)
        shutil.rmtree(folder, ignore_errors=True)

    def __enter__(self) -> Jobs:
        return self

    def __exit__(self, *raised: object) -> None:
        with self._lock:
            self._closed = True
        self.stop()

    @property
    def job(self) -> Job | None:
        """The job that runs, if any."""
        return self._job

    def start(self, name: str, init: str, epochs: int, again: bool = False) -> None:
        """Begin to train a network.

        Args:
            name: What the run will be called, a name that no run has.
            init: The shipped network to start from.
            epochs: How many there are at most.
            again: Whether a run has that name and is to be replaced, once the new one is done.

        Raises:
            FerError: There is a run of that name, or for `again` none.
            RunningError: Another job runs.
        """
        with self._lock:
            if self._closed:
                raise RunningError("the studio is being closed", code="closing")
            if self._job is not None:
                raise being_trained(self._job.name)
            if again:
                self._runs.set_aside(name)
            elif name_key(name) in map(name_key, self._runs.names()):
                raise taken("model", name)
            self._job, self.failed = Job(name, init, epochs), None
            self._thread = threading.Thread(target=self._work, args=(self._job,), name="job")
            self._thread.start()
        self._tell()

    def stop(self) -> None:
        """End the job that runs, and wait until nothing of it runs any more."""
        self._end(lambda job: True)

    def stop_using(self, digests: frozenset[str]) -> None:
        """End the job that runs if it uses one of these crops, which were deleted."""
        self._end(lambda job: job.uses(digests), "pictures that it learned from were deleted")

    def _end(self, is_meant: Callable[[Job], bool], why: str = "") -> None:
        with self._lock:
            job, thread = self._job, self._thread
            if job is not None:
                if not is_meant(job):
                    return
                job.stopped, job.why = True, why
                if job.command:
                    job.command.end()
        if thread is not None:
            thread.join()

    def _work(self, job: Job) -> None:
        """Do all of a job; what goes wrong is told in `failed`."""
        try:
            data = gather(self._collection)
            job.digests = frozenset(each.sha256 for each in data.pictures)
            self._make(job, data)
        except _StoppedError:
            log.debug("%s was stopped", job.name)
            self.failed = error_json(_stopped(job)) if job.why else None
        except FerError as error:
            self.failed = error_json(error)
        except Exception as error:
            log.exception("the job %s failed", job.name)
            words = f"{job.name}: {error!r}; this is a fault of fer-train, please report it"
            self.failed = error_json(FerError(words))
        finally:
            self._clean_up(job)

    def _clean_up(self, job: Job) -> None:
        """Remove what only the job needed; whatever happens, the next one may begin."""
        try:
            self._runs.forget_faces(job.name)
            self._runs.settle()
            shutil.rmtree(self.folder, ignore_errors=True)
        finally:
            with self._lock:
                self._job = None
            self._tell()

    def _make(self, job: Job, data: LearningSet) -> None:
        made = datetime.now().isoformat(timespec="seconds")
        notes = RunNotes(made, job.init, data.labels, data.pictures, data.divided)
        self._runs.save_notes(job.name, notes)
        file, run = make_folder(self.folder) / "data.npz", Path("..", "runs", job.name)
        data.save(file)
        self._go_on(job, "start")
        options = ("--init", job.init, "--epochs", job.epochs, "--out", run)
        self._run(job, TRAIN, "--data", file.name, *options)
        job.kind = "convert"
        self._go_on(job, "convert")
        self._run(job, CONVERT, run, "--int8", "--max-drop", 100)
        self._go_on(job, "judge")
        judged = judge(notes, self._runs.require_bundle(job.name), *data.judging())
        if job.stopped:
            raise _StoppedError
        self._runs.save_notes(job.name, judged)

    def _run(self, job: Job, module: str, *words: object) -> None:
        """Run a command of ours to its end; raise FerError with its words where it fails."""
        with self._lock:
            if job.stopped:
                raise _StoppedError
            job.command = AttachedCommand(module, *words, folder=self.folder)
        said: deque[str] = deque(maxlen=_LAST_LINES)
        for line in job.command.lines():
            said.append(printable(line))
            if line.startswith("epoch "):
                job.curve = read_curve(self._runs.folder / job.name)
                self._go_on(job, "learn")
        code = job.command.wait()
        if job.stopped:
            raise _StoppedError
        if code:
            raise FerError(why_it_failed(module, list(said), code))

    def _go_on(self, job: Job, step: str) -> None:
        job.step = step
        self._tell()


def _stopped(job: Job) -> ToldError:
    return ToldError(f"{job.name} was stopped: {job.why}", code="learned_deleted", name=job.name)
