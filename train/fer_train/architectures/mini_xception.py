"""mini-Xception (Arriaga, Ploeger, Valdenegro, 2017, arXiv 1710.07557), for comparison."""

from __future__ import annotations

import keras
from keras import KerasTensor, layers

from fer_train.architectures.blocks import conv, input_of


def build_mini_xception(input_shape: tuple[int, int, int], classes: int) -> keras.Model:
    """58 k parameters: two convolutions, four separable residual modules, a class map.

    As in the paper's code: no dense layer, each class is the average of its own map.
    """
    pixels = input_of(input_shape)
    x = pixels
    for _ in range(2):
        x = layers.Conv2D(8, 3, use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    for filters in (16, 32, 64, 128):
        x = _module(x, filters)
    x = layers.Conv2D(classes, 3, padding="same", name="logits")(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(pixels, layers.Softmax(name="probabilities")(x), name="mini-xception")


def _module(x: KerasTensor, filters: int) -> KerasTensor:
    y = layers.SeparableConv2D(filters, 3, padding="same", use_bias=False)(x)
    y = layers.ReLU()(layers.BatchNormalization()(y))
    y = layers.SeparableConv2D(filters, 3, padding="same", use_bias=False)(y)
    y = layers.MaxPooling2D(3, 2, padding="same")(layers.BatchNormalization()(y))
    return layers.Add()([conv(x, filters, kernel=1, stride=2), y])
