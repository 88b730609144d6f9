"""A network in plain convolutions: what integers hold well, and what runtimes round alike.

Quantisation-aware training and conversion to integers start from it. A dense layer is a 1x1
convolution of a vector; LiteRT rounds the one once and TensorFlow Lite Micro twice, and both
round the other alike.
"""

from __future__ import annotations

from collections.abc import Set
from typing import Any

import keras
from keras import layers

from fer_core.values import FloatArray
from fer_train.activations import with_activations_apart
from fer_train.folding import copy_weights, folded, folded_weights, fresh_names, is_plain_graph

_POOLING = (layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D)


def convolutional(model: keras.Model) -> keras.Model:
    """Return a model of the same answers in plain convolutions, layers named as before.

    Batch normalisation is folded; then dense layers, normalisations of vectors and separable
    convolutions, whose first half is called NAME_depthwise, are exchanged. A model that is no
    plain graph of layers, each used once, is returned as it is.
    """
    model = with_activations_apart(folded(model))
    exchanged = _convolutions(model) if is_plain_graph(model) else {}
    if not exchanged:
        return model
    fresh = fresh_names(model)
    absorbed = {relu.name for name in exchanged if (relu := _relu_of(model.get_layer(name)))}

    def copied(layer: keras.Layer) -> keras.Layer:
        pools = isinstance(layer, _POOLING) and _goes_only_into(exchanged.keys(), layer)
        kept = {"keepdims": True} if pools else {}
        return exchanged.get(layer.name) or type(layer).from_config({**layer.get_config(), **kept})

    def called(layer: keras.Layer, *inputs: Any, **options: Any) -> Any:
        if layer.name in absorbed:
            return inputs[0]
        if layer.name not in exchanged:
            return layer(*inputs, **options)
        source, x = model.get_layer(layer.name), inputs[0]
        if isinstance(source, layers.SeparableConv2D):
            x = _depthwise_of(source, fresh(f"{layer.name}_depthwise"))(x)
        if len(x.shape) == 2:
            x = layers.Reshape((1, 1, x.shape[-1]), name=fresh(f"{layer.name}_input"))(x)
        if len(source.output.shape) == 4:
            return layer(x)
        return layers.Reshape((-1,), name=fresh(f"{layer.name}_output"))(layer(x))

    made = keras.models.clone_model(model, clone_function=copied, call_function=called)
    for layer in (each for each in model.layers if each.weights):
        weights = layer.get_weights()
        if isinstance(layer, layers.SeparableConv2D):
            copy_weights(made.get_layer(fresh(f"{layer.name}_depthwise")), [weights.pop(0)])
        new = _as_kernels(layer, weights) if layer.name in exchanged else weights
        copy_weights(made.get_layer(layer.name), new)
    return made


def _convolutions(model: keras.Model) -> dict[str, keras.Layer]:
    """Return the convolutions that take the place of other layers, by name."""
    found = {layer.name: _convolution_for(layer) for layer in model.layers}
    return {name: layer for name, layer in found.items() if layer}


def _convolution_for(layer: keras.Layer) -> keras.Layer | None:
    """Return the convolution to take a layer's place, None for a layer that stays."""
    kind, options = type(layer), {"name": layer.name, "dtype": layer.dtype_policy}
    if kind in (layers.Dense, layers.SeparableConv2D):
        options |= {"use_bias": layer.use_bias, "activation": layer.activation}
    if _relu_of(layer):
        options["activation"] = "relu"
    if kind is layers.SeparableConv2D:
        return layers.Conv2D(layer.filters, 1, **options)
    if kind is layers.Dense and len(layer.input.shape) in (2, 4):
        return layers.Conv2D(layer.units, 1, **options)
    if kind is layers.BatchNormalization and len(layer.input.shape) == 2:
        return layers.DepthwiseConv2D(1, **options)
    return None


def _relu_of(layer: keras.Layer) -> layers.ReLU | None:
    """Return the plain ReLU that alone takes a vector from a layer: the two are one operation."""
    of_vectors = isinstance(layer, layers.Dense | layers.BatchNormalization)
    if not of_vectors or len(layer.output.shape) != 2:
        return None
    takers = [node.operation for node in layer._outbound_nodes]
    linear = getattr(layer, "activation", None) in (None, keras.activations.linear)
    if not (linear and len(takers) == 1 and type(takers[0]) is layers.ReLU):
        return None
    (relu,) = takers
    bent = (relu.max_value, relu.negative_slope, relu.threshold) != (None, 0, 0)
    return None if bent else relu


def _goes_only_into(names: Set[str], layer: keras.Layer) -> bool:
    """Return whether the named layers alone take what a layer gives, at most through dropout."""
    takers = [node.operation for node in layer._outbound_nodes]
    return bool(takers) and all(
        taker.name in names or (type(taker) is layers.Dropout and _goes_only_into(names, taker))
        for taker in takers
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
