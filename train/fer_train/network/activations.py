"""ReLU and softmax as layers of their own, whichever way a network writes them.

Later passes then have one form of each to know, of `Activation("relu")` and `ReLU()`, of
`Dense(7, activation="softmax")` and `Softmax()`.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers

from fer_train.network.folding import WEIGHTED
from fer_train.network.graph import Part, fresh_names, layer_copy, rewritten

_LAYERS = {keras.activations.relu: layers.ReLU, keras.activations.softmax: layers.Softmax}


def with_activations_apart(model: keras.Model) -> keras.Model:
    """Return the model with ReLU and Softmax for such Activation layers, and softmax apart.

    The softmax that is another layer's activation becomes the layer NAME_softmax. A model that is
    no plain graph of layers, or has neither, is returned as it is.
    """
    fresh = fresh_names(model)

    def rule(layer: keras.Layer) -> Sequence[Part] | None:
        if type(layer) is layers.Activation and layer.activation in _LAYERS:
            return [Part(_LAYERS[layer.activation](name=layer.name, dtype=layer.dtype_policy))]
        if not _ends_in_softmax(layer):
            return None
        linear = Part(layer_copy(layer, activation="linear"), layer.get_weights())
        return [linear, Part(layers.Softmax(name=fresh(f"{layer.name}_softmax")))]

    return rewritten(model, rule)


def _ends_in_softmax(layer: keras.Layer) -> bool:
    """Return whether softmax is the activation of a layer with weights, its last step."""
    return isinstance(layer, WEIGHTED) and layer.activation is keras.activations.softmax
