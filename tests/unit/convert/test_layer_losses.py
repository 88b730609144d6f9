import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest

from drawn_faces import drawn_dataset
from fer_convert.export import export_flatbuffer
from fer_convert.layer_losses import LayerLoss, layers_table, measure_layers, save_layers
from fer_convert.recipes import RECIPES
from fer_core.errors import FerError
from fer_train.network.convolutional import convolutional

TRAINING = drawn_dataset((4, 1, 1)).part("train")


def marked(losses: Sequence[LayerLoss]) -> list[str]:
    return [line.split()[0] for line in layers_table(losses).splitlines() if line.endswith("<")]


def flatbuffers_of(apart: float) -> tuple[bytes, bytes]:
    """Return a small net in float32 and int8; all but 1 / `apart` of `second` cancels out."""
    keras.utils.set_random_seed(0)
    pixels = keras.Input((48, 48, 1))
    x = keras.layers.Conv2D(8, 3, 2, activation="relu", name="first")(pixels)
    x = keras.layers.Conv2D(8, 3, 2, activation="relu", name="second")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(7, name="logits")(x)
    model = convolutional(keras.Model(pixels, keras.layers.Softmax()(x), name="small"))
    if apart > 1:
        kernel, bias = model.get_layer("first").get_weights()
        kernel[..., 4:] = kernel[..., :4] * (1 + 1 / apart)
        model.get_layer("first").set_weights([kernel, bias])
        kernel, bias = model.get_layer("second").get_weights()
        kernel[..., 4:, :] = -kernel[..., :4, :]
        model.get_layer("second").set_weights([kernel, bias])
    return tuple(export_flatbuffer(model, RECIPES[name], TRAINING) for name in ("float32", "int8"))


def test_the_layer_that_loses_is_found(tmp_path: Path) -> None:
    good = measure_layers(*flatbuffers_of(1.0), TRAINING.pixels[:8])
    assert [loss.layer for loss in good[:2]] == ["first", "second"]
    assert [loss.kind for loss in good] == [
        "CONV_2D", "CONV_2D", "MEAN", "CONV_2D", "RESHAPE", "SOFTMAX",
    ]  # fmt: skip
    assert all(20 < loss.sqnr_db < 70 for loss in good)
    assert all(loss.saturated < 0.01 for loss in good)
    assert [loss.taken_db for loss in good] == [math.inf, *[loss.sqnr_db for loss in good[:-1]]]
    bad = measure_layers(*flatbuffers_of(50.0), TRAINING.pixels[:8])
    assert bad[1].sqnr_db < 12 < bad[0].sqnr_db
    assert "second" in marked(bad)
    noisy = [good[0], replace(good[1], sqnr_db=3.0), replace(good[2], taken_db=3.0), *good[3:]]
    assert "second" in marked(noisy)
    assert len(layers_table(noisy).splitlines()) == 1 + len(good)
    lossless = replace(good[0], layer="padding", sqnr_db=math.inf)
    assert "padding" not in marked([lossless, *good])
    assert marked([replace(good[0], sqnr_db=5.0), replace(good[1], taken_db=5.0)])[0] == "first"
    dead = replace(good[0], layer="dead", sqnr_db=-math.inf)
    assert marked([dead, replace(dead, layer="after", taken_db=-math.inf)]) == ["dead"]
    save_layers(tmp_path / "layers.png", [lossless, *good], "small-int8")
    assert cv2.imread(str(tmp_path / "layers.png")) is not None


def test_a_layer_is_held_against_what_it_takes_not_what_lies_before_it() -> None:
    keras.utils.set_random_seed(0)
    pixels = keras.Input((48, 48, 1))
    x = keras.layers.Conv2D(8, 3, 2, activation="relu", name="first")(pixels)
    one = keras.layers.Conv2D(8, 3, padding="same", activation="relu", name="one")(x)
    other = keras.layers.Conv2D(8, 1, activation="relu", name="other")(x)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Add(name="both")([one, other]))
    model = keras.Model(pixels, keras.layers.Softmax()(x), name="two_ways")
    files = [export_flatbuffer(model, RECIPES[name], TRAINING) for name in ("float32", "int8")]
    first, *ways, both, _, _ = measure_layers(*files, TRAINING.pixels[:8])
    assert {way.layer for way in ways} == {"one", "other"}
    assert [way.taken_db for way in ways] == [first.sqnr_db] * 2
    assert ways[0].sqnr_db != first.sqnr_db
    assert both.taken_db == min(way.sqnr_db for way in ways)


def test_values_beyond_the_range_are_counted() -> None:
    float32, int8 = flatbuffers_of(1.0)
    shape = TRAINING.pixels[:4].shape
    harsh = 255 * np.random.default_rng(0).integers(0, 2, shape, np.uint8)  # as none calibrated
    seen = measure_layers(float32, int8, TRAINING.pixels[:4])
    unseen = measure_layers(float32, int8, harsh)
    assert unseen[0].saturated > 0.01 > seen[0].saturated
    assert unseen[0].sqnr_db < seen[0].sqnr_db - 5
    assert unseen[0].largest_error > seen[0].largest_error


def test_files_of_different_networks_are_refused() -> None:
    float32, _ = flatbuffers_of(1.0)
    pixels = keras.Input((48, 48, 1))
    x = keras.layers.Dense(7)(keras.layers.Flatten()(pixels))
    other = export_flatbuffer(keras.Model(pixels, x, name="other"), RECIPES["int8"], TRAINING)
    with pytest.raises(FerError, match="other operations than the float32 one"):
        measure_layers(float32, other, TRAINING.pixels[:1])
