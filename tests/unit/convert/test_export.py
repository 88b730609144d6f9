import keras
import numpy as np
import pytest
import tensorflow as tf

from convert_cases import CALIBRATION, DATA, VARIED, bundle_of, small_net
from fer_convert.contents import read_contents
from fer_convert.export import export_flatbuffer
from fer_convert.operations import Operation
from fer_convert.recipes import RECIPES, mixed
from fer_core.errors import ArgumentError, FerError
from fer_edge.inference.interpreter import TfliteModel
from fer_train.architectures import ARCHITECTURES, build_model
from fer_train.data import model_inputs

FORMATS = {"float32": 0.999999, "float16": 0.999, "dynamic": 0.8, "int8": 0.8, "int16x8": 0.9}
IN_EVERY_FORMAT = ("fer-nano", "mini-xception")
IN_FLOAT32 = (*IN_EVERY_FORMAT, "b-plain")
"""These have every kind of layer; in int8 are all networks."""


def formats_of(name: str) -> list[str]:
    """Return the formats that a network is tried in; each takes seconds."""
    if name in IN_EVERY_FORMAT:
        return list(FORMATS)
    return ["float32", "int8"] if name in IN_FLOAT32 else ["int8"]


def test_the_networks_in_float32_have_every_kind_of_layer() -> None:
    kinds = {
        name: {type(layer) for layer in build_model(name, (48, 48, 1), 7).layers}
        for name in ARCHITECTURES
    }
    some = set.union(*(kinds[name] for name in IN_FLOAT32))
    assert some == set.union(*kinds.values())


@pytest.mark.parametrize(
    ("name", "recipe"),
    [(name, recipe) for name in sorted(ARCHITECTURES) for recipe in formats_of(name)],
)
def test_keras_and_the_bundle_answer_alike(
    models: dict[str, keras.Model], name: str, recipe: str
) -> None:
    """Untrained networks: what counts is that both differ from face to face in the same way."""
    faces = VARIED.part("validation").only(np.arange(0, 168, 3, dtype=np.int64))
    model = TfliteModel(bundle_of(models[name], recipe))
    child = np.stack([model.probabilities(pixels) for pixels in faces.pixels])
    parent = np.asarray(models[name](model_inputs(faces), training=False))  # compiles no graph
    assert parent.std(axis=0).max() > 0.1  # an answer that ignores the face would show
    together = np.corrcoef(
        (child - child.mean(axis=0)).ravel(), (parent - parent.mean(axis=0)).ravel()
    )
    assert together[0, 1] > FORMATS[recipe]


def test_the_int8_input_range_is_forced_and_nothing_is_float(
    models: dict[str, keras.Model],
) -> None:
    training = DATA.part("train")
    assert training.images.min() > 0  # no extreme picture does it
    assert training.images.max() < 255
    bundle = bundle_of(models["fer-nano"], "int8")
    model = TfliteModel(bundle, kernels="builtin")
    assert model.input_quantization == (1 / 128, 0)
    names = {
        operation["op_name"] for operation in model._interpreter._interpreter._get_ops_details()
    }
    assert not names & {"QUANTIZE", "DEQUANTIZE", "CAST"}
    dtypes = {
        np.dtype(t["dtype"]).name for t in model._interpreter._interpreter.get_tensor_details()
    }
    assert dtypes <= {"int8", "int32"}


def test_conversion_gives_the_same_bytes_twice(small: keras.Model) -> None:
    first, again = (bundle_of(small, "int8").to_bytes() for _ in range(2))
    assert first == again


def test_the_bytes_are_those_of_tensorflows_own_way(small: keras.Model) -> None:
    pixels = keras.Input(batch_shape=(1, 48, 48, 1), name="pixels")
    fixed = keras.Model(pixels, small(pixels, training=False), name=small.name)
    theirs = tf.lite.TFLiteConverter.from_keras_model(fixed).convert()
    assert export_flatbuffer(small, RECIPES["float32"]) == theirs


def named(model: keras.Model, kind: type, index: int) -> str:
    return str([layer.name for layer in model.layers if isinstance(layer, kind)][index])


def test_layers_can_be_kept_in_float32(models: dict[str, keras.Model]) -> None:
    def exported(*layers: str, name: str = "fer-nano") -> list[Operation]:
        flatbuffer = export_flatbuffer(models[name], mixed(layers), CALIBRATION)
        return list(read_contents(flatbuffer).operations)

    third = named(models["fer-nano"], keras.layers.Conv2D, 3)
    kept = {o.layer for o in exported("logits", third) if not o.is_integer}
    assert {"logits", third} <= kept
    assert len(kept) <= 6  # and the conversions around them
    whole = named(models["mini-xception"], keras.layers.SeparableConv2D, 1)
    halves = [o for o in exported(whole, name="mini-xception") if o.layer.startswith(whole)]
    assert [o.is_integer for o in halves] == [False, False]
    with pytest.raises(ArgumentError, match="no layer typo in the converted network; there are"):
        exported("typo", "logits")


def test_what_cannot_be_converted_is_named_with_a_way_out(
    capfd: pytest.CaptureFixture[str],
) -> None:
    training = DATA.part("train")
    bicubic = small_net(keras.layers.Resizing(20, 20, interpolation="bicubic"))
    with pytest.raises(FerError, match=r"^small as int8: ResizeBicubic of the layer resizing\w* "):
        export_flatbuffer(bicubic, RECIPES["int8"], training)
    table = small_net(
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.IntegerLookup(vocabulary=[1, 2], output_mode="multi_hot", name="table"),
        keras.layers.Rescaling(1.0),
    )
    for recipe in ("float32", "int8"):
        with pytest.raises(FerError, match=r"^small as \w+: \w*Table\w* of the layer table\w* "):
            export_flatbuffer(table, RECIPES[recipe], training)
    loop = small_net(keras.layers.Reshape((12, 48)), keras.layers.GRU(4, name="again"))
    with pytest.raises(FerError, match="cannot be calibrated: again loops"):
        export_flatbuffer(loop, RECIPES["int8"], training)
    contents = read_contents(export_flatbuffer(loop, RECIPES["float32"]))
    assert "without those of" in contents.text()
    assert contents.weight_bytes > 4 * 48 * 12  # the loop's own weights are counted
    norm = export_flatbuffer(
        small_net(keras.layers.LayerNormalization()), RECIPES["int8"], training
    )
    with pytest.raises(FerError, match=r"layer_normalization\w* compute .*--keep-float LAYER"):
        read_contents(norm).require_integer("small-int8")
    assert capfd.readouterr().err == ""


def test_a_layer_that_int16x8_does_not_have_is_named() -> None:
    model = small_net(keras.layers.ELU(name="bend"))
    with pytest.raises(FerError, match="small: int16x8 has no ELU of bend; take --int8"):
        bundle_of(model, "int16x8")


def test_the_layer_that_an_old_runtime_does_not_know_is_named_and_can_stay_in_float32() -> None:
    model = small_net(keras.layers.Activation("mish", name="bend"))
    new = read_contents(bundle_of(model, "int8").model)
    with pytest.raises(FerError, match=r"2\.15\.0, newer than 2\.14: LOG v2 of bend\. Convert"):
        new.require_runtime("small-int8", "2.14")
    flatbuffer = export_flatbuffer(model, mixed(["bend"]), CALIBRATION)
    read_contents(flatbuffer).require_runtime("small-mixed", "2.14")
