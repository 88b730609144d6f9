"""ResNet and VGG, for those who want a known network."""

from __future__ import annotations

import keras
from keras import KerasTensor, layers

from fer_train.architectures.blocks import classify, conv_relu, input_of, residual


def build_resnet_20(input_shape: tuple[int, int, int], classes: int) -> keras.Model:
    """ResNet-20 for small pictures (He et al., 2016, section 4.2): 275 k parameters."""
    pixels = input_of(input_shape)
    x = conv_relu(pixels, 16)
    for filters in (16, 32, 64):
        for block in range(3):
            x = residual(x, filters, stride=2 if filters > 16 and block == 0 else 1)
    return keras.Model(pixels, classify(x, classes), name="resnet-20")


def build_vgg_11(input_shape: tuple[int, int, int], classes: int) -> keras.Model:
    """VGG-11 (Simonyan, Zisserman, 2015, configuration A) with batch normalization.

    An average over the picture replaces its two dense layers of 4096: 9.2 M parameters.
    """
    pixels = input_of(input_shape)
    x: KerasTensor = pixels
    for convolutions, filters in ((1, 64), (1, 128), (2, 256), (2, 512), (2, 512)):
        for _ in range(convolutions):
            x = conv_relu(x, filters)
        x = layers.MaxPooling2D()(x)
    return keras.Model(pixels, classify(x, classes, dropout=0.5), name="vgg-11")
