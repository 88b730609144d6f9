"""ReLU and softmax as layers of their own, whichever way a network writes them.

What exchanges or rounds layers then has one form of each to know, of `Activation("relu")` and
`ReLU()`, of `Dense(7, activation="softmax")` and `Softmax()`.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from fer_train.folding import WEIGHTED, copy_weights, fresh_names, is_plain_graph

_LAYERS = {keras.activations.relu: layers.ReLU, keras.activations.softmax: layers.Softmax}


def with_activations_apart(model: keras.Model) -> keras.Model:
    """Return the model with ReLU and Softmax for such Activation layers, and softmax apart.

    The softmax that is another layer's activation becomes the layer NAME_softmax. A model that is
    no plain graph of layers, or has neither, is returned as it is.
    """
    named = {each.name for each in model.layers if type(each) is layers.Activation}
    named = {name for name in named if model.get_layer(name).activation in _LAYERS}
    ending = {each.name for each in model.layers if _ends_in_softmax(each)}
    if not (named or ending) or not is_plain_graph(model):
        return model
    fresh = fresh_names(model)

    def copied(layer: keras.Layer) -> keras.Layer:
        if layer.name in named:
            return _LAYERS[layer.activation](name=layer.name, dtype=layer.dtype_policy)
        changed = {"activation": "linear"} if layer.name in ending else {}
        return type(layer).from_config({**layer.get_config(), **changed})

    def called(layer: keras.Layer, *inputs: Any, **options: Any) -> Any:
        result = layer(*inputs, **options)
        if layer.name not in ending:
            return result
        return layers.Softmax(name=fresh(f"{layer.name}_softmax"))(result)

    made = keras.models.clone_model(model, clone_function=copied, call_function=called)
    for layer in (each for each in model.layers if each.weights):
        copy_weights(made.get_layer(layer.name), layer.get_weights())
    return made


def _ends_in_softmax(layer: keras.Layer) -> bool:
    """Return whether softmax is the activation of a layer with weights, its last step."""
    return isinstance(layer, WEIGHTED) and layer.activation is keras.activations.softmax
