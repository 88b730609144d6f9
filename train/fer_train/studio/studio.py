"""All that a studio holds, and the state that its page shows."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from fer_core.errors import FerError
from fer_edge.identity.descriptors import is_installed
from fer_train.shipped import shipped, shipped_architectures
from fer_train.studio.camera import SharedCamera
from fer_train.studio.changes import Changes
from fer_train.studio.collection import Collection
from fer_train.studio.compare import Comparison
from fer_train.studio.finding import FaceFinder
from fer_train.studio.jobs import Job, Jobs
from fer_train.studio.people import PeopleFolders
from fer_train.studio.runs import RunFolders, RunNotes
from fer_train.studio.told import AbsentError, ToldError
from fer_train.studio.uses import uses_json

LEAST_PICTURES, ENOUGH_PICTURES, LEAST_CLASSES = 10, 60, 2
"""A class's pictures without which nothing is trained, and from which the page asks for no more.
Both are rules of thumb."""
MOST_UPLOADS = 4
"""How many pictures are received and decoded at a time; each may be large."""


@dataclass(slots=True)
class Studio:
    """The parts of a studio.

    Attributes:
        folder: Where all of it lies.
        camera: The computer's own; None without one.
        uploads: A place for each picture that is being received.
    """

    folder: Path
    collection: Collection
    people: PeopleFolders
    runs: RunFolders
    finder: FaceFinder
    comparison: Comparison
    jobs: Jobs
    changes: Changes
    camera: SharedCamera | None = None
    uploads: threading.BoundedSemaphore = field(
        default_factory=lambda: threading.BoundedSemaphore(MOST_UPLOADS)
    )

    def state(self) -> dict[str, Any]:
        """Return what the page shows, as JSON values: figures and codes, whose words it has."""
        job, notes = self._job_and_notes()
        there = self.collection.digests() if notes or job else {}
        classes, learned = self._class_states(), _learned(notes)
        for each in classes:
            each["uses"] = uses_json(there.get(each["name"], {}).values(), job, learned)
        why_not = _why_not(classes)
        return {
            "folder": str(self.folder),
            "stored": {
                "crops": str(self.collection.folder.absolute()),
                "people": str(self.people.folder.absolute()),
                "networks": str(self.runs.folder.absolute()),
                "job": str(self.jobs.folder.absolute()),
            },
            "camera": self.camera is not None,
            "detector": self.finder.name,
            "init": starts(),
            "classes": classes,
            "ready": why_not is None,
            "why_not": why_not,
            "job": job.to_json() if job else None,
            "failed": self.jobs.failed,
            "runs": self._run_states(notes, there),
            "people": self._person_states(),
            "identity": is_installed(),
        }

    def _job_and_notes(self) -> tuple[Job | None, dict[str, RunNotes | None]]:
        """Return the job that runs, and the notes of the runs that are not just being made."""
        job, notes = self.jobs.job, self.runs.all_notes()
        if job:
            notes.pop(job.name, None)
        return job, notes

    def _class_states(self) -> list[dict[str, Any]]:
        """Return the classes but for those that are deleted just now."""
        states = []
        for name in self.collection.names():
            with suppress(AbsentError):
                states.append(self._class_state(name))
        return states

    def _class_state(self, name: str) -> dict[str, Any]:
        changed = self.collection.changed(name)  # before the files: what comes now shows later
        files = self.collection.pictures(name)
        recordings = len({file.partition("~")[0] for file in files})
        return {
            "name": name,
            "count": len(files),
            "changed": changed,
            "recordings": recordings,
            "advice": _advice(len(files), recordings),
        }

    def _person_states(self) -> list[dict[str, Any]]:
        """Return the people but for those that are deleted just now."""
        states = []
        for name in self.people.names():
            with suppress(AbsentError):
                changed = self.people.changed(name)
                count = len(self.people.pictures(name))
                states.append({"name": name, "count": count, "changed": changed})
        return states

    def _run_states(
        self, notes: dict[str, RunNotes | None], there: dict[str, dict[str, str]]
    ) -> list[dict[str, Any]]:
        """Return the runs, the newest first."""
        digests = frozenset(chain.from_iterable(files.values() for files in there.values()))
        states = []
        for name, each in notes.items():
            with suppress(AbsentError):  # deleted just now
                states.append(_run_state(name, each, self.runs.bundle(name) is not None, digests))
        return sorted(states, key=lambda state: str(state["made"]), reverse=True)

    def uses(self, name: str) -> dict[str, dict[str, Any]]:
        """Return what uses the pictures of a class, by file name; none for unused ones.

        Raises:
            AbsentError: There is no such class.
        """
        self.collection.pictures(name)
        job, notes = self._job_and_notes()
        learned = _learned(notes)
        files = self.collection.digests().get(name, {})
        found = {file: uses_json([digest], job, learned) for file, digest in files.items()}
        return {file: uses for file, uses in found.items() if uses["training"] or uses["runs"]}

    def delete_class(self, name: str, count: int | None = None) -> None:
        """Delete a class with all its pictures, and stop a training that uses one of them.

        Args:
            name: The class.
            count: How many pictures the user agreed to delete; None for any number.

        Raises:
            FerError: There is no such class, it holds something else, or the system refuses.
        """
        before = self.collection.digests().get(name, {})
        try:
            self.collection.remove(name, count)
        finally:
            left = self.collection.digests().get(name, {})
            gone = (digest for file, digest in before.items() if file not in left)
            self.jobs.stop_using(frozenset(gone))

    def delete_picture(self, name: str, file: str, version: str = "") -> None:
        """Delete a picture of a class, if given of this version; stop a training that uses it.

        Raises:
            FerError: It is not there, or the system refuses.
        """
        self.collection.file(name, file, version)
        used: frozenset[str] = frozenset()
        with suppress(ToldError):  # nothing learns from what cannot be read
            used = frozenset([self.collection.digest(name, file)])
        self.collection.delete(name, file, version)
        self.jobs.stop_using(used)

    def require_ready(self) -> None:
        """Make sure that there is enough to train on.

        Raises:
            FerError: There is not.
        """
        why_not = _why_not(self._class_states())
        if why_not is None:
            return
        if why_not["code"] == "classes":
            raise FerError(f"{LEAST_CLASSES} classes are needed: add one")
        few = ", ".join(f"{name} {count}" for name, count in why_not["few"].items())
        raise FerError(f"each class needs {LEAST_PICTURES} pictures, now: {few}")


def _learned(notes: dict[str, RunNotes | None]) -> dict[str, frozenset[str]]:
    """Return the SHA-256 of what each run has learned from."""
    return {name: each.digests for name, each in notes.items() if each}


def _run_state(
    name: str, notes: RunNotes | None, bundle: bool, there: frozenset[str]
) -> dict[str, Any]:
    """Return what the page shows of a run, as JSON values.

    Args:
        name: The run.
        notes: What is noted of it; None for nothing.
        bundle: Whether it has a bundle.
        there: The SHA-256 of every crop that is still there.
    """
    report = notes.report() if notes else None
    low, high = report.accuracy_interval95 if report else (None, None)
    return {
        "name": name,
        "labels": list(notes.labels) if notes else [],
        "made": notes.made if notes else "",
        "accuracy": report.accuracy if report else None,
        "low": low,
        "high": high,
        "count": report.count if report else 0,
        "bundle": bundle,
        "trained_with_deleted": bool(notes and notes.digests - there),
    }


def _advice(count: int, recordings: int) -> dict[str, Any] | None:
    """Return what more of a class would help, None where it has enough."""
    if count < LEAST_PICTURES:
        return {"code": "needed", "more": LEAST_PICTURES - count}
    if count < ENOUGH_PICTURES:
        return {"code": "helpful", "more": ENOUGH_PICTURES - count}
    return {"code": "recording"} if recordings < 2 else None


def starts() -> list[str]:
    """Return the shipped networks that training can start from, the quickest first."""
    there = {path.parent.name for path in shipped("results").glob("*/model.keras")}
    names = there.intersection(shipped_architectures())
    return sorted(names, key=lambda name: (name != "fer-nano", name != "fer-small", name))


def _why_not(classes: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return why nothing can be trained yet, None where something can."""
    counts = {each["name"]: each["count"] for each in classes}
    if len(counts) < LEAST_CLASSES:
        return {"code": "classes", "least": LEAST_CLASSES}
    few = {name: count for name, count in counts.items() if count < LEAST_PICTURES}
    return {"code": "pictures", "least": LEAST_PICTURES, "few": few} if few else None
