"""Steadier expressions: an exponential average over time, and a label that does not flicker."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fer_core.values import FloatArray, Prediction


@dataclass(slots=True)
class SmoothedFace:
    """The smoothed probabilities (n,) float32 of one track, and the label it shows.

    `at` is when it was last classified, in seconds of the frames' clock; `sightings` counts the
    frames it was in; `told` says whether an event has told of it. Before that its label is simply
    the most probable one.
    """

    probabilities: FloatArray
    labels: tuple[str, ...]
    at: float
    label: str
    sightings: int = 0
    told: bool = False
    challenger: str = ""
    challenger_since: float = 0.0

    @classmethod
    def first(cls, prediction: Prediction, now: float) -> SmoothedFace:
        """Start with a track's first prediction."""
        return cls(prediction.probabilities, prediction.labels, now, prediction.label)

    @property
    def prediction(self) -> Prediction:
        """The smoothed probabilities."""
        return Prediction(self.probabilities, self.labels)

    @property
    def confidence(self) -> float:
        """The smoothed probability of the label that is shown, 0 to 1."""
        return float(self.probabilities[self.labels.index(self.label)])

    def update(self, prediction: Prediction, now: float, time_constant_seconds: float) -> None:
        """Move towards a new prediction.

        The step after dt seconds is 1 - exp(-dt / time constant), so the result does not depend
        on the frame rate.
        """
        step = 1 - math.exp(-max(0.0, now - self.at) / time_constant_seconds)
        change = np.float32(step) * (prediction.probabilities - self.probabilities)
        mixed = self.probabilities + change
        self.probabilities, self.at = np.asarray(mixed / mixed.sum(), np.float32), now

    def take_over(self, now: float, dwell_seconds: float, margin: float) -> bool:
        """Show a new label once it has led for `dwell_seconds`; return whether that is so now.

        It leads while its probability is at least `margin` above that of the label shown.
        """
        smoothed = self.prediction
        if not self.told:
            self.label = smoothed.label
        if smoothed.confidence - self.confidence < max(margin, 1e-9):
            self.challenger = ""
            return False
        if smoothed.label != self.challenger:
            self.challenger, self.challenger_since = smoothed.label, now
        if now - self.challenger_since < dwell_seconds:
            return False
        self.label, self.challenger = smoothed.label, ""
        return True
