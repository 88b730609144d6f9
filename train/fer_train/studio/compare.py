"""The new network beside the old one, on the faces of a picture."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fer_core.bundle import ModelBundle
from fer_core.errors import FerError
from fer_core.values import Face, Frame
from fer_edge.inference import DEFAULT_MODEL
from fer_edge.inference.classifier import TfliteClassifier
from fer_edge.inference.interpreter import TfliteModel
from fer_edge.inference.models import load_model, shipped_models
from fer_edge.inference.trial import load_tried
from fer_train.studio.finding import FaceFinder
from fer_train.studio.runs import RunFolders
from fer_train.studio.shots import box_json


@dataclass(frozen=True, slots=True)
class _Pair:
    """A run's bundle, a file of a certain time, and the shipped one that it started from."""

    path: Path
    changed: int
    start: str
    old: TfliteClassifier
    new: TfliteClassifier


class Comparison:
    """Lets a run's bundle answer beside the shipped one it started from, one thread at a time."""

    def __init__(self, finder: FaceFinder, runs: RunFolders) -> None:
        self._finder, self._runs = finder, runs
        self._lock = threading.Lock()
        self._pair: _Pair | None = None

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
            pair = self._pair_of(name)
            before, after = (each.classify(frame, faces) for each in (pair.old, pair.new))
            seen = [
                {"old": then.to_json(digits=3), "new": now.to_json(digits=3)}
                for then, now in zip(before, after, strict=True)
            ]
        boxes = _boxes(faces, frame)
        found = [{"box": box, **both} for box, both in zip(boxes, seen, strict=True)]
        return {"faces": found, "old": pair.start, "new": name}

    def forget(self) -> None:
        """Drop the bundles that were loaded."""
        with self._lock:
            self._pair = None

    def _pair_of(self, name: str) -> _Pair:
        """Return the classifiers of a run, loaded once as long as the same is asked for."""
        path = self._runs.require_bundle(name)
        changed, pair = path.stat().st_mtime_ns, self._pair
        if pair is None or (pair.path, pair.changed) != (path, changed):
            start, new = self._start_of(name), _classifier(load_tried(path))
            pair = _Pair(path, changed, start, _classifier(load_model(start)), new)
            self._pair = pair
        return pair

    def _start_of(self, name: str) -> str:
        """Return what a run started from; the runner's usual model where that is not known."""
        with suppress(FerError):
            start = self._runs.start_of(name)
            if start in shipped_models():
                return start
        return DEFAULT_MODEL


def _classifier(bundle: ModelBundle) -> TfliteClassifier:
    return TfliteClassifier(TfliteModel(bundle))


def _boxes(faces: Sequence[Face], frame: Frame) -> list[list[int]]:
    return [box_json(face.times(frame.reduced)) for face in faces]
