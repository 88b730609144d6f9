"""Five networks of student projects, as their descriptions give them.

Where a description gives no padding it is Keras's own default, `valid`; where it gives no sizes
the comment says which were chosen. Their recipes are `configs/NAME.toml`.
"""

from __future__ import annotations

import keras
from keras import KerasTensor, layers, regularizers

from fer_train.architectures.blocks import input_of


def build_a_regularised(input_shape: tuple[int, int, int], classes: int) -> keras.Model:
    """Build A: convolutions 32-64, 128, 512, 512 with L2, batch normalization, dropout.

    Described: the filters, L2 0.01 (taken for the two widest), pool and dropout 0.25 after each
    group, dense 256 and 512. Chosen: 3x3 kernels.
    """
    pixels = input_of(input_shape)
    x = layers.Conv2D(32, 3, activation="relu")(pixels)
    x = _a_group(x, 64, None)
    x = _a_group(x, 128, None)
    x = _a_group(x, 512, regularizers.L2(0.01))
    x = _a_group(x, 512, regularizers.L2(0.01))
    x = layers.Flatten()(x)
    for units in (256, 512):
        x = layers.Dense(units, activation="relu")(x)
        x = layers.Dropout(0.25)(layers.BatchNormalization()(x))
    return keras.Model(pixels, _softmax(x, classes), name="a-regularised")


def _a_group(x: KerasTensor, filters: int, l2: regularizers.Regularizer | None) -> KerasTensor:
    x = layers.Conv2D(filters, 3, activation="relu", kernel_regularizer=l2)(x)
    x = layers.MaxPooling2D()(layers.BatchNormalization()(x))
    return layers.Dropout(0.25)(x)


def build_b_plain(input_shape: tuple[int, int, int], classes: int) -> keras.Model:
    """Build B: convolution, pool, dropout, flatten, dense.

    Chosen, since no sizes are given: filters 32-64-128, dropout 0.25, dense 128 with dropout 0.5.
    """
    pixels = input_of(input_shape)
    x: KerasTensor = pixels
    for filters in (32, 64, 128):
        x = layers.Conv2D(filters, 3, activation="relu")(x)
        x = layers.Dropout(0.25)(layers.MaxPooling2D()(x))
    x = layers.Dense(128, activation="relu")(layers.Flatten()(x))
    return keras.Model(pixels, _softmax(layers.Dropout(0.5)(x), classes), name="b-plain")


def build_c_blocks(input_shape: tuple[int, int, int], classes: int) -> keras.Model:
    """Build C: blocks of convolution, batch normalization, pool and dropout; dense with dropout.

    Chosen, since no sizes are given: filters 32-64-128-256 with padding, dropout 0.25, dense 256
    with dropout 0.5.
    """
    pixels = input_of(input_shape)
    x: KerasTensor = pixels
    for filters in (32, 64, 128, 256):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D()(layers.BatchNormalization()(x))
        x = layers.Dropout(0.25)(x)
    x = layers.Dense(256, activation="relu")(layers.Flatten()(x))
    return keras.Model(pixels, _softmax(layers.Dropout(0.5)(x), classes), name="c-blocks")


def build_d_wide(input_shape: tuple[int, int, int], classes: int) -> keras.Model:
    """Build D: four 3x3 convolutions 128-256-512-512, dropout 0.3 to 0.4, dense 512 and 256.

    Chosen: a pool after each convolution, dropout 0.4 there and after the first dense layer, 0.3
    after the second.
    """
    pixels = input_of(input_shape)
    x: KerasTensor = pixels
    for filters in (128, 256, 512, 512):
        x = layers.Conv2D(filters, 3, activation="relu")(x)
        x = layers.Dropout(0.4)(layers.MaxPooling2D()(x))
    x = layers.Dense(512, activation="relu")(layers.Flatten()(x))
    x = layers.Dense(256, activation="relu")(layers.Dropout(0.4)(x))
    return keras.Model(pixels, _softmax(layers.Dropout(0.3)(x), classes), name="d-wide")


def build_e_dense(input_shape: tuple[int, int, int], classes: int) -> keras.Model:
    """Build E: convolutions 32-64-128-128, three pools, dropout 0.25, dense 1024 and 512.

    Chosen: where the pools and dropouts stand, dropout 0.5 after the first dense layer.
    """
    pixels = input_of(input_shape)
    x = layers.Conv2D(32, 3, activation="relu")(pixels)
    x = layers.Conv2D(64, 3, activation="relu")(x)
    x = layers.Dropout(0.25)(layers.MaxPooling2D()(x))
    x = layers.MaxPooling2D()(layers.Conv2D(128, 3, activation="relu")(x))
    x = layers.MaxPooling2D()(layers.Conv2D(128, 3, activation="relu")(x))
    x = layers.Flatten()(layers.Dropout(0.25)(x))
    x = layers.Dropout(0.5)(layers.Dense(1024, activation="relu")(x))
    x = layers.Dense(512, activation="relu")(x)
    return keras.Model(pixels, _softmax(x, classes), name="e-dense")


def _softmax(x: KerasTensor, classes: int) -> KerasTensor:
    return layers.Softmax(name="probabilities")(layers.Dense(classes, name="logits")(x))
