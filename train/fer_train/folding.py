"""The same function in convolutions with biases: no batch normalisation, no dense layers.

What a converter does too (Jacob et al., 2018, section 3.2), but seen: quantisation-aware training
needs the folded weights, and a normalisation that no convolution precedes becomes a 1x1
depthwise one, which int8 holds with a scale for every channel. Dense layers become 1x1
convolutions, since runtimes differ in how they round the one (TensorFlow Lite Micro twice, LiteRT
once) and agree on the other.
"""

from __future__ import annotations

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


def without_dense(model: keras.Model) -> keras.Model:
    """Return a model of the same answers with 1x1 convolutions, named alike, for dense layers.

    Only dense layers that take vectors are exchanged, in a model that is a plain graph of layers.
    """
    model = _functional(model)
    dense = {
        layer.name
        for layer in model.layers
        if type(layer) is keras.layers.Dense and len(layer.input.shape) == 2
    }
    if not (dense and _is_plain_graph(model)):
        return model

    def copied(layer: keras.Layer) -> keras.Layer:
        if layer.name not in dense:
            return type(layer).from_config(layer.get_config())
        shared = {name: getattr(layer, name) for name in ("name", "use_bias", "activation")}
        return keras.layers.Conv2D(layer.units, 1, dtype=layer.dtype_policy, **shared)

    def called(layer: keras.Layer, *inputs: Any, **options: Any) -> Any:
        if layer.name not in dense:
            return layer(*inputs, **options)
        (vector,) = inputs
        picture = keras.layers.Reshape((1, 1, vector.shape[-1]), name=f"{layer.name}_input")(vector)
        return keras.layers.Reshape((layer.filters,), name=f"{layer.name}_output")(layer(picture))

    made = keras.models.clone_model(model, clone_function=copied, call_function=called)
    for layer in (each for each in model.layers if each.weights):
        twin = made.get_layer(layer.name)
        weights = zip(layer.get_weights(), twin.weights, strict=True)
        twin.set_weights([value.reshape(weight.shape) for value, weight in weights])
    return made


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
