"""Input-scaling and label-order check of a model that comes from elsewhere."""

from __future__ import annotations

from typing import NamedTuple

import keras
import numpy as np
from scipy.optimize import linear_sum_assignment

from fer_core.dataset import FerDataset
from fer_core.metrics import mcnemar_exact, paired_difference
from fer_core.values import BoolArray, FloatArray, Int64Array
from fer_train.data import model_inputs

LOOKED_AT, WORTH_SAYING, MORE_THAN_CHANCE = 1024, 0.02, 0.1
_BY_CHANCE = 0.01
"""A reading that is as good as another may look better so often, since five are tried."""
_SCALES = {
    "pixel / 255": ("Rescaling(128 / 255, 128 / 255)", 128 / 255),
    "pixel, 0 to 255,": ("Rescaling(128, 128)", 128.0),
}
"""What models take instead of (pixel - 128) / 128, the layer that makes it, and its two numbers."""


class _Reading(NamedTuple):
    """A way to read a model, and which labels (n,) it meets so."""

    scale: str
    order: list[int]
    right: BoolArray

    def beats(self, other: _Reading) -> bool:
        """Return whether it surely meets more labels, by WORTH_SAYING."""
        _, (at_least, _) = paired_difference(self.right, other.right)
        by_chance = mcnemar_exact(self.right, other.right)
        return at_least > WORTH_SAYING and by_chance < _BY_CHANCE


def input_mismatch(model: keras.Model, validation: FerDataset) -> str:
    """Return what a model seems to expect that it does not get here, and the way out; or nothing.

    It is asked with the scales of pixels that notebooks use, and its classes are put into the order
    that meets most labels, on at most LOOKED_AT pictures. What may gain less than WORTH_SAYING, by
    its 95 % interval, or hardly beats saying the most frequent class always, is taken for chance.
    """
    every = -(-len(validation) // LOOKED_AT)
    some = validation.only(np.arange(0, len(validation), every))
    inputs, as_it_is = model_inputs(some), list(range(len(some.label_names)))
    scaled = {"": inputs} | {name: inputs * by + by for name, (_, by) in _SCALES.items()}
    together = _answers(model, np.concatenate([*scaled.values()]))
    asked = dict(zip(scaled, np.split(together, len(scaled)), strict=True))
    readings = [_Reading(n, as_it_is, a.argmax(axis=1) == some.labels) for n, a in asked.items()]
    readings += [_reordered(name, answers, some.labels) for name, answers in asked.items()]
    best, chance = readings[0], np.bincount(some.labels).max() / len(some)
    for reading in readings:  # the simplest first
        if reading.beats(best) and reading.right.mean() > chance + MORE_THAN_CHANCE:
            best = reading
    return "" if best is readings[0] else _told(best, readings[0], some)


def _answers(model: keras.Model, inputs: FloatArray) -> FloatArray:
    return np.asarray(model.predict(inputs, batch_size=256, verbose=0), np.float32)


def _reordered(scale: str, answers: FloatArray, labels: Int64Array) -> _Reading:
    """Return the order of classes that meets most labels: order[i] is what gives class i.

    Whether it is right is judged by halves, each with the best order of the other half. The best
    of thousands of orders always meets more of the labels that chose it.
    """
    by_class = np.argsort(labels, kind="stable")
    halves = by_class[::2], by_class[1::2]
    right = np.empty(len(labels), np.bool_)
    for half, other in (halves, halves[::-1]):
        order = _best_order(answers[other], labels[other])
        right[half] = answers[half][:, order].argmax(axis=1) == labels[half]
    return _Reading(scale, _best_order(answers, labels), right)


def _best_order(answers: FloatArray, labels: Int64Array) -> list[int]:
    together = np.zeros((answers.shape[1],) * 2, np.int64)
    np.add.at(together, (labels, answers.argmax(axis=1)), 1)
    _, order = linear_sum_assignment(together, maximize=True)
    return [int(each) for each in order]


def _told(reading: _Reading, as_it_is: _Reading, asked: FerDataset) -> str:
    wanted, ways = [], []
    if reading.scale:
        wanted.append(f"its input is {reading.scale}")
        layers = f"keras.Input({asked.spec.shape}), keras.layers.{_SCALES[reading.scale][0]}, model"
        ways.append(f"model = keras.Sequential([{layers}])")
    if reading.order != sorted(reading.order):
        names = [asked.label_names[reading.order.index(i)] for i in range(len(reading.order))]
        wanted.append(f"it gives {', '.join(names)}")
        ways.append(
            "set the weights of its last layer that has any to kernel[:, order], bias[order] with "
            f"order = {reading.order}"
        )
    return (
        f"it is right on {as_it_is.right.mean():.1%} of {len(asked)} pictures of {asked.name}, but "
        f"on {reading.right.mean():.1%} if {' and '.join(wanted)}. To fix it, load it in Python, "
        f"{', and '.join(ways)}, then save the model and convert that file"
    )
