"""A second yardstick on FER2013: how often a model says what most of FER+'s voters said."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fer_bench.evaluation import Agreement, Crowd
from fer_core.dataset import FerDataset
from fer_core.ferplus import FERPLUS_LABELS, majority_of, read_votes
from fer_core.labels import class_keys
from fer_core.metrics import wilson_interval
from fer_core.values import BoolArray, FloatArray

MILD = 0.2
"""The share of voters who must say neutral for an expression to count as mild."""


def crowd_agreement(probabilities: FloatArray, test: FerDataset, votes: Path) -> Crowd | None:
    """Return how often answers are what the majority of the voters said.

    Args:
        probabilities: The answers, (n, classes) float32.
        test: The pictures, rows of FER2013, under the labels of the model.
        votes: FER+'s fer2013new.csv.

    Returns:
        None for a model that does not know the classes, or where no picture has a majority.

    Raises:
        FerError: The votes are not of these pictures.
    """
    names = class_keys(test.label_names)
    if not set(FERPLUS_LABELS) - {"contempt"} <= set(names):
        return None
    counts = read_votes(votes, test)
    said = majority_of(counts)
    known = np.array([FERPLUS_LABELS.index(n) if n in FERPLUS_LABELS else -2 for n in names])
    right = known[probabilities.argmax(axis=1)] == said
    judged = said >= 0
    without_contempt = judged & (said != FERPLUS_LABELS.index("contempt"))
    if not without_contempt.any():
        return None
    neutral = FERPLUS_LABELS.index("neutral")
    doubted = counts[:, neutral] >= MILD * counts.sum(axis=1)
    mild = without_contempt & (said != neutral) & doubted
    return Crowd(
        eight=_agreement(right[judged]),
        seven=_agreement(right[without_contempt]),
        mild=_agreement(right[mild]) if mild.any() else None,
    )


def _agreement(right: BoolArray) -> Agreement:
    count, share = len(right), float(right.mean())
    bounds = wilson_interval(int(right.sum()), count)
    return Agreement(count=count, share=share, interval95=bounds)
