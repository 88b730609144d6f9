"""Batch normalisation folded away: the same function in convolutions with biases.

What a converter does too (Jacob et al., 2018, section 3.2), but seen: quantisation-aware training
needs the folded weights, and a normalisation that no convolution precedes becomes a 1x1
depthwise one, which int8 holds with a scale for every channel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from fer_core.values import FloatArray

WEIGHTED = (
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
    model = inlined(model)
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    if not (norms and is_plain_graph(model)):
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
        copy_weights(layer, folded_weights(source, norm) if norm else source.get_weights())
    return made


def copy_weights(layer: keras.Layer, weights: Sequence[FloatArray]) -> None:
    """Give a layer weights, and let one that computes with what it makes of them make it."""
    layer.set_weights(weights)
    if isinstance(layer, keras.layers.Normalization):
        layer.finalize_state()


def fresh_names(model: keras.Model) -> Callable[[str], str]:
    """Return what makes a name that no layer of the model has."""
    taken = {layer.name for layer in model.layers}

    def fresh(name: str) -> str:
        return fresh(f"{name}_") if name in taken else name

    return fresh


def inlined(model: keras.Model) -> keras.Model:
    """Return a sequential model, and models within a model, as one graph of layers.

    Each has to be a graph of layers itself, with one input and one output; else the model is
    returned as it is. Names of the model's own layers stay, one within that is taken gets a `_`.
    """
    inner = [layer for layer in model._flatten_layers() if isinstance(layer, keras.Model)]
    if inner == [model] and not isinstance(model, keras.Sequential):
        return model
    ends = [(getattr(each, "inputs", None), getattr(each, "outputs", None)) for each in inner]
    if not all(taken and given and len(taken) == len(given) == 1 for taken, given in ends):
        return model
    graphs = [getattr(each, "operations", None) or each.layers for each in inner]
    if not all(isinstance(operation, keras.Layer) for graph in graphs for operation in graph):
        return model
    own_names = {layer.name for layer in model.layers}
    twins: dict[int, tuple[keras.Layer, keras.Layer]] = {}

    def twin_of(layer: keras.Layer) -> keras.Layer:
        if id(layer) not in twins:
            name, taken = layer.name, {twin.name for _, twin in twins.values()}
            own = any(layer is each for each in model.layers)
            while name in taken or (name in own_names and not own):
                name += "_"
            config = {**layer.get_config(), "name": name}
            twins[id(layer)] = layer, type(layer).from_config(config)
        return twins[id(layer)][1]

    def called(operation: Any, *inputs: Any, **options: Any) -> Any:
        if isinstance(operation, keras.Model):
            return _through(operation, inputs[0], called)
        return twin_of(operation)(*inputs, **options)

    pixels = keras.Input(batch_shape=model.input_shape, name=model.inputs[0].name)
    made = keras.Model(pixels, _through(model, pixels, called), name=model.name)
    for layer, twin in twins.values():
        copy_weights(twin, layer.get_weights())
    return made


def _through(model: keras.Model, inputs: Any, called: Callable[..., Any]) -> Any:
    """Return what a model's graph makes of inputs, `called` for each of its layers."""
    graph = model._functional if isinstance(model, keras.Sequential) else model
    return graph._run_through_graph(inputs, call_fn=called)


def is_plain_graph(model: keras.Model) -> bool:
    """Return whether a model is a graph of layers that are no models, each used once."""
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
    alone = isinstance(before, WEIGHTED) and len(before._outbound_nodes) == 1
    linear = alone and before.activation is keras.activations.linear
    return before if linear and norm.axis in (-1, len(norm.input.shape) - 1) else None


def _affine(norm: keras.Layer) -> tuple[FloatArray, FloatArray]:
    """Return what a normalisation multiplies with and adds, (channels,) float32 each."""
    mean, variance = (np.asarray(v) for v in (norm.moving_mean, norm.moving_variance))
    gamma = np.asarray(norm.gamma) if norm.scale else np.float32(1)
    beta = np.asarray(norm.beta) if norm.center else np.float32(0)
    scale = np.asarray(gamma / np.sqrt(variance + norm.epsilon), np.float32)
    return scale, np.asarray(beta - mean * scale, np.float32)


def folded_weights(layer: keras.Layer, norm: keras.Layer) -> list[FloatArray]:
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
