"""Students: the networks of `fer_train.architectures`, run by PyTorch.

A network is read from the JSON that Keras writes, so that its layers are defined only in
fer_train, and its weights go back into the Keras model by the names of the layers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

Weights = dict[str, npt.NDArray[np.float32]]


class KerasNetwork(nn.Module):
    """A Keras model of plain layers; takes (n, h, w) gray values, gives (n, classes) logits.

    Raises ValueError for a layer that it does not know. The softmax is left to the caller.
    """

    def __init__(self, model: dict[str, Any]) -> None:
        super().__init__()
        self.nodes = [_Node(layer) for layer in model["config"]["layers"]]
        channels: dict[str, int] = {}
        self.layers = nn.ModuleDict()
        for node in self.nodes:
            before = channels[node.inputs[0]] if node.inputs else 1
            layer, channels[node.name] = _layer_of(node, before)
            self.layers[node.name] = layer

    def forward(self, pictures: Tensor) -> Tensor:
        held: dict[str, Tensor] = {}
        for node in self.nodes:
            inputs = [held[name] for name in node.inputs] or [pictures]
            held[node.name] = self.layers[node.name](*inputs)
        return held[self.nodes[-1].name]

    def keras_weights(self) -> Weights:
        """Return the weights as Keras holds them, by "layer/index" in the layer's own order."""
        return {
            f"{node.name}/{index}": np.asarray(_to_keras(node.kind, tensor).float().cpu())
            for node in self.nodes
            for index, tensor in enumerate(_tensors(self.layers[node.name]))
        }

    def load_keras_weights(self, weights: Weights) -> None:
        """Take weights that `keras_weights` gave, or a Keras model has by those names."""
        with torch.no_grad():
            for node in self.nodes:
                for index, tensor in enumerate(_tensors(self.layers[node.name])):
                    given = torch.as_tensor(np.array(weights[f"{node.name}/{index}"]))
                    tensor.copy_(_from_keras(node.kind, given))


class _Node:
    """One layer of the Keras model: its kind, name, settings and the layers that feed it."""

    def __init__(self, layer: dict[str, Any]) -> None:
        self.kind: str = layer["class_name"]
        self.name: str = layer["config"]["name"]
        self.settings: dict[str, Any] = layer["config"]
        self.inputs = [
            tensor["config"]["keras_history"][0]
            for node in layer["inbound_nodes"]
            for argument in node["args"]
            for tensor in (argument if isinstance(argument, list) else [argument])
        ]


class _Same(nn.Module):
    """Pad as Keras's `same` does, then run a layer that pads nothing."""

    def __init__(self, layer: nn.Module, kernel: int, stride: int) -> None:
        super().__init__()
        self.layer, self.kernel, self.stride = layer, kernel, stride

    def forward(self, x: Tensor) -> Tensor:
        padding: list[int] = []
        for side in (x.shape[3], x.shape[2]):
            missing = max((-(-side // self.stride) - 1) * self.stride + self.kernel - side, 0)
            padding += [missing // 2, missing - missing // 2]
        return self.layer(functional.pad(x, padding) if any(padding) else x)


class _Add(nn.Module):
    def forward(self, *inputs: Tensor) -> Tensor:
        return torch.stack(inputs).sum(0) if len(inputs) > 2 else inputs[0] + inputs[1]


class _Pixels(nn.Module):
    def forward(self, pictures: Tensor) -> Tensor:
        return (pictures[:, None].float() - 128) / 128


class _Average(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3))


def _layer_of(node: _Node, before: int) -> tuple[nn.Module, int]:
    """Return the layer and how many channels it gives."""
    settings = node.settings
    match node.kind:
        case "InputLayer":
            return _Pixels(), 1
        case "Conv2D" | "DepthwiseConv2D":
            return _convolution(node, before)
        case "BatchNormalization":
            keep = settings["momentum"]
            return nn.BatchNorm2d(before, settings["epsilon"], momentum=1 - keep), before
        case "ReLU":
            return nn.ReLU(), before
        case "Add":
            return _Add(), before
        case "MaxPooling2D":
            (pool, _), (stride, _) = settings["pool_size"], settings["strides"]
            if pool != stride:
                raise ValueError(f"{node.name}: pools that overlap are not known here")
            return nn.MaxPool2d(pool), before
        case "GlobalAveragePooling2D":
            return _Average(), before
        case "Dropout":
            return nn.Dropout(settings["rate"]), before
        case "Dense":
            return nn.Linear(before, settings["units"]), settings["units"]
        case "Softmax":
            return nn.Identity(), before
    raise ValueError(f"{node.name}: the layer {node.kind} is not known here")


def _convolution(node: _Node, before: int) -> tuple[nn.Module, int]:
    settings = node.settings
    (kernel, _), (stride, _) = settings["kernel_size"], settings["strides"]
    depthwise = node.kind == "DepthwiseConv2D"
    after = before if depthwise else settings["filters"]
    plain = settings["padding"] == "valid"
    symmetric = stride == 1 and kernel % 2 == 1
    layer = nn.Conv2d(
        before,
        after,
        kernel,
        stride,
        padding=kernel // 2 if symmetric and not plain else 0,
        groups=before if depthwise else 1,
        bias=settings["use_bias"],
    )
    return (layer if plain or symmetric else _Same(layer, kernel, stride)), after


def _tensors(layer: nn.Module) -> list[Tensor]:
    """Return a layer's weights in the order of Keras."""
    inner = layer.layer if isinstance(layer, _Same) else layer
    if isinstance(inner, nn.BatchNorm2d):
        return [inner.weight, inner.bias, inner.running_mean, inner.running_var]
    if isinstance(inner, nn.Conv2d | nn.Linear):
        return [inner.weight] if inner.bias is None else [inner.weight, inner.bias]
    return []


_TO_KERAS = {
    ("Conv2D", 4): (2, 3, 1, 0),
    ("DepthwiseConv2D", 4): (2, 3, 0, 1),
    ("Dense", 2): (1, 0),
}
"""How the axes of a layer's kernel are ordered in Keras, out of those of PyTorch."""


def _to_keras(kind: str, tensor: Tensor) -> Tensor:
    order = _TO_KERAS.get((kind, tensor.ndim))
    return tensor.detach().permute(order) if order else tensor.detach()


def _from_keras(kind: str, given: Tensor) -> Tensor:
    order = _TO_KERAS.get((kind, given.ndim))
    return given.permute([order.index(axis) for axis in range(len(order))]) if order else given
