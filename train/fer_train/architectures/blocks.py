"""Building blocks that fold to pure int8: convolution, batch normalization, ReLU."""

from __future__ import annotations

import keras
from keras import KerasTensor, layers


def conv(x: KerasTensor, filters: int, kernel: int = 3, stride: int = 1) -> KerasTensor:
    """Convolution and batch normalization, without activation."""
    x = layers.Conv2D(filters, kernel, stride, padding="same", use_bias=False)(x)
    return layers.BatchNormalization()(x)


def conv_relu(x: KerasTensor, filters: int, kernel: int = 3, stride: int = 1) -> KerasTensor:
    """Convolution, batch normalization, ReLU."""
    return layers.ReLU()(conv(x, filters, kernel, stride))


def separable(x: KerasTensor, filters: int, stride: int = 1) -> KerasTensor:
    """Depthwise 3x3 and pointwise convolution, ReLU between, none at the end."""
    x = layers.DepthwiseConv2D(3, stride, padding="same", use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    return conv(x, filters, kernel=1)


def residual(x: KerasTensor, filters: int, stride: int = 1) -> KerasTensor:
    """Two 3x3 convolutions with a shortcut (He et al., 2016)."""
    y = conv(conv_relu(x, filters, stride=stride), filters)
    if stride > 1 or x.shape[-1] != filters:
        x = conv(x, filters, kernel=1, stride=stride)
    return layers.ReLU()(layers.Add()([x, y]))


def residual_separable(x: KerasTensor, filters: int) -> KerasTensor:
    """Two separable convolutions with a shortcut."""
    y = separable(layers.ReLU()(separable(x, filters)), filters)
    return layers.ReLU()(layers.Add()([x, y]))


def classify(x: KerasTensor, classes: int, dropout: float = 0.0) -> KerasTensor:
    """Average over the picture, one dense layer called `logits`, softmax."""
    x = layers.GlobalAveragePooling2D()(x)
    if dropout:
        x = layers.Dropout(dropout)(x)
    x = layers.Dense(classes, name="logits")(x)
    return layers.Softmax(name="probabilities")(x)


def input_of(shape: tuple[int, int, int]) -> KerasTensor:
    """Open a network with its input, `(pixel - 128) / 128`."""
    return keras.Input(shape, name="pixels")
