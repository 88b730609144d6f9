"""The new network beside the old one, on the faces of a picture."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fer_core.bundle import ModelBundle
from fer_core.values import Face, Frame
from fer_edge.inference import DEFAULT_MODEL
from fer_edge.inference.classifier import TfliteClassifier
from fer_edge.inference.interpreter import TfliteModel
from fer_edge.inference.models import load_model
from fer_train.studio.finding import FaceFinder
from fer_train.studio.runs import RunFolders
from fer_train.studio.shots import box_json


class Comparison:
    """Lets a run's bundle and the runner's usual one answer, one thread at a time.

    Attributes:
        old: The name of the usual one.
    """

    old = DEFAULT_MODEL

    def __init__(self, finder: FaceFinder, runs: RunFolders) -> None:
        self._finder, self._runs = finder, runs
        self._lock = threading.Lock()
        self._usual: TfliteClassifier | None = None
        self._new: tuple[Path, int, TfliteClassifier] | None = None

    def look(self, name: str, stream: str, frame: Frame) -> dict[str, Any]:
        """Return the faces of a frame with the answers of both, as JSON values.

        Args:
            name: The run.
            stream: What tells the stream of the frame from others.
            frame: The frame.

        Raises:
            FerError: There is no such run, or no bundle of it.
        """
        faces = self._finder.in_stream(f"look/{stream}", frame)
        with self._lock:
            new = self._bundle_of(name)
            if self._usual is None:
                self._usual = _classifier(load_model(self.old))
            before, after = (each.classify(frame, faces) for each in (self._usual, new))
            seen = [
                {"old": old.to_json(digits=3), "new": fresh.to_json(digits=3)}
                for old, fresh in zip(before, after, strict=True)
            ]
        boxes = _boxes(faces, frame)
        found = [{"box": box, **both} for box, both in zip(boxes, seen, strict=True)]
        return {"faces": found, "old": self.old, "new": name}

    def forget(self) -> None:
        """Drop the bundle that was loaded."""
        with self._lock:
            self._new = None

    def _bundle_of(self, name: str) -> TfliteClassifier:
        """Return the classifier of a run, loaded once as long as the same is asked for."""
        path = self._runs.require_bundle(name)
        changed = path.stat().st_mtime_ns
        if self._new is None or self._new[:2] != (path, changed):
            self._new = (path, changed, _classifier(ModelBundle.load(path)))
        return self._new[2]


def _classifier(bundle: ModelBundle) -> TfliteClassifier:
    return TfliteClassifier(TfliteModel(bundle))


def _boxes(faces: Sequence[Face], frame: Frame) -> list[list[int]]:
    return [box_json(face.times(frame.reduced)) for face in faces]
