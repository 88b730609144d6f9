"""The logits, what a network gives its softmax: found, divided and shifted by their weights."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

from fer_core.values import FloatArray
from fer_train.network.graph import only_producer, producer
from fer_train.network.quantize_aware import FakeQuantize

LOGITS = "logits"
"""The layer before the softmax in networks of `fer_train.architectures`."""
_WEIGHTED = (layers.Dense, layers.Conv2D)
_PASSING = (
    FakeQuantize,
    layers.GlobalAveragePooling2D,
    layers.AveragePooling2D,
    layers.Flatten,
    layers.Reshape,
    layers.Dropout,
)
"""Layers that give a multiple of what they give where they take that multiple."""


def logits_layers(model: keras.Model) -> list[keras.Layer]:
    """Return the layers by which what reaches the softmax can be divided; none where it cannot be.

    Found by the graph, whatever they are called: the last layer with weights, if between it and
    the softmax stands only what a factor passes through, and the ranges of a network that was
    trained with rounding.
    """
    layer, found = producer(model.outputs[0]), list[keras.Layer]()
    while isinstance(layer, FakeQuantize):
        layer = only_producer(layer)
    if isinstance(layer, layers.Softmax) or _activation(layer) == "softmax":
        if isinstance(layer, _WEIGHTED):
            return [layer]
        layer = only_producer(layer)
        while isinstance(layer, _PASSING):
            found += [layer] if layer.weights else []
            layer = only_producer(layer)
        if isinstance(layer, _WEIGHTED) and _activation(layer) == "linear":
            return [layer, *found]
    return []


def divide_logits(model: keras.Model, temperature: float) -> None:
    """Divide what reaches the softmax by a temperature, in place, by its `logits_layers`."""
    for layer in logits_layers(model):
        layer.set_weights([weights / np.float32(temperature) for weights in layer.get_weights()])


def shift_logits(model: keras.Model, offsets: FloatArray) -> None:
    """Add offsets (classes,) to the logits, in place, by the bias of the layer `logits`."""
    layer = model.get_layer(LOGITS)
    kernel, bias = layer.get_weights()
    layer.set_weights([kernel, (bias + offsets).astype(np.float32)])


def _activation(layer: keras.Layer | None) -> str:
    return getattr(getattr(layer, "activation", None), "__name__", "")
