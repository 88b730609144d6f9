"""A network in plain convolutions: what integers hold well, and what runtimes round alike.

Quantization-aware training and post-training quantization start from it. A dense layer is a 1x1
convolution of a vector; LiteRT rounds the one once and TensorFlow Lite Micro twice, and both
round the other alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import layers

from fer_core.values import FloatArray
from fer_train.network.activations import with_activations_apart
from fer_train.network.folding import folded, folded_weights
from fer_train.network.graph import (
    Part,
    consumers,
    fresh_names,
    layer_copy,
    only_consumer,
    only_producer,
    rewritten,
)

_POOLING = (layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D)


def convolutional(model: keras.Model) -> keras.Model:
    """Return a model of the same answers in plain convolutions, by all PASSES in their order.

    Layers are named as before. A model that is no plain graph of layers, each used once, is
    returned as it is. Conversion to integers, its report by layers and quantization-aware training
    begin with this.
    """
    for each in PASSES:
        model = each(model)
    return model


def with_convolutions_alone(model: keras.Model) -> keras.Model:
    """Return a model with convolutions in the place of dense and separable layers.

    Normalizations of vectors are exchanged, too. The first half of a separable convolution is
    called NAME_depthwise.
    """
    fresh = fresh_names(model)

    def rule(layer: keras.Layer) -> Sequence[Part] | None:
        if _is_exchanged(layer):
            return list(_convolution_in_place_of(layer, fresh))
        if isinstance(layer, _POOLING) and _goes_only_into_exchanged(layer):
            return [Part(layer_copy(layer, keepdims=True))]
        return () if _is_absorbed(layer) else None

    return rewritten(model, rule)


def _is_exchanged(layer: keras.Layer) -> bool:
    """Return whether a convolution takes the place of a layer."""
    kind, rank = type(layer), len(getattr(layer.output, "shape", ()))
    if kind is layers.Dense:
        return rank in (2, 4)
    return kind is layers.SeparableConv2D or (kind is layers.BatchNormalization and rank == 2)


def _convolution_in_place_of(layer: keras.Layer, fresh: Callable[[str], str]) -> list[Part]:
    """Return the convolution in a layer's place, and what brings its input and output into shape.

    A vector becomes a picture of one pixel for it, and a vector again behind it.
    """

    def as_picture(x: Any) -> Any:
        if len(x.shape) == 4:
            return x
        return layers.Reshape((1, 1, x.shape[-1]), name=fresh(f"{layer.name}_input"))(x)

    weights, parts = layer.get_weights(), [Part(as_picture)]
    if isinstance(layer, layers.SeparableConv2D):
        first_half = _depthwise_of(layer, fresh(f"{layer.name}_depthwise"))
        parts = [Part(first_half, [weights.pop(0)])]
    parts.append(Part(_convolution_for(layer), _as_kernels(layer, weights)))
    if len(layer.output.shape) == 4:
        return parts
    return [*parts, Part(layers.Reshape((-1,), name=fresh(f"{layer.name}_output")))]


def _convolution_for(layer: keras.Layer) -> keras.Layer:
    """Return the convolution to take an exchanged layer's place, without weights."""
    options = {"name": layer.name, "dtype": layer.dtype_policy}
    if not isinstance(layer, layers.BatchNormalization):
        options |= {"use_bias": layer.use_bias, "activation": layer.activation}
    if _relu_of(layer):
        options["activation"] = "relu"
    if isinstance(layer, layers.SeparableConv2D):
        return layers.Conv2D(layer.filters, 1, **options)
    if isinstance(layer, layers.Dense):
        return layers.Conv2D(layer.units, 1, **options)
    return layers.DepthwiseConv2D(1, **options)


def _relu_of(layer: keras.Layer) -> layers.ReLU | None:
    """Return the plain ReLU that alone takes a vector from a layer: the two are one operation."""
    of_vectors = isinstance(layer, layers.Dense | layers.BatchNormalization)
    if not of_vectors or len(layer.output.shape) != 2:
        return None
    linear = getattr(layer, "activation", None) in (None, keras.activations.linear)
    relu = only_consumer(layer)
    if relu is None or not linear or type(relu) is not layers.ReLU:
        return None
    bent = (relu.max_value, relu.negative_slope, relu.threshold) != (None, 0, 0)
    return None if bent else relu


def _is_absorbed(layer: keras.Layer) -> bool:
    """Return whether a layer is the ReLU that an exchanged layer takes up as its activation."""
    source = only_producer(layer) if type(layer) is layers.ReLU else None
    return source is not None and _is_exchanged(source) and _relu_of(source) is layer


def _goes_only_into_exchanged(layer: keras.Layer) -> bool:
    """Return whether exchanged layers alone take what a layer gives, at most through dropout."""
    found = consumers(layer)
    return bool(found) and all(
        _is_exchanged(each) or (type(each) is layers.Dropout and _goes_only_into_exchanged(each))
        for each in found
    )


def _depthwise_of(layer: layers.SeparableConv2D, name: str) -> keras.Layer:
    """Return the first half of a separable convolution, without weights."""
    return layers.DepthwiseConv2D(
        layer.kernel_size,
        layer.strides,
        layer.padding,
        layer.depth_multiplier,
        dilation_rate=layer.dilation_rate,
        use_bias=False,
        name=name,
        dtype=layer.dtype_policy,
    )


def _as_kernels(layer: keras.Layer, weights: list[FloatArray]) -> list[FloatArray]:
    """Return the weights of an exchanged layer in the shapes that its convolution has."""
    if isinstance(layer, layers.BatchNormalization):
        return folded_weights(layer, layer)
    return [w.reshape(1, 1, *w.shape) if w.ndim == 2 else w for w in weights]


PASSES: list[Callable[[keras.Model], keras.Model]] = [
    folded,
    with_activations_apart,
    with_convolutions_alone,
]
"""What rewrites a network for integers, in this order. A pass keeps the answers and the names of
layers: what changes answers would be counted as a loss of quantization."""
