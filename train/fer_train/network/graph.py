"""A network as a graph: which layers feed which, and a network rewritten layer by layer.

The only file that names what Keras keeps private. A new version of Keras changes this file alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from fer_core.values import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One step in the place of a layer: a new layer, or a function of one tensor.

    `weights` are set on the new layer; without any it keeps those that it was made with.
    """

    step: Callable[..., Any]
    weights: Sequence[FloatArray] = ()


Rule = Callable[[keras.Layer], Sequence[Part] | None]
"""What takes a layer's place: None for a copy of it, no part to pass its input through. The parts
for an input layer come after it."""


def consumers(layer: keras.Layer) -> list[keras.Layer]:
    """Return the layers that take what a layer gives."""
    return [node.operation for node in layer._outbound_nodes]


def only_consumer(layer: keras.Layer) -> keras.Layer | None:
    """Return the layer that alone takes what a layer gives, None where there is no such one."""
    found = consumers(layer)
    return found[0] if len(found) == 1 else None


def producer(tensor: Any) -> keras.Layer:
    """Return the layer that gives a symbolic tensor."""
    return tensor._keras_history.operation


def only_producer(layer: keras.Layer) -> keras.Layer | None:
    """Return the layer that alone feeds this one, and feeds no other."""
    nodes = layer._inbound_nodes
    if len(nodes) != 1 or len(nodes[0].input_tensors) != 1:
        return None
    source = producer(nodes[0].input_tensors[0])
    return source if only_consumer(source) else None


def all_layers(model: keras.Model) -> list[keras.Layer]:
    """Return the model itself, its layers, and those of models within it, in a fixed order."""
    return list(model._flatten_layers())


def is_plain_graph(model: keras.Model) -> bool:
    """Return whether a model is a graph of layers that are no models, each used once."""
    graph = getattr(model, "operations", [])
    return bool(graph) and all(
        isinstance(each, keras.Layer)
        and not isinstance(each, keras.Model)
        and len(each._inbound_nodes) == 1
        for each in graph
    )


def fresh_names(model: keras.Model) -> Callable[[str], str]:
    """Return a function from a name to one that no layer of the model has, with `_` added."""
    taken = {layer.name for layer in model.layers}

    def fresh(name: str) -> str:
        return fresh(f"{name}_") if name in taken else name

    return fresh


def layer_copy(layer: keras.Layer, **changes: Any) -> keras.Layer:
    """Return a layer of the same settings, but for the changes, without its weights."""
    return type(layer).from_config({**layer.get_config(), **changes})


def copy_weights(layer: keras.Layer, weights: Sequence[FloatArray]) -> None:
    """Set a layer's weights, and what a Normalization layer computes from them."""
    layer.set_weights(weights)
    if isinstance(layer, keras.layers.Normalization):
        layer.finalize_state()


def rewritten(model: keras.Model, rule: Rule) -> keras.Model:
    """Return a model in which a rule has put other layers in the place of some.

    Args:
        model: A plain graph of layers; any other model is returned as it is.
        rule: What takes the place of each layer. It sees the layers of `model`, so it may ask
            what feeds them. Where it returns None, a copy with the same weights takes the place.

    Returns:
        A new model of the same name, or `model` itself where the rule changes nothing.

    """
    places = {layer.name: rule(layer) for layer in model.layers} if is_plain_graph(model) else {}
    if all(parts is None for parts in places.values()):
        return model
    placed: list[Part] = []

    def call(layer: keras.Layer, *inputs: Any, **options: Any) -> Any:
        parts = places[layer.name]
        if parts is None:
            parts = [Part(layer_copy(layer), layer.get_weights())]
        placed.extend(parts)
        return _through_parts(parts, layer, inputs, options)

    inputs = keras.tree.map_structure(_input_like, model.input)
    entering = [
        call(producer(old), new) if places[producer(old).name] else new
        for old, new in zip(model.inputs, keras.tree.flatten(inputs), strict=True)
    ]
    made = keras.Model(inputs, _through(model, entering, call), name=model.name)
    for part in placed:
        if part.weights:
            copy_weights(part.step, part.weights)
    return made


def _through_parts(
    parts: Sequence[Part], layer: keras.Layer, inputs: tuple[Any, ...], options: dict[str, Any]
) -> Any:
    """Return what the parts in a layer's place make of its inputs.

    Options of the call, such as `training`, go to a layer of the same kind alone.
    """
    if not parts:
        return inputs[0]
    first, *rest = (part.step for part in parts)
    result = first(*inputs, **(options if isinstance(first, type(layer)) else {}))
    for step in rest:
        result = step(result)
    return result


def _input_like(tensor: Any) -> Any:
    return keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=tensor.name)


def _through(model: keras.Model, inputs: Any, call: Callable[..., Any]) -> Any:
    """Return what a model's graph makes of inputs, where `call` runs each of its layers."""
    graph = model._functional if isinstance(model, keras.Sequential) else model
    return graph._run_through_graph(inputs, call_fn=call)


def inlined(model: keras.Model) -> keras.Model:
    """Return a sequential model, and models within a model, as one graph of layers.

    Each has to be a graph of layers itself, with one input and one output; else the model is
    returned as it is. Names of the model's own layers stay, one within that is taken gets a `_`.
    """
    models = [layer for layer in all_layers(model) if isinstance(layer, keras.Model)]
    if models == [model] and not isinstance(model, keras.Sequential):
        return model
    if not all(_is_graph_of_layers(each) for each in models):
        return model
    copies = _Copies(model)

    def call(operation: Any, *inputs: Any, **options: Any) -> Any:
        if isinstance(operation, keras.Model):
            return _through(operation, inputs[0], call)
        return copies.copy_of(operation)(*inputs, **options)

    pixels = _input_like(model.inputs[0])
    made = keras.Model(pixels, _through(model, pixels, call), name=model.name)
    copies.copy_all_weights()
    return made


def _is_graph_of_layers(model: keras.Model) -> bool:
    """Return whether a model has one input and one output, and nothing but layers between."""
    taken, given = getattr(model, "inputs", None), getattr(model, "outputs", None)
    if not (taken and given and len(taken) == len(given) == 1):
        return False
    graph = getattr(model, "operations", None) or model.layers
    return all(isinstance(operation, keras.Layer) for operation in graph)


class _Copies:
    """One copy of each layer that it is asked for, under a name that no other has."""

    def __init__(self, model: keras.Model) -> None:
        self._own = model.layers
        self._copies: dict[int, tuple[keras.Layer, keras.Layer]] = {}

    def copy_of(self, layer: keras.Layer) -> keras.Layer:
        """Return the copy of a layer, the same one for a layer that is used again."""
        if id(layer) not in self._copies:
            self._copies[id(layer)] = layer, layer_copy(layer, name=self._name_for(layer))
        return self._copies[id(layer)][1]

    def copy_all_weights(self) -> None:
        for layer, copy in self._copies.values():
            copy_weights(copy, layer.get_weights())

    def _name_for(self, layer: keras.Layer) -> str:
        """Return the layer's name, with `_` added while another layer has it."""
        name = layer.name
        taken = {copy.name for _, copy in self._copies.values()}
        if not any(layer is each for each in self._own):
            taken |= {each.name for each in self._own}
        while name in taken:
            name += "_"
        return str(name)
