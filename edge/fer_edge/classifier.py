"""From a frame and its faces to predictions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from fer_core.values import Face, Frame, Prediction

from fer_edge.interpreter import TfliteModel


class Classifier(Protocol):
    """Says how each face of a frame looks."""

    def classify(self, frame: Frame, faces: Sequence[Face]) -> tuple[Prediction, ...]:
        """Return one prediction a face, in the order of `faces`."""


class TfliteClassifier:
    """Classifies faces with a bundle, its labels and its own crop."""

    def __init__(self, model: TfliteModel) -> None:
        self._model = model

    def classify(self, frame: Frame, faces: Sequence[Face]) -> tuple[Prediction, ...]:
        """Return one prediction a face, in the order of `faces`."""
        manifest = self._model.bundle.manifest
        return tuple(
            Prediction(
                self._model.probabilities(manifest.input.pixels(frame, face.box)),
                manifest.labels,
            )
            for face in faces
        )
