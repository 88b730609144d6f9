"""Quantization-aware training: the rounding of int8 in the forward pass (Jacob et al., 2018).

The network is made of plain convolutions first. Kernels are rounded with a scale for every channel;
what layers give is rounded in a range that follows the batches. The converter turns the rounding
into int8 operations and needs no calibration.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from fer_core.errors import FerError
from fer_core.preprocess import INPUT_RANGE
from fer_core.values import FloatArray
from fer_train.network.convolutional import convolutional
from fer_train.network.graph import Part, is_plain_graph, layer_copy, only_consumer, rewritten
from fer_train.shipped import QAT_SUFFIX

_PASSING = (layers.MaxPooling2D, layers.Flatten, layers.Dropout, layers.Reshape)
"""Layers that give what they take, rounded already."""


@keras.saving.register_keras_serializable("fer_train")
class FakeQuantize(layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Rounds its input to the 256 values of int8 between `low` and `high`.

    Without limits they follow the smallest and largest values of the batches in training.
    """

    def __init__(self, limits: tuple[float, float] | None = None, **options: Any) -> None:
        """Take fixed limits, or none."""
        super().__init__(**options)
        self.limits, self.momentum = limits, 0.99

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Make the limits and the mark that says whether a batch was seen."""
        low, high = self.limits or (0.0, 0.0)
        options: dict[str, Any] = {"shape": (), "trainable": False}
        self.low = self.add_weight(name="low", initializer=_constant(low), **options)
        self.high = self.add_weight(name="high", initializer=_constant(high), **options)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Return the input rounded; gradients pass where it lies within the limits."""
        if training and not self.limits:
            fresh = ops.equal(self.low, self.high)
            for limit, seen in (
                (self.low, ops.minimum(ops.min(inputs), 0.0)),
                (self.high, ops.maximum(ops.max(inputs), 1e-3)),
            ):
                moved = self.momentum * limit + (1 - self.momentum) * seen
                limit.assign(ops.where(fresh, seen, moved))
        return keras.quantizers.fake_quant_with_min_max_vars(inputs, self.low, self.high)

    def get_config(self) -> dict[str, Any]:
        """Return what makes the layer again."""
        return {**super().get_config(), "limits": self.limits}


def _constant(value: float) -> keras.initializers.Initializer:
    return keras.initializers.Constant(value)


def _rounded_kernel(kernel: Any) -> Any:
    """Return a kernel (h, w, c, channels) rounded to -127..127 steps, a scale for each channel."""
    limit = ops.maximum(ops.max(ops.abs(kernel), axis=(0, 1, 2)), 1e-8)
    return keras.quantizers.fake_quant_with_min_max_vars(
        kernel, -limit, limit, narrow_range=True, axis=3
    )


@keras.saving.register_keras_serializable("fer_train")
class QuantizedConv2D(layers.Conv2D):  # type: ignore[misc]
    """A convolution with a rounded kernel."""

    def call(self, inputs: Any) -> Any:
        """Return the convolution of (n, h, w, c)."""
        kernel = _rounded_kernel(self.kernel)
        return self.activation(
            ops.conv(inputs, kernel, self.strides, self.padding, None, self.dilation_rate)
            + self.bias
        )


@keras.saving.register_keras_serializable("fer_train")
class QuantizedDepthwiseConv2D(layers.DepthwiseConv2D):  # type: ignore[misc]
    """A depthwise convolution with a rounded kernel; its multiplier is 1."""

    def call(self, inputs: Any) -> Any:
        """Return the convolution of (n, h, w, c)."""
        height, width, channels, _ = self.kernel.shape
        as_tflite = ops.reshape(self.kernel, (1, height, width, channels))  # the converter's way
        kernel = ops.reshape(_rounded_kernel(as_tflite), self.kernel.shape)
        return self.activation(
            ops.depthwise_conv(inputs, kernel, self.strides, self.padding, None, self.dilation_rate)
            + self.bias
        )


_QUANTIZED: dict[type, Any] = {
    layers.Conv2D: QuantizedConv2D,
    layers.DepthwiseConv2D: QuantizedDepthwiseConv2D,
}


def quantize_aware(model: keras.Model) -> keras.Model:
    """Return NAME-qat, of the same weights, which rounds as int8 will.

    Raises:
        FerError: A layer has no int8 form here, or is used more than once.
    """
    plain = convolutional(model)
    odd = [layer.name for layer in plain.layers if not _can_be_rounded(layer)]
    if odd:
        raise FerError(
            f"{model.name} cannot be trained quantization-aware: its layers {', '.join(odd)} have "
            "no int8 form here"
        )
    if not is_plain_graph(plain):
        raise FerError(
            f"{model.name} cannot be trained quantization-aware: one of its layers is used twice"
        )
    made = rewritten(plain, _rounded)
    return keras.Model(made.inputs[0], made.outputs[0], name=f"{model.name}{QAT_SUFFIX}")


def _rounded(layer: keras.Layer) -> Sequence[Part] | None:
    """Return a layer with a rounded kernel, if it has one, and with what rounds its result."""
    if isinstance(layer, layers.InputLayer):
        return [Part(FakeQuantize(INPUT_RANGE, name="pixels_range"))]
    quantized = _QUANTIZED.get(type(layer))
    if quantized is None:
        own = Part(layer_copy(layer), layer.get_weights())
    else:
        own = Part(_with_bias(layer, quantized), _weights_with_bias(layer))
    if isinstance(layer, layers.Softmax):
        return [own, Part(FakeQuantize((0.0, 255 / 256), name=f"{layer.name}_range"))]
    if isinstance(layer, _PASSING) or isinstance(only_consumer(layer), layers.ReLU):
        return [own]  # a ReLU behind it becomes one operation with it
    return [own, Part(FakeQuantize(name=f"{layer.name}_range"))]


def _with_bias(layer: keras.Layer, kind: Any) -> keras.Layer:
    return kind.from_config({**layer.get_config(), "use_bias": True})


def _weights_with_bias(layer: keras.Layer) -> list[FloatArray]:
    """Return kernel and bias of a convolution, zero where it has no bias."""
    weights = layer.get_weights()
    return weights if layer.use_bias else [*weights, np.zeros(layer.output.shape[-1], np.float32)]


def is_quantize_aware(model: keras.Model) -> bool:
    """Return whether a model rounds as int8 does."""
    return any(isinstance(layer, FakeQuantize) for layer in model.layers)


def _can_be_rounded(layer: keras.Layer) -> bool:
    if isinstance(layer, layers.DepthwiseConv2D):
        return bool(layer.depth_multiplier == 1)
    known = (layers.Add, layers.ReLU, layers.GlobalAveragePooling2D, layers.AveragePooling2D)
    kinds = (*_QUANTIZED, *_PASSING, *known, layers.Softmax, layers.InputLayer)
    return type(layer) in kinds and getattr(layer, "groups", 1) == 1
