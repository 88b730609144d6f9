"""The variants of fer-nano that `screens.py` tries."""

from __future__ import annotations

import keras
from keras import KerasTensor, layers

from fer_train.architectures.blocks import input_of
from fer_train.architectures.residual import fer_nano_layers

REDUCED = 4
"""How many times fewer channels the inner layer of squeeze-and-excite has."""


def build_squeeze_excite(input_shape: tuple[int, int, int], classes: int) -> keras.Model:
    """Return fer-nano with squeeze-and-excite after each block (Hu et al., 2018)."""
    pixels = input_of(input_shape)
    return keras.Model(pixels, fer_nano_layers(pixels, classes, _excited), name="fer-nano")


def build_normalized(input_shape: tuple[int, int, int], classes: int) -> keras.Model:
    """Return fer-nano that gives each picture a mean of 0 and a deviation of 1 first."""
    pixels = input_of(input_shape)
    normalize = layers.LayerNormalization(axis=(1, 2, 3), center=False, scale=False)
    return keras.Model(pixels, fer_nano_layers(normalize(pixels), classes), name="fer-nano")


def _excited(x: KerasTensor) -> KerasTensor:
    """Return each channel times a number from 0 to 1 that all channels' means decide."""
    channels = x.shape[-1]
    weights = layers.GlobalAveragePooling2D(keepdims=True)(x)
    weights = layers.Dense(channels // REDUCED, activation="relu")(weights)
    weights = layers.Dense(channels, activation="sigmoid")(weights)
    return layers.Multiply()([x, weights])


NETWORKS = {"squeeze-excite": build_squeeze_excite, "normalized": build_normalized}
"""By the name of their idea."""
