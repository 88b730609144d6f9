"""The same function in convolutions with biases: no batch normalisation, no dense layers.

What a converter does too (Jacob et al., 2018, section 3.2), but seen: quantisation-aware training
needs the folded weights, and a normalisation that no convolution precedes becomes a 1x1
depthwise one, which int8 holds with a scale for every channel. Dense layers become 1x1
convolutions, since runtimes differ in how they round the one (TensorFlow Lite Micro twice, LiteRT
once) and agree on the other.
"""

from __future__ import annotations

from collections.abc import Set
from typing import Any

import keras
import numpy as np

from fer_core.values import FloatArray

_WEIGHTED = (
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
    keras.layers.Dense,
)
_POOLING = (keras.layers.GlobalAveragePooling2D, keras.layers.GlobalMaxPooling2D)


def folded(model: keras.Model) -> keras.Model:
    """Return a model of the same answers without batch normalisation, layers named as before.

    Only a normalisation of vectors that no dense layer precedes stays, and one of another axis. A
    model that is no plain graph of layers, each used once, is returned as it is.
    """
    model = _functional(model)
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    if not (norms and _is_plain_graph(model)):
        return model
    followed = {layer.name: norm for norm in norms for layer in [_foldable_into(norm)] if layer}
    gone = {norm.name for norm in followed.values()}
    alone = {
        norm.name
        for norm in norms
        if norm.name not in gone and len(norm.input.shape) == 4 and norm.axis in (-1, 3)
    }

    def copied(layer: keras.Layer) -> keras.Layer:
        config = layer.get_config()
        if layer.name in followed:
            return type(layer).from_config({**config, "use_bias": True})
        if layer.name in alone:
            return keras.layers.DepthwiseConv2D(1, name=layer.name)
        return type(layer).from_config(config)

    def called(layer: keras.Layer, *inputs: Any, **options: Any) -> Any:
        if layer.name in gone:
            return inputs[0]
        return layer(inputs[0]) if layer.name in alone else layer(*inputs, **options)

    made = keras.models.clone_model(model, clone_function=copied, call_function=called)
    for layer in (each for each in made.layers if each.weights):
        source = model.get_layer(layer.name)
        norm = source if layer.name in alone else followed.get(layer.name)
        layer.set_weights(_folded_weights(source, norm) if norm else source.get_weights())
    return made


def convolutional(model: keras.Model) -> keras.Model:
    """Return a model of the same answers that integers hold well, layers named as before.

    Batch normalisation is folded; then dense layers of vectors, normalisations of vectors and
    separable convolutions become plain convolutions. A model that is no plain graph of layers,
    each used once, is returned as it is.
    """
    model = folded(_functional(model))
    if not _is_plain_graph(model):
        return model
    others = {layer.name: other for layer in model.layers if (other := _convolution_for(layer))}

    def copied(layer: keras.Layer) -> keras.Layer:
        pools = isinstance(layer, _POOLING) and _goes_only_into(set(others), layer)
        kept = {"keepdims": True} if pools else {}
        return others.get(layer.name) or type(layer).from_config({**layer.get_config(), **kept})

    def called(layer: keras.Layer, *inputs: Any, **options: Any) -> Any:
        if layer.name not in others:
            return layer(*inputs, **options)
        source = model.get_layer(layer.name)
        if isinstance(source, keras.layers.SeparableConv2D):
            return layer(_depthwise_of(source)(inputs[0]))
        x = inputs[0]
        if len(x.shape) == 2:
            x = keras.layers.Reshape((1, 1, x.shape[-1]), name=f"{layer.name}_input")(x)
        return keras.layers.Reshape((-1,), name=f"{layer.name}_output")(layer(x))

    made = keras.models.clone_model(model, clone_function=copied, call_function=called)
    for layer in (each for each in model.layers if each.weights):
        weights, twin = layer.get_weights(), made.get_layer(layer.name)
        if layer.name in others and isinstance(layer, keras.layers.SeparableConv2D):
            made.get_layer(f"{layer.name}_depthwise").set_weights([weights.pop(0)])
        elif layer.name in others and isinstance(layer, keras.layers.BatchNormalization):
            weights = _folded_weights(layer, layer)
        shapes = [weight.shape for weight in twin.weights]
        twin.set_weights([w.reshape(shape) for w, shape in zip(weights, shapes, strict=True)])
    return made


def _convolution_for(layer: keras.Layer) -> keras.Layer | None:
    """Return the convolution to take a layer's place, None for a layer that stays."""
    kind, options = type(layer), {"name": layer.name, "dtype": layer.dtype_policy}
    if kind in (keras.layers.Dense, keras.layers.SeparableConv2D):
        options |= {"use_bias": layer.use_bias, "activation": layer.activation}
    if kind is keras.layers.SeparableConv2D:
        return keras.layers.Conv2D(layer.filters, 1, **options)
    if kind is keras.layers.Dense and len(layer.input.shape) == 2:
        return keras.layers.Conv2D(layer.units, 1, **options)
    if kind is keras.layers.BatchNormalization and len(layer.input.shape) == 2:
        return keras.layers.DepthwiseConv2D(1, **options)
    return None


def _goes_only_into(names: Set[str], layer: keras.Layer) -> bool:
    """Return whether the named layers alone take what a layer gives, at most through dropout."""
    takers = [node.operation for node in layer._outbound_nodes]
    dropout = keras.layers.Dropout
    return bool(takers) and all(
        taker.name in names or (isinstance(taker, dropout) and _goes_only_into(names, taker))
        for taker in takers
    )


def _depthwise_of(layer: keras.layers.SeparableConv2D) -> keras.Layer:
    """Return the first half of a separable convolution, without weights."""
    return keras.layers.DepthwiseConv2D(
        layer.kernel_size,
        layer.strides,
        layer.padding,
        layer.depth_multiplier,
        dilation_rate=layer.dilation_rate,
        use_bias=False,
        name=f"{layer.name}_depthwise",
        dtype=layer.dtype_policy,
    )


def _functional(model: keras.Model) -> keras.Model:
    """Return a sequential model as a graph of layers, any other as it is."""
    if not isinstance(model, keras.Sequential):
        return model
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    return keras.Model(copy.inputs[0], copy.outputs[0], name=model.name)


def _is_plain_graph(model: keras.Model) -> bool:
    graph = getattr(model, "operations", [])
    return bool(graph) and all(
        isinstance(each, keras.Layer)
        and not isinstance(each, keras.Model)
        and len(each._inbound_nodes) == 1
        for each in graph
    )


def _foldable_into(norm: keras.Layer) -> keras.Layer | None:
    """Return the convolution or dense layer that a normalisation alone follows, if one does."""
    before = norm.input._keras_history.operation
    alone = isinstance(before, _WEIGHTED) and len(before._outbound_nodes) == 1
    linear = alone and before.activation is keras.activations.linear
    return before if linear and norm.axis in (-1, len(norm.input.shape) - 1) else None


def _affine(norm: keras.Layer) -> tuple[FloatArray, FloatArray]:
    """Return what a normalisation multiplies with and adds, (channels,) float32 each."""
    mean, variance = (np.asarray(v) for v in (norm.moving_mean, norm.moving_variance))
    gamma = np.asarray(norm.gamma) if norm.scale else np.float32(1)
    beta = np.asarray(norm.beta) if norm.center else np.float32(0)
    scale = np.asarray(gamma / np.sqrt(variance + norm.epsilon), np.float32)
    return scale, np.asarray(beta - mean * scale, np.float32)


def _folded_weights(layer: keras.Layer, norm: keras.Layer) -> list[FloatArray]:
    """Return kernel and bias of a layer with the normalisation behind it, or of that alone."""
    scale, offset = _affine(norm)
    if layer is norm:
        return [scale.reshape(1, 1, -1, 1), offset]
    kernels = layer.get_weights()
    if layer.use_bias:
        offset = offset + kernels.pop() * scale
    depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
    by_channel = scale.reshape(kernels[-1].shape[2:]) if depthwise else scale
    return [*kernels[:-1], kernels[-1] * by_channel, offset]
