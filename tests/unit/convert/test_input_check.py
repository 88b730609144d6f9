import re
from collections.abc import Sequence
from functools import cache

import keras
import numpy as np
import pytest

from fer_convert.input_check import input_mismatch
from fer_core.dataset import FerDataset

NAMES = ("angry", "disgust", "fear", "happy")
GRAYS = np.array([30.0, 90.0, 150.0, 210.0])  # a class is a brightness here
SCALES = {"ours": (128.0, 128.0), "255th": (255.0, 0.0), "raw": (1.0, 0.0)}


def grays(right: float = 0.9) -> FerDataset:
    """Return pictures whose brightness says their class; a share of the labels is right."""
    rng = np.random.default_rng(0)
    shown = np.arange(600) % 4
    images = (GRAYS[shown, None, None] + rng.normal(0, 10, (600, 8, 8))).astype(np.uint8)
    labels = np.where(rng.random(600) < right, shown, rng.integers(0, 4, 600))
    split = np.ones(600, np.int64)
    return FerDataset(images, labels, split, NAMES, np.arange(600), name="grays")


def by_brightness(scale: str, order: Sequence[int] = (0, 1, 2, 3)) -> keras.Model:
    """Return a model that knows them; it takes pixels by one of SCALES and class order[i] is i."""
    by, and_ = SCALES[scale]
    pixels = keras.Input((8, 8, 1))
    mean = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(by, and_)(pixels))
    dense = keras.layers.Dense(4, activation="softmax")
    model = keras.Model(pixels, dense(mean))
    nearest = 2 * GRAYS[None] / 400, -(GRAYS**2) / 400  # of the squared distances what differs
    dense.set_weights([weights[..., list(order)] for weights in nearest])
    return model


def test_a_model_that_is_read_well_is_left_alone() -> None:
    assert not input_mismatch(by_brightness("ours"), grays())
    assert not input_mismatch(by_brightness("ours"), grays(right=0.0))  # one that knows nothing
    always = by_brightness("ours")
    always.layers[-1].set_weights([np.zeros((1, 4)), np.eye(4)[0]])  # order would win 20 points
    assert not input_mismatch(always, grays().only(np.flatnonzero(np.arange(600) % 4 != 1)))


@pytest.mark.parametrize("count", [15, 28, 60])
def test_a_few_pictures_accuse_no_model(count: int) -> None:
    model, pictures = by_brightness("ours"), grays(right=0.3)
    for seed in range(20):
        some = np.random.default_rng(seed).choice(600, count, replace=False)
        assert not input_mismatch(model, pictures.only(some))


@pytest.mark.parametrize("count", [15, 28, 60])
def test_the_best_of_many_orders_of_a_weak_model_is_chance(count: int) -> None:
    shown, labels = np.random.default_rng(1).integers(0, 7, (2, 40, count))
    for pictures, answers in zip(labels, np.where(shown < 1, labels, shown), strict=True):
        dataset = FerDataset(
            answers[:, None, None].astype(np.uint8) * np.ones((1, 8, 8), np.uint8),
            pictures,
            np.ones(count, np.int64),
            tuple("abcdefg"),
            np.arange(count),
            name="own",
        )
        assert not input_mismatch(what_it_is_shown(), dataset)


@cache
def what_it_is_shown() -> keras.Model:
    """Return a model that answers class i to pictures of gray i."""
    pixels = keras.Input((8, 8, 1))
    mean = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(128, 128)(pixels))
    dense = keras.layers.Dense(7, activation="softmax")
    model = keras.Model(pixels, dense(mean))
    grays = np.arange(7.0)
    dense.set_weights([20 * grays[None], -10 * grays**2])
    return model


def test_pixels_in_another_scale_are_found_and_the_layer_named_that_mends_it() -> None:
    told = input_mismatch(by_brightness("255th"), grays())
    assert re.match(
        r"it is right on \d+\.\d% of 600 pictures of grays, "
        r"but on \d+\.\d% if its input is pixel / 255\. "
        r"To fix it, load it in Python, model = keras\.Sequential\(\[keras\.Input\(\(8, 8, 1\)\), ",
        told,
    )
    assert "keras.layers.Rescaling(128 / 255, 128 / 255), model])" in told
    assert "order" not in told
    model = by_brightness("255th")
    front = [keras.Input((8, 8, 1)), keras.layers.Rescaling(128 / 255, 128 / 255)]
    assert not input_mismatch(keras.Sequential([*front, model]), grays())
    assert "Rescaling(128, 128)" in input_mismatch(by_brightness("raw"), grays())


@pytest.mark.parametrize("scale", ["ours", "255th"])
def test_classes_in_another_order_are_found_and_the_order_that_mends_it(scale: str) -> None:
    model = by_brightness(scale, order=(2, 0, 1, 3))  # it gives fear, angry, disgust, happy
    told = input_mismatch(model, grays())
    assert "it gives fear, angry, disgust, happy" in told
    assert "order = [1, 2, 0, 3]" in told
    assert ("pixel / 255" in told) == (scale == "255th")
    kernel, bias = model.layers[-1].get_weights()
    order = [1, 2, 0, 3]
    model.layers[-1].set_weights([kernel[:, order], bias[order]])
    assert "order" not in input_mismatch(model, grays())
