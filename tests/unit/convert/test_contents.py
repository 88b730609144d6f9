import flatbuffers
import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from drawn_faces import drawn_dataset
from fer_convert.contents import read_contents
from fer_convert.export import export_flatbuffer
from fer_convert.operations import FileContents, Operation
from fer_convert.recipes import RECIPES
from fer_core.errors import ArgumentError, FerError

TRAINING = drawn_dataset((4, 1, 1)).part("train")


@pytest.fixture(scope="module")
def model() -> keras.Model:
    pixels = keras.Input((48, 48, 1))
    x = keras.layers.Conv2D(8, 3, 2, padding="same", name="seen")(pixels)
    x = keras.layers.DepthwiseConv2D(5, padding="same")(x)
    x = keras.layers.Conv2D(4, 1)(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(7, name="logits")(x)
    model = keras.Model(pixels, keras.layers.Softmax()(x), name="small")
    rng = np.random.default_rng(0)  # equal biases would share a buffer
    model.set_weights([rng.normal(0, 0.1, weights.shape) for weights in model.get_weights()])
    return model


def contents_of(model: keras.Model, recipe: str) -> FileContents:
    return read_contents(export_flatbuffer(model, RECIPES[recipe], TRAINING))


def test_operations_macs_and_memory_are_those_of_the_layers(model: keras.Model) -> None:
    contents = contents_of(model, "int8")
    kinds = [operation.kind for operation in contents.operations]
    assert kinds == [
        "CONV_2D", "DEPTHWISE_CONV_2D", "CONV_2D", "MEAN", "CONV_2D", "RESHAPE", "SOFTMAX",
    ]  # fmt: skip
    macs = [576 * 8 * 9, 576 * 8 * 25, 576 * 4 * 8, 0, 4 * 7, 0, 0]
    assert [operation.macs for operation in contents.operations] == macs
    assert contents.macs == sum(macs)
    assert contents.operations[0].layer == "seen"
    assert [o.layer for o in contents.operations[4:]] == ["logits", "logits_output", "softmax"]
    weights = 8 * 9 + 8 * 25 + 4 * 8 + 4 * 7
    biases = 4 * (8 + 8 + 4 + 7)
    mean_axes, logits_shape = 8, 8
    assert contents.weight_bytes == weights + biases + mean_axes + logits_shape
    assert contents.activation_bytes == 2 * 576 * 8  # the depthwise layer's input and output
    assert contents.min_runtime == "1.14.0"
    assert "1 DEPTHWISE_CONV_2D v3" in contents.text()
    contents.require_integer("small-int8")
    floats = contents_of(model, "float32")
    assert floats.macs == contents.macs
    assert floats.activation_bytes == 4 * contents.activation_bytes
    assert contents_of(model, "int16x8").min_runtime == "2.5.0"  # not the float file's


def test_what_is_not_integer_is_named(model: keras.Model) -> None:
    with pytest.raises(FerError, match=r"x is not int8 throughout: CONV_2D of seen, .* and 1 more"):
        contents_of(model, "float32").require_integer("x")
    flex = Operation("FlexErf", 1, frozenset({"INT8"}), 0, "erf", (0,), 1)
    with pytest.raises(FerError, match="FlexErf of erf"):
        FileContents((flex,), 0, 0, "").require_integer("x")


def test_a_runtime_that_is_too_old_is_named(model: keras.Model) -> None:
    contents = contents_of(model, "dynamic")  # per-channel dense layers would need 2.17
    contents.require_runtime("x", "2.14")
    contents.require_runtime("x", contents.min_runtime)
    contents.require_runtime("x", contents.min_runtime.removesuffix(".0"))
    with pytest.raises(FerError, match=rf"x needs TensorFlow Lite {contents.min_runtime}, newer"):
        contents.require_runtime("x", "1.0")
    with pytest.raises(FerError, match=r"one of CONV_2D v\d+, "):
        contents.require_runtime("x", "1.0")
    with pytest.raises(FerError, match="a version that it does not name"):
        FileContents((), 0, 0, "").require_runtime("x", "2.14")
    with pytest.raises(ArgumentError, match="'new' is no version"):
        contents.require_runtime("x", "new")


def test_custom_operations_have_their_own_name(model: keras.Model) -> None:
    flatbuffer = export_flatbuffer(model, RECIPES["float32"], TRAINING)
    held = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(flatbuffer, 0))
    code = held.operatorCodes[held.subgraphs[0].operators[-1].opcodeIndex]
    code.builtinCode, code.customCode = schema.BuiltinOperator.CUSTOM, b"FlexErf"
    builder = flatbuffers.Builder(1024)
    builder.Finish(held.Pack(builder), b"TFL3")
    assert read_contents(bytes(builder.Output())).operations[-1].kind == "FlexErf"


@pytest.mark.parametrize("content", [b"", b"x" * 100, b"\x18\0\0\0TFL3" + b"\xff" * 60])
def test_what_is_no_flatbuffer_is_refused(content: bytes) -> None:
    with pytest.raises(FerError, match="no TFLite flatbuffer"):
        read_contents(content)
