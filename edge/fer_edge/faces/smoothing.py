"""Steadier expressions: an exponential moving average, and hysteresis for the label.

One distribution says how a face looks, in every output: its label is the most probable one in it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fer_core.values import FloatArray, Prediction

TIME_CONSTANT_SECONDS = 0.25
"""Of the average."""
DWELL_SECONDS, MARGIN = 0.25, 0.1
"""How long, and by which difference in probability, another label has to lead before it is shown.
For the sources of these numbers see docs/decisions/0010-tracks.md."""
LEAST_SHARE = 0.5
"""A label with less of the leader's probability gives way at once: nobody would call it that."""


@dataclass(frozen=True, slots=True)
class Smoothing:
    """How steady expressions are; see the constants of this module."""

    time_constant_seconds: float = TIME_CONSTANT_SECONDS
    dwell_seconds: float = DWELL_SECONDS
    margin: float = MARGIN


@dataclass(slots=True, eq=False)
class Expression:
    """How one face looks over time. Times are in seconds of the frames' clock.

    Attributes:
        classified_at: When the classifier last saw the face.
        average: (n,) float32, the moving average of what the classifier said.
        shown: What every output shows.
        challenger: The label that may take over, empty for none.
        challenger_since: Since when it leads.
    """

    classified_at: float
    average: FloatArray
    shown: Prediction
    challenger: str = ""
    challenger_since: float = 0.0

    @classmethod
    def first(cls, prediction: Prediction, now: float) -> Expression:
        """Start with the first prediction of a face."""
        return cls(now, prediction.probabilities, prediction)

    def update(self, prediction: Prediction, now: float, time_constant_seconds: float) -> None:
        """Move the average towards a new prediction.

        The step after dt seconds is 1 - exp(-dt / time constant), so the result does not depend
        on the frame rate.
        """
        step = 1 - math.exp(-max(0.0, now - self.classified_at) / time_constant_seconds)
        mixed = self.average + np.float32(step) * (prediction.probabilities - self.average)
        self.average = np.asarray(mixed / mixed.sum(), np.float32)
        self.classified_at = now

    def settle(self, now: float, smoothing: Smoothing, free: bool = False) -> bool:
        """Bring what is shown up to date; return whether a new label has taken over.

        The label stays until another one has led by the margin for the dwell time (hysteresis), or
        has so much more that the label has less than LEAST_SHARE of it.

        Args:
            now: In seconds of the frames' clock.
            smoothing: The margin and the dwell time.
            free: Whether the leader is shown at once, as before the face was told of.
        """
        labels, leader = self.shown.labels, int(self.average.argmax())
        held = leader if free else labels.index(self.shown.label)
        took_over = self._has_led(leader, held, now, smoothing)
        held = leader if took_over else held
        self.shown = Prediction(with_class_on_top(self.average, held), labels)
        return took_over

    def _has_led(self, leader: int, held: int, now: float, smoothing: Smoothing) -> bool:
        if self.average[held] < LEAST_SHARE * self.average[leader]:
            self.challenger = ""
            return True
        label = self.shown.labels[leader]
        lead = float(self.average[leader] - self.average[held])
        if lead < max(smoothing.margin, 1e-9):
            self.challenger = ""
            return False
        if label != self.challenger:
            self.challenger, self.challenger_since = label, now
        if now - self.challenger_since < smoothing.dwell_seconds:
            return False
        self.challenger = ""
        return True


def with_class_on_top(probabilities: FloatArray, index: int) -> FloatArray:
    """Return the nearest distribution (n,) in which no class is above the given one.

    The class and those above it get their mean (pooling of adjacent violators; Barlow et al.,
    Statistical Inference under Order Restrictions, 1972).

    Args:
        probabilities: (n,) float32 whose sum is 1.
        index: That of the class.
    """
    pooled = [index]
    for other in np.argsort(-probabilities, kind="stable"):
        if probabilities[other] <= probabilities[pooled].mean():
            break
        pooled.append(int(other))
    if len(pooled) == 1 and probabilities.argmax() == index:
        return probabilities
    result = probabilities.copy()
    result[pooled] = probabilities[pooled].mean()
    result[index] = np.nextafter(result[index], np.float32(1))  # the first of equals
    return result
