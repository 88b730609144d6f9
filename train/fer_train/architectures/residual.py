"""Our own nets: plain 3x3 residual blocks, the better bargain on small CPUs."""

from __future__ import annotations

from collections.abc import Callable

import keras
from keras import KerasTensor

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
    return keras.Model(pixels, fer_nano_layers(pixels, classes), name="fer-nano")


def fer_nano_layers(
    x: KerasTensor, classes: int, after_block: Callable[[KerasTensor], KerasTensor] = lambda x: x
) -> KerasTensor:
    """Return fer-nano's probabilities for `x`; `after_block` is put behind each residual block."""
    x = conv_relu(x, 16)
    x = after_block(residual(x, 16))
    x = after_block(residual(x, 24, stride=2))
    x = after_block(residual(x, 32, stride=2))
    x = keras.layers.ReLU()(separable(x, 96, stride=2))
    x = after_block(residual_separable(x, 96))
    return classify(x, classes)


def build_fer_small(input_shape: tuple[int, int, int], classes: int) -> keras.Model:
    """368 k parameters, 71 MMACs at 48x48: 3x3 blocks, two each of 48 and 64, one of 96."""
    widths = (48, 48, 64, 64, 96)
    return _residual_net(input_shape, classes, "fer-small", widths, dropout=0.1)


def build_fer_base(input_shape: tuple[int, int, int], classes: int) -> keras.Model:
    """1.1 M parameters, 146 MMACs at 48x48: 3x3 blocks, two each of 64, 96 and 144."""
    widths = (64, 64, 96, 96, 144, 144)
    return _residual_net(input_shape, classes, "fer-base", widths, dropout=0.2)


def _residual_net(
    input_shape: tuple[int, int, int],
    classes: int,
    name: str,
    widths: tuple[int, ...],
    dropout: float,
) -> keras.Model:
    """Return a convolution of 32 and a pool, then blocks; one wider than the last halves it."""
    pixels = input_of(input_shape)
    x = keras.layers.MaxPooling2D()(conv_relu(pixels, 32))
    for before, filters in zip((widths[0], *widths), widths, strict=False):
        x = residual(x, filters, stride=2 if filters > before else 1)
    return keras.Model(pixels, classify(x, classes, dropout), name=name)
