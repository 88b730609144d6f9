"""Our own nets: plain 3x3 residual blocks, the better bargain on small CPUs."""

from __future__ import annotations

import keras

from fer_train.architectures.blocks import (
    classify,
    conv_relu,
    input_of,
    residual,
    residual_separable,
    separable,
)


def build_fer_nano(input_shape: tuple[int, int, int], classes: int) -> keras.Model:
    """58 k parameters, 19 MMACs at 48x48.

    Plain 3x3 blocks where the picture is large and channels are few; separable ones at 6x6,
    where a plain 3x3 would cost most parameters and least time.
    """
    pixels = input_of(input_shape)
    x = conv_relu(pixels, 16)
    x = residual(x, 16)
    x = residual(x, 24, stride=2)
    x = residual(x, 32, stride=2)
    x = keras.layers.ReLU()(separable(x, 96, stride=2))
    x = residual_separable(x, 96)
    return keras.Model(pixels, classify(x, classes), name="fer-nano")


def build_fer_small(input_shape: tuple[int, int, int], classes: int) -> keras.Model:
    """391 k parameters, 31 MMACs at 48x48: residual 3x3 blocks of 32-32-64-96-96."""
    pixels = input_of(input_shape)
    x = conv_relu(pixels, 32, stride=1)
    x = keras.layers.MaxPooling2D()(x)
    x = residual(x, 32)
    x = residual(x, 64, stride=2)
    x = residual(x, 96, stride=2)
    x = residual(x, 96)
    return keras.Model(pixels, classify(x, classes, dropout=0.3), name="fer-small")
