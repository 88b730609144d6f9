"""From a Keras model to a flatbuffer, through TensorFlow's converter."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorflow.lite.python.convert import ConverterError, mlir_quantize
from tensorflow.lite.python.util import modify_model_io_type
from tensorflow.lite.tools import flatbuffer_utils

from fer_convert.contents import read_contents
from fer_convert.recipes import RECIPES, QuantizationRecipe
from fer_core.dataset import FerDataset
from fer_core.errors import ArgumentError, FerError
from fer_core.preprocess import INPUT_RANGE
from fer_train.backend import native_output_hidden
from fer_train.data import model_inputs
from fer_train.network.convolutional import convolutional
from fer_train.network.graph import all_layers
from fer_train.network.quantize_aware import is_quantize_aware


def export_flatbuffer(
    model: keras.Model, recipe: QuantizationRecipe, representative: FerDataset | None = None
) -> bytes:
    """Return the model as a flatbuffer for batches of one; raise FerError if it cannot be made.

    A calibrated recipe needs representative pictures, unless the model was trained with rounding.

    The input range of an int8 model is fixed, whatever the representative pictures hold. A
    calibrated network is made of plain convolutions first: batch normalisation behind a ReLU would
    else cost points, and runtimes round dense layers in different ways.
    """
    rounded = is_quantize_aware(model)
    if rounded and recipe.name != "int8":
        raise FerError(f"{model.name} was trained with the rounding of int8: only --int8 fits it")
    if recipe.calibrated and not rounded:
        _require_no_loop(model)
        model = convolutional(model)
    pixels = keras.Input(batch_shape=(1, *model.input_shape[1:]), name="pixels")
    fixed = keras.Model(pixels, model(pixels, training=False), name=model.name)
    converter = tf.lite.TFLiteConverter.from_keras_model(fixed)
    if rounded:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    else:
        _configure(converter, recipe, representative)
    with native_output_hidden(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of statistics that are set after calibration
        try:
            if recipe.name in ("int8", "mixed") and not rounded:
                return _full_integer(converter, recipe.keep_float)
            return bytes(converter.convert())
        except ConverterError as error:
            raise FerError(f"{model.name} as {recipe.name}: {_reason(str(error))}") from error
        except RuntimeError as error:
            if recipe.name == "int16x8" and (kinds := _without_int16(str(error))):
                told = ", ".join(_with_layers(kinds, model))
                raise FerError(
                    f"{model.name}: int16x8 has no {told}; take --int8 or --float16"
                ) from error
            raise FerError(
                f"{model.name} as {recipe.name}: {str(error).strip()}; take another format"
            ) from error


def _reason(error: str) -> str:
    """Return the operation and the layer that a converter's error is about, and the way out."""
    unknown = re.search(r'fused\["(\w+):", "[^"@]*?([^"@/]+)/[^"@/]+/[^"@/]+@', error)
    unknown = unknown or re.search(r'fused\["(\w+):", "[^"@]*?([^"@/]+)/[^"@/]+@', error)
    if not unknown:
        return error.strip() or "the converter gives no reason"
    operation, layer = unknown[1], re.sub(r"_\d+$", "", unknown[2])
    return (
        f"{operation} of the layer {layer} is no operation of TensorFlow Lite; build the network "
        "with another layer in its place"
    )


def _without_int16(error: str) -> set[str]:
    """Return the operations that a quantiser's error says it has no int16 for."""
    return set(re.findall(r"not yet supported for op: '(\w+)'", error))


def _with_layers(kinds: set[str], model: keras.Model) -> list[str]:
    """Return these operations with the layers that they are of."""
    operations = read_contents(export_flatbuffer(model, RECIPES["float32"])).operations
    named = dict.fromkeys(f"{o.kind} of {o.layer}" for o in operations if o.kind in kinds)
    return list(named) or sorted(kinds)


def _require_no_loop(model: keras.Model) -> None:
    """Raise FerError for layers that loop: TensorFlow's calibration crashes in them."""
    loops = [
        layer.name
        for layer in all_layers(model)
        if isinstance(layer, keras.layers.RNN) and not layer.unroll
    ]
    if loops:
        raise FerError(
            f"{model.name} cannot be calibrated: {', '.join(loops)} loops. Build it with "
            "unroll=True, or take --float32, --float16 or --dynamic"
        )


def _configure(
    converter: Any, recipe: QuantizationRecipe, representative: FerDataset | None
) -> None:
    if recipe.name != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if recipe.name == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if recipe.name == "dynamic":
        # FULLY_CONNECTED version 12, which per-channel dense layers need, is beyond
        # tflite-runtime 2.14, the only runtime of 32-bit Pi OS.
        converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    if recipe.calibrated:
        if representative is None:
            raise ValueError(f"{recipe.name} needs pictures to calibrate with")
        inputs = model_inputs(representative)

        def pictures() -> Iterator[list[np.ndarray[Any, Any]]]:
            for index in range(len(inputs)):
                yield [inputs[index : index + 1]]

        converter.representative_dataset = pictures
        converter.target_spec.supported_ops = [_OPS[recipe.name]]


_OPS = {
    "int8": tf.lite.OpsSet.TFLITE_BUILTINS_INT8,
    "mixed": tf.lite.OpsSet.TFLITE_BUILTINS_INT8,
    "int16x8": tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8,
}


def _full_integer(converter: Any, keep_float: Sequence[str]) -> bytes:
    """Calibrate, set the input's range, quantise, and make input and output int8.

    The converter's own steps, taken one by one: a fake-quantisation layer at the input would do
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
