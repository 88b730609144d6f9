"""All that a studio holds, and the state that its page shows."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fer_core.errors import FerError
from fer_edge.identity.descriptors import is_installed
from fer_train.shipped import shipped
from fer_train.studio.camera import SharedCamera
from fer_train.studio.changes import Changes
from fer_train.studio.collection import Collection
from fer_train.studio.compare import Comparison
from fer_train.studio.finding import FaceFinder
from fer_train.studio.folders import AbsentError
from fer_train.studio.jobs import Jobs
from fer_train.studio.people import PeopleFolders
from fer_train.studio.runs import RunFolders

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
        classes = self._class_states()
        why_not, job = _why_not(classes), self.jobs.job
        return {
            "folder": str(self.folder),
            "stored": {
                "crops": str(self.collection.folder),
                "people": str(self.people.folder),
                "networks": str(self.runs.folder),
            },
            "camera": self.camera is not None,
            "detector": self.finder.name,
            "init": starts(),
            "classes": classes,
            "ready": why_not is None,
            "why_not": why_not,
            "job": job.to_json() if job else None,
            "failed": self.jobs.failed,
            "runs": self._run_states(),
            "people": self._person_states(),
            "identity": is_installed(),
        }

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

    def _run_states(self) -> list[dict[str, Any]]:
        """Return the runs that are not just being made, the newest first."""
        job, states = self.jobs.job, []
        there = self.collection.digests() if self.runs.names() else frozenset()
        for name in self.runs.names():
            if job is None or job.name != name:
                with suppress(AbsentError):  # deleted just now
                    states.append(run_state(name, self.runs, there))
        return sorted(states, key=lambda state: str(state["made"]), reverse=True)

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


def run_state(name: str, runs: RunFolders, there: frozenset[str]) -> dict[str, Any]:
    """Return what the page shows of a run, as JSON values.

    Args:
        name: The run.
        runs: All of them.
        there: The SHA-256 of every crop that is still there.

    Raises:
        AbsentError: There is no such run.
    """
    try:
        notes = runs.notes(name)
    except AbsentError:
        raise
    except FerError:
        notes = None  # damaged: the run can still be deleted
    report = notes.report() if notes else None
    low, high = report.accuracy_interval95 if report else (None, None)
    pictures = notes.pictures if notes else ()
    return {
        "name": name,
        "labels": list(notes.labels) if notes else [],
        "made": notes.made if notes else "",
        "accuracy": report.accuracy if report else None,
        "low": low,
        "high": high,
        "count": report.count if report else 0,
        "bundle": runs.bundle(name) is not None,
        "trained_with_deleted": not there.issuperset(each.sha256 for each in pictures),
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
    names = (path.parent.name for path in shipped("results").glob("*/model.keras"))
    return sorted(names, key=lambda name: (name != "fer-nano", name != "fer-small", name))


def _why_not(classes: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return why nothing can be trained yet, None where something can."""
    counts = {each["name"]: each["count"] for each in classes}
    if len(counts) < LEAST_CLASSES:
        return {"code": "classes", "least": LEAST_CLASSES}
    few = {name: count for name, count in counts.items() if count < LEAST_PICTURES}
    return {"code": "pictures", "least": LEAST_PICTURES, "few": few} if few else None
