from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from convert_cases import VARIED, small_net
from fer_convert.adopt import _scale_of_integers, adopt, labels_of
from fer_convert.verify import describe
from fer_core.bundle import ModelBundle
from fer_core.errors import ArgumentError, FerError
from fer_edge.deployment.signing.file_signature import signer_of
from fer_edge.deployment.signing.own_key import own_key
from fer_edge.inference.interpreter import Tensor, TfliteModel

LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


def written(path: Path, model: keras.Model, values: tuple[float, float] | None = None) -> Path:
    """Write a .tflite as notebooks do: in floats, or in uint8 for a network that takes `values`."""
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if values:
        low, high = values
        some = VARIED.pixels[:40] / np.float32(255) * (high - low) + low
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([picture[None]] for picture in some)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.uint8
    path.write_bytes(converter.convert())
    return path


@pytest.mark.parametrize(
    ("scale", "low", "high"), [("0..1", 0, 1), ("-1..1", -1, 1), ("0..255", 0, 255)]
)
def test_a_float_network_gets_its_own_scale_size_and_colour(
    tmp_path: Path, scale: str, low: float, high: float
) -> None:
    model = small_net(shape=(32, 40, 3))
    file = written(tmp_path / "theirs.tflite", model)
    adopted = adopt(file, LABELS, "rgb", scale, None, overwrite=False)
    assert adopted.path == tmp_path / "theirs-adopted.tflite"
    bundle = ModelBundle.load(adopted.path)
    assert bundle.manifest.input.shape == (32, 40, 3)
    pixels = np.random.default_rng(0).integers(0, 256, (32, 40, 3), np.uint8)
    wanted = model.predict(low + pixels[None] / 255 * (high - low), verbose=0)[0]
    assert TfliteModel(bundle).probabilities(pixels) == pytest.approx(wanted, abs=1e-4)
    assert f"become {low:g} to {high:g}" in bundle.card
    assert "adopted from theirs.tflite" in describe(adopted.path)


def test_what_is_adopted_is_signed(tmp_path: Path) -> None:
    pytest.importorskip("cryptography")
    file = written(tmp_path / "theirs.tflite", small_net())
    adopted = adopt(file, LABELS, "gray", "0..1", None, overwrite=False)
    assert signer_of(adopted.path.read_bytes(), "it") == own_key()[0].public


@pytest.mark.filterwarnings("ignore:Statistics for quantized inputs")
def test_an_integer_network_tells_its_scale_itself(tmp_path: Path) -> None:
    model = small_net()
    file = written(tmp_path / "quantized.tflite", model, (0, 1))
    adopted = adopt(file, LABELS, None, None, tmp_path / "out", overwrite=False)
    runner = TfliteModel(ModelBundle.load(adopted.path))
    face = VARIED.pixels[0]
    wanted = model.predict(face[None] / np.float32(255), verbose=0)[0]
    assert runner.prepared(face).dtype == np.uint8
    assert runner.probabilities(face) == pytest.approx(wanted, abs=0.03)
    with pytest.raises(ArgumentError, match=r"--scale 0\.\.255 is not what it was made for"):
        adopt(file, LABELS, None, "0..255", None, overwrite=False)


def test_logits_become_probabilities(tmp_path: Path) -> None:
    whole = small_net(keras.layers.Rescaling(40))
    whole.layers[-1].activation = keras.activations.linear
    file = written(tmp_path / "logits.tflite", keras.Model(whole.input, whole.output * 9 - 3))
    adopted = adopt(file, LABELS, "gray", "0..1", None, overwrite=False)
    assert "7 logits" in adopted.lines[0]
    face = VARIED.pixels[0]
    answer = TfliteModel(ModelBundle.load(adopted.path)).probabilities(face)
    logits = whole.predict(face[None] / np.float32(255), verbose=0)[0] * 9 - 3
    assert answer == pytest.approx(keras.ops.softmax(logits), abs=1e-3)


def test_words_that_do_not_fit_the_file_are_refused(tmp_path: Path) -> None:
    file = written(tmp_path / "theirs.tflite", small_net())
    for labels, colour, scale, reason in (
        (LABELS[:3], None, "0..1", "gives 7 values, and --labels names 3"),
        (LABELS, "rgb", "0..1", "takes 1 channels: --input gray"),
        (LABELS, None, "0..2", r"--scale is one of 0\.\.1, -1\.\.1, 0\.\.255"),
        (LABELS, None, None, "does not say what its pixels become"),
    ):
        with pytest.raises(ArgumentError, match=reason):
            adopt(file, labels, colour, scale, None, overwrite=False)
    adopted = adopt(file, LABELS, None, "0..1", None, overwrite=False)
    with pytest.raises(FerError, match="is there already: replace it with --overwrite"):
        adopt(file, LABELS, None, "-1..1", None, overwrite=False)
    adopt(file, LABELS, None, "-1..1", None, overwrite=True)
    assert ModelBundle.load(adopted.path).manifest.input.values == (-1, 1)
    with pytest.raises(FerError, match="is a bundle already: fer-edge --model"):
        adopt(adopted.path, LABELS, None, "0..1", None, overwrite=False)


def test_files_that_no_bundle_can_be_made_of_are_refused_with_the_way(tmp_path: Path) -> None:
    def refused(file: Path) -> str:
        with pytest.raises(FerError) as refusal:
            adopt(file, LABELS, None, "0..1", None, overwrite=False)
        return str(refusal.value)

    for name, way in (
        ("net.onnx", "onnx2tf -i"),
        ("net.pth", "litert-torch"),
        ("net.keras", "--int8 converts a Keras file"),
        ("net.tflite", "cannot read"),
    ):
        assert way in refused(tmp_path / name)
    other = tmp_path / "other.tflite"
    other.write_bytes(b"GIF89a, no network")
    assert "is no TFLite file" in refused(other)
    other.write_bytes(b"\x1c\x00\x00\x00TFL3" + bytes(100))
    assert "other.tflite does not run" in refused(other)
    net = small_net()
    two = keras.Model(net.input, [net.output, net.layers[1].output])
    assert "1 inputs and 2 outputs" in refused(written(other, two))
    flat = keras.Input((48,))
    assert "one picture is wanted" in refused(
        written(other, keras.Model(flat, keras.layers.Dense(7)(flat)))
    )
    scores = keras.Model(net.input, net.layers[1].output)
    assert "(1, classes) is wanted" in refused(written(other, scores))


def test_labels_are_a_list_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "labels.txt"
    file.write_text("0 happy\n1 very sad\n")
    assert labels_of(str(file)) == ("happy", "very sad")
    assert labels_of("b, a") == ("b", "a")
    with pytest.raises(FerError, match=r"cannot read the labels in .*absent\.txt"):
        labels_of(str(tmp_path / "absent.txt"))
    for wrong in ("happy", "a,a", "a,,b"):
        with pytest.raises(ArgumentError, match="two or more different names"):
            labels_of(wrong)


@pytest.mark.parametrize(
    ("held", "given", "answer"),
    [
        ((0, 1), None, "0..1"),
        ((-1, 1), None, "-1..1"),
        ((0, 255), None, "0..255"),
        ((0, 0.7), None, "0..1"),
        ((0, 0.6), None, None),
        ((0, 0.6), "0..1", "0..1"),
        ((-128, 127), "0..255", ArgumentError),
        ((-128, 127), "0..1", ArgumentError),
        ((-1, 1), "0..1", ArgumentError),
    ],
)
def test_a_scale_is_told_or_refused_by_what_the_tensor_holds(
    held: tuple[float, float], given: str | None, answer: object
) -> None:
    step = (held[1] - held[0]) / 255
    shape = (1, 8, 8, 1)
    tensor = Tensor(0, shape, "uint8", (step, round(-held[0] / step)), shape)
    if answer is ArgumentError:
        with pytest.raises(ArgumentError, match="is not what it was made for"):
            _scale_of_integers(Path("a.tflite"), tensor, given)
    else:
        scale, cut = _scale_of_integers(Path("a.tflite"), tensor, given)
        assert scale == answer
        assert bool(cut) == (given == "0..1" and held[1] < 0.9)


def test_plain_integers_are_pixels_and_sizes_are_fixed(tmp_path: Path) -> None:
    net = small_net(shape=(32, 32, 3))
    pixels = keras.Input((32, 32, 3), dtype="uint8")
    whole = keras.Model(pixels, net(keras.layers.Rescaling(1 / 255)(pixels)))
    adopted = adopt(written(tmp_path / "raw.tflite", whole), LABELS, None, None, None, False)
    face = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    answer = TfliteModel(ModelBundle.load(adopted.path)).probabilities(face)
    assert answer == pytest.approx(whole.predict(face[None], verbose=0)[0], abs=1e-3)
    any_size = keras.Input((None, None, 3))
    mean = keras.layers.GlobalAveragePooling2D()(any_size)
    free = keras.Model(any_size, keras.layers.Dense(7, activation="softmax")(mean))
    with pytest.raises(FerError, match="takes pictures of any size"):
        adopt(written(tmp_path / "free.tflite", free), LABELS, None, "0..1", None, False)


def test_what_could_not_be_read_again_is_not_written(tmp_path: Path) -> None:
    file = written(tmp_path / f"{'n' * 240}.tflite", small_net())
    adopted = adopt(file, LABELS, None, "0..1", tmp_path / "out", overwrite=False)
    assert ModelBundle.load(adopted.path).manifest.name == "n" * 100
    for label in ("x" * 300, "two\nlines"):
        with pytest.raises(FerError, match="manifest cannot be read"):
            adopt(file, (*LABELS[:6], label), None, "0..1", tmp_path / "no", overwrite=False)
    assert not (tmp_path / "no").exists()


def test_many_outputs_are_refused_before_they_are_passed_on(tmp_path: Path) -> None:
    pixels = keras.Input((8, 8, 1))
    many = keras.layers.Flatten()(keras.layers.UpSampling2D(64)(pixels))
    with pytest.raises(FerError, match="it gives more than 10,000 values"):
        adopt(
            written(tmp_path / "a.tflite", keras.Model(pixels, many)),
            LABELS,
            None,
            "0..1",
            None,
            False,
        )
