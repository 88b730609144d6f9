"""TensorFlow's converter: a recipe's settings as calls of it, the private ones included.

The only file that names what TensorFlow keeps private. A new version of TensorFlow changes this
file alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from tempfile import TemporaryDirectory
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorflow.lite.python.conversion_metadata_schema_py_generated import ModelType
from tensorflow.lite.python.convert import ConverterError, mlir_quantize
from tensorflow.lite.python.util import modify_model_io_type
from tensorflow.lite.tools import flatbuffer_utils

from fer_convert.contents import read_contents
from fer_convert.recipes import QuantizationRecipe
from fer_core.errors import ArgumentError
from fer_core.preprocess import INPUT_RANGE
from fer_core.values import FloatArray

__all__ = ["ConverterError", "converted", "converted_with_rounding"]

_OPS = {
    "int8": tf.lite.OpsSet.TFLITE_BUILTINS_INT8,
    "int16": tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8,
}
"""The operations that a calibrated recipe may use, by the type of its activations."""


def converted_with_rounding(model: keras.Model) -> bytes:
    """Return the int8 flatbuffer of a network that was trained quantization-aware."""
    with _converter_of(model) as converter:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.inference_input_type = converter.inference_output_type = tf.int8
        return bytes(converter.convert())


def converted(
    model: keras.Model, recipe: QuantizationRecipe, representative: FloatArray | None
) -> bytes:
    """Return a network as a flatbuffer, by post-training quantization where the recipe asks.

    Args:
        model: A network that takes batches of one.
        recipe: What to store it as.
        representative: Inputs (n, h, w, c) of the representative data set, for a calibrated recipe.

    Raises:
        ConverterError: TensorFlow Lite has no operation for a layer.
        RuntimeError: The quantizer cannot do what the recipe asks.
        ArgumentError: A layer of `keep_float` is not there.
        ValueError: A calibrated recipe gets no inputs.
    """
    with _converter_of(model) as converter:
        if recipe.weights != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if recipe.weights == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if recipe.dynamic_range:
            # FULLY_CONNECTED version 12, which per-channel dense layers need, is beyond
            # tflite-runtime 2.14, the only runtime of 32-bit Pi OS.
            converter._experimental_disable_per_channel_quantization_for_dense_layers = True
        if recipe.calibrated:
            if representative is None:
                raise ValueError(f"{recipe.name} needs pictures to calibrate with")
            converter.representative_dataset = _one_by_one(representative)
            converter.target_spec.supported_ops = [_OPS[recipe.activations]]
        if recipe.io == "int8":
            return _full_integer(converter, recipe.keep_float)
        return bytes(converter.convert())


@contextmanager
def _converter_of(model: keras.Model) -> Iterator[Any]:
    """Yield a converter of a network.

    It writes the same bytes as `TFLiteConverter.from_keras_model`, and is made sooner: that one
    also searches every layer for lookup tables. Where there is one, the slow way says so.
    """
    archive = keras.export.ExportArchive()
    inputs = [keras.InputSpec(shape=x.shape, dtype=x.dtype, name=x.name) for x in model.inputs]
    archive.add_endpoint("serve", partial(model.__call__, training=False), inputs)
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        try:
            archive.write_out(folder, verbose=False)
        except (AssertionError, tf.errors.OpError):  # a lookup table, no room on the disk
            yield tf.lite.TFLiteConverter.from_keras_model(model)
            return
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, ["serving_default"])
        converter._metadata.environment.modelType = ModelType.KERAS_MODEL  # where it came from
        yield converter


def _one_by_one(inputs: FloatArray) -> Any:
    def pictures() -> Iterator[list[np.ndarray[Any, Any]]]:
        for index in range(len(inputs)):
            yield [inputs[index : index + 1]]

    return pictures


def _full_integer(converter: Any, keep_float: Sequence[str]) -> bytes:
    """Calibrate, set the input's range, quantize, and make input and output int8.

    The converter's own steps, taken one by one: a fake-quantization layer at the input would do
    as well for the range, but leaves a DEQUANTIZE and a QUANTIZE operation behind.
    """
    converter._experimental_calibrate_only = True
    calibrated = flatbuffer_utils.convert_bytearray_to_object(converter.convert())
    graph = calibrated.subgraphs[0]
    observed = graph.tensors[graph.inputs[0]].quantization
    observed.min, observed.max = [INPUT_RANGE[0]], [INPUT_RANGE[1]]
    ready = bytes(flatbuffer_utils.convert_object_to_bytearray(calibrated))
    quantized = mlir_quantize(ready, denylisted_nodes=_results_of(keep_float, ready, graph))
    return bytes(modify_model_io_type(quantized, tf.int8, tf.int8))


def _results_of(layers: Sequence[str], flatbuffer: bytes, graph: Any) -> set[str] | None:
    """Return the names of what layers give; raise ArgumentError for a layer that is not there."""
    operations = read_contents(flatbuffer).operations
    known = [operation.layer for operation in operations]
    if unknown := [layer for layer in layers if layer not in known]:
        raise ArgumentError(
            f"no layer {', '.join(unknown)} in the converted network; there are {', '.join(known)}"
        )
    halves = {f"{layer}_depthwise" for layer in layers}  # of separable convolutions
    kept = (each for each in operations if each.layer in halves.union(layers))
    return {bytes(graph.tensors[each.result].name).decode() for each in kept} or None
