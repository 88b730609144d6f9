"""Batch normalization folded away: the same function in convolutions with biases.

A converter folds batch normalization too (Jacob et al., 2018, section 3.2), but out of sight:
quantization-aware training needs the folded weights. A normalization that no convolution precedes
becomes a 1x1 depthwise one, which int8 holds with a scale for every channel.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers

from fer_core.values import FloatArray
from fer_train.network.graph import Part, inlined, layer_copy, only_consumer, producer, rewritten

WEIGHTED = (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D, layers.Dense)


def folded(model: keras.Model) -> keras.Model:
    """Return a model of the same answers without batch normalization, layers named as before.

    Only a normalization of vectors that no dense layer precedes stays, and one of another axis. A
    model that is no plain graph of layers, each used once, is returned as it is.
    """
    return rewritten(inlined(model), _without_normalization)


def _without_normalization(layer: keras.Layer) -> Sequence[Part] | None:
    """Return what takes a layer's place: see `fer_train.network.graph.Rule`."""
    if isinstance(layer, layers.BatchNormalization):
        if _folds_into(producer(layer.input), layer):
            return ()
        if len(layer.input.shape) == 4 and layer.axis in (-1, 3):
            weights = folded_weights(layer, layer)
            return [Part(layers.DepthwiseConv2D(1, name=layer.name), weights)]
        return None
    norm = only_consumer(layer)
    if norm is None or not _folds_into(layer, norm):
        return None
    return [Part(layer_copy(layer, use_bias=True), folded_weights(layer, norm))]


def _folds_into(layer: keras.Layer, norm: keras.Layer) -> bool:
    """Return whether `norm` is batch normalization that a layer with weights can take up.

    It has to be the only layer behind the other one, and to normalize its channels.
    """
    if not (isinstance(layer, WEIGHTED) and isinstance(norm, layers.BatchNormalization)):
        return False
    linear = layer.activation is keras.activations.linear and only_consumer(layer) is norm
    return linear and norm.axis in (-1, len(norm.input.shape) - 1)


def _affine(norm: keras.Layer) -> tuple[FloatArray, FloatArray]:
    """Return what a normalization multiplies with and adds, (channels,) float32 each."""
    mean, variance = (np.asarray(v) for v in (norm.moving_mean, norm.moving_variance))
    gamma = np.asarray(norm.gamma) if norm.scale else np.float32(1)
    beta = np.asarray(norm.beta) if norm.center else np.float32(0)
    scale = np.asarray(gamma / np.sqrt(variance + norm.epsilon), np.float32)
    return scale, np.asarray(beta - mean * scale, np.float32)


def folded_weights(layer: keras.Layer, norm: keras.Layer) -> list[FloatArray]:
    """Return kernel and bias of a layer with the normalization behind it, or of that alone."""
    scale, offset = _affine(norm)
    if layer is norm:
        return [scale.reshape(1, 1, -1, 1), offset]
    kernels = layer.get_weights()
    if layer.use_bias:
        offset = offset + kernels.pop() * scale
    depthwise = isinstance(layer, layers.DepthwiseConv2D)
    by_channel = scale.reshape(kernels[-1].shape[2:]) if depthwise else scale
    return [*kernels[:-1], kernels[-1] * by_channel, offset]
