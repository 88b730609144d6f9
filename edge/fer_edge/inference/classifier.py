"""From a frame and its faces to predictions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from fer_core.progress import progress_bar
from fer_core.values import Face, FloatArray, Frame, Prediction, UInt8Array
from fer_edge.inference.interpreter import TfliteModel
from fer_edge.stages import StageTimes


class Classifier(Protocol):
    """Says how each face of a frame looks."""

    def classify(self, frame: Frame, faces: Sequence[Face]) -> tuple[Prediction, ...]:
        """Return one prediction a face, in the order of `faces`."""


class TfliteClassifier:
    """Classifies faces with a bundle, its labels and its own crop."""

    def __init__(self, model: TfliteModel, times: StageTimes | None = None) -> None:
        self._model, self._times = model, times or StageTimes()

    def classify(self, frame: Frame, faces: Sequence[Face]) -> tuple[Prediction, ...]:
        """Return one prediction a face, in the order of `faces`."""
        manifest = self._model.bundle.manifest
        with self._times.stage("crop"):
            crops = [manifest.input.pixels(frame, face) for face in faces]
        with self._times.stage("classify"):
            return tuple(
                Prediction(self._model.probabilities(crop), manifest.labels) for crop in crops
            )


def classify_images(model: TfliteModel, pixels: UInt8Array) -> FloatArray:
    """Return probabilities (n, classes) float32 of model inputs (n, h, w, c) uint8."""
    probabilities = np.empty((len(pixels), len(model.bundle.manifest.labels)), np.float32)
    with progress_bar(len(pixels), model.bundle.name) as advance:
        for index, image in enumerate(pixels):
            probabilities[index] = model.probabilities(image)
            advance("")
    return probabilities
