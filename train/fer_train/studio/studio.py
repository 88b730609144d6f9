"""All that a studio holds, and the state that its page shows."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fer_train.shipped import shipped
from fer_train.studio.camera import SharedCamera
from fer_train.studio.changes import Changes
from fer_train.studio.collection import Collection
from fer_train.studio.finding import FaceFinder

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
    finder: FaceFinder
    camera: SharedCamera | None = None
    changes: Changes = field(default_factory=Changes)
    uploads: threading.BoundedSemaphore = field(
        default_factory=lambda: threading.BoundedSemaphore(MOST_UPLOADS)
    )

    def state(self) -> dict[str, Any]:
        """Return what the page shows, as JSON values."""
        classes = [self._class_state(name) for name in self.collection.classes()]
        why_not = _why_not({each["name"]: each["count"] for each in classes})
        return {
            "folder": str(self.folder),
            "stored": stored(self.folder),
            "camera": self.camera is not None,
            "detector": self.finder.name,
            "init": starts(),
            "classes": classes,
            "ready": not why_not,
            "why_not": why_not,
            "job": None,
            "failed": "",
            "runs": [],
        }

    def _class_state(self, name: str) -> dict[str, Any]:
        files = [Path(file) for file in self.collection.pictures(name)]
        recordings = len({file.stem.partition("~")[0] for file in files})
        return {
            "name": name,
            "count": len(files),
            "recordings": recordings,
            "advice": advice(len(files), recordings),
        }


def advice(count: int, recordings: int) -> str:
    """Return what more of a class would help, nothing where it has enough."""
    if count < LEAST_PICTURES:
        return f"{LEAST_PICTURES - count} more are needed"
    if count < ENOUGH_PICTURES:
        return f"{ENOUGH_PICTURES - count} more would help"
    return "one more recording would help: another light, another day" if recordings < 2 else ""


def stored(folder: Path) -> list[str]:
    """Return what is written, in words."""
    return [
        f"crops of faces, as the network sees them, in {folder / 'faces'}",
        f"trained networks, with the names of the crops they learned, in {folder / 'runs'}",
    ]


def starts() -> list[str]:
    """Return the shipped networks that training can start from, the quickest first."""
    names = (path.parent.name for path in shipped("results").glob("*/model.keras"))
    return sorted(names, key=lambda name: (name != "fer-nano", name != "fer-small", name))


def _why_not(counts: dict[str, int]) -> str:
    """Return why nothing can be trained yet."""
    if len(counts) < LEAST_CLASSES:
        return f"{LEAST_CLASSES} classes are needed: add one"
    few = [f"{name} {count}" for name, count in counts.items() if count < LEAST_PICTURES]
    if few:
        return f"each class needs {LEAST_PICTURES} pictures, now: {', '.join(few)}"
    return ""
