"""The variants of fer-nano that `screens.py` tries."""

from __future__ import annotations

import keras
from keras import KerasTensor, layers

from fer_train.architectures.blocks import (
    classify,
    conv_relu,
    input_of,
    residual,
    residual_separable,
    separable,
)

REDUCED = 4
"""How many times fewer channels the inner layer of squeeze-and-excite has."""


def build_squeeze_excite(input_shape: tuple[int, int, int], classes: int) -> keras.Model:
    """Return fer-nano with squeeze-and-excite after each block (Hu et al., 2018)."""
    pixels = input_of(input_shape)
    return _fer_nano(pixels, pixels, classes, excited=True)


def build_normalized(input_shape: tuple[int, int, int], classes: int) -> keras.Model:
    """Return fer-nano that gives each picture a mean of 0 and a deviation of 1 first."""
    pixels = input_of(input_shape)
    normalize = layers.LayerNormalization(axis=(1, 2, 3), center=False, scale=False)
    return _fer_nano(pixels, normalize(pixels), classes, excited=False)


def _fer_nano(pixels: KerasTensor, x: KerasTensor, classes: int, excited: bool) -> keras.Model:
    """Return the layers of `build_fer_nano`, from `x` on."""

    def ended(x: KerasTensor) -> KerasTensor:
        return _excited(x) if excited else x

    x = conv_relu(x, 16)
    x = ended(residual(x, 16))
    x = ended(residual(x, 24, stride=2))
    x = ended(residual(x, 32, stride=2))
    x = layers.ReLU()(separable(x, 96, stride=2))
    x = ended(residual_separable(x, 96))
    return keras.Model(pixels, classify(x, classes), name="fer-nano")


def _excited(x: KerasTensor) -> KerasTensor:
    """Return each channel times a number from 0 to 1 that all channels' means decide."""
    channels = x.shape[-1]
    weights = layers.GlobalAveragePooling2D(keepdims=True)(x)
    weights = layers.Dense(channels // REDUCED, activation="relu")(weights)
    weights = layers.Dense(channels, activation="sigmoid")(weights)
    return layers.Multiply()([x, weights])


NETWORKS = {"squeeze-excite": build_squeeze_excite, "normalized": build_normalized}
"""By the name of their idea."""
