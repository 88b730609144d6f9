"""From a Keras model to a flatbuffer, and what to do where TensorFlow cannot make one."""

from __future__ import annotations

import re
import warnings

import keras

from fer_convert.contents import read_contents
from fer_convert.recipes import RECIPES, QuantizationRecipe
from fer_convert.tflite_converter import ConverterError, converted, converted_with_rounding
from fer_core.dataset import FerDataset
from fer_core.errors import FerError
from fer_train.backend import native_output_hidden
from fer_train.data import model_inputs
from fer_train.network.convolutional import convolutional
from fer_train.network.graph import all_layers
from fer_train.network.quantize_aware import is_quantize_aware


def export_flatbuffer(
    model: keras.Model, recipe: QuantizationRecipe, representative: FerDataset | None = None
) -> bytes:
    """Return the model as a flatbuffer for batches of one.

    The input range of an int8 model is fixed, whatever the representative pictures hold. A
    calibrated network is made of plain convolutions first: batch normalization behind a ReLU would
    else cost points, and runtimes round dense layers in different ways.

    Args:
        model: The network.
        recipe: What to store it as.
        representative: Pictures to calibrate with, which a calibrated recipe needs, unless the
            model was trained with rounding.

    Raises:
        FerError: It cannot be made.
    """
    rounded = is_quantize_aware(model)
    if rounded and not recipe.full_integer:
        raise FerError(f"{model.name} was trained with the rounding of int8: only --int8 fits it")
    if recipe.calibrated and not rounded:
        _require_no_loop(model)
        model = convolutional(model)
    pixels = keras.Input(batch_shape=(1, *model.input_shape[1:]), name="pixels")
    fixed = keras.Model(pixels, model(pixels, training=False), name=model.name)
    inputs = model_inputs(representative) if representative and recipe.calibrated else None
    with native_output_hidden(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of statistics that are set after calibration
        try:
            return converted_with_rounding(fixed) if rounded else converted(fixed, recipe, inputs)
        except ConverterError as error:
            raise FerError(f"{model.name} as {recipe.name}: {_reason(str(error))}") from error
        except RuntimeError as error:
            raise FerError(_why_not_quantized(str(error), model, recipe)) from error


def _why_not_quantized(error: str, model: keras.Model, recipe: QuantizationRecipe) -> str:
    """Return why the quantizer made nothing of a model, and the way out."""
    kinds = _without_int16(error) if recipe.activations == "int16" else set()
    if kinds:
        told = ", ".join(_with_layers(kinds, model))
        return f"{model.name}: {recipe.name} has no {told}; take --int8 or --float16"
    return f"{model.name} as {recipe.name}: {error.strip()}; take another format"


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
    """Return the operations that a quantizer's error says it has no int16 for."""
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
