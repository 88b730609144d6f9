"""The faces, networks and requests that several tests of conversion work with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from drawn_faces import drawn_dataset
from fer_convert.export import export_flatbuffer
from fer_convert.job import ConversionRequest
from fer_convert.recipes import RECIPES
from fer_core.bundle import ModelBundle
from fer_core.dataset import FerDataset
from fer_core.manifest import ModelManifest
from fer_core.preprocess import InputSpec

DATA = drawn_dataset((8, 4, 1))


def varied(data: FerDataset) -> FerDataset:
    """Return the faces, also inverted, dark, shifted and noisy, so that answers can differ."""
    faces = data.images
    noise = np.random.default_rng(0).integers(0, 256, faces.shape, np.uint8)
    shifted = np.roll(faces, 12, axis=2)
    images = np.concatenate([faces, 255 - faces, faces // 5, shifted, noise, faces // 2 + 127])
    return replace(
        data,
        images=images,
        labels=np.tile(data.labels, 6),
        split=np.tile(data.split, 6),
        rows=np.arange(len(images), dtype=np.int64),
    )


VARIED = varied(DATA)
CALIBRATION = VARIED.part("train").only(np.arange(0, 336, 8, dtype=np.int64))
"""Seven of each kind: one of each expression."""


def small_net(*middle: keras.layers.Layer, shape: tuple[int, ...] = (48, 48, 1)) -> keras.Model:
    pixels = keras.Input(shape)
    x = keras.layers.Conv2D(4, 3, strides=4)(pixels)
    for layer in middle:
        x = layer(x)
    x = x if len(x.shape) == 2 else keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(pixels, keras.layers.Dense(7, activation="softmax")(x), name="small")


def bundle_of(model: keras.Model, recipe: str) -> ModelBundle:
    manifest = ModelManifest(model.name, DATA.label_names, InputSpec(), recipe)
    return ModelBundle(export_flatbuffer(model, RECIPES[recipe], CALIBRATION), manifest)


def request_of(
    saved: tuple[Path, Path], out: Path, max_drop: float, recipes: str = "int8"
) -> ConversionRequest:
    chosen = [RECIPES[name] for name in recipes.split()]
    return ConversionRequest(saved[0], chosen, saved[1], out, 21, max_drop)


def silent(line: str) -> None:
    pass
