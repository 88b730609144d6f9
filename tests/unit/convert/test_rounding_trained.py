from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from convert_cases import DATA, VARIED, bundle_of, request_of, silent
from drawn_faces import save_npz
from fer_convert.contents import read_contents
from fer_convert.convert import convert
from fer_convert.recipes import RECIPES
from fer_core.bundle import ModelBundle
from fer_core.errors import FerError
from fer_edge.inference.interpreter import TfliteModel
from fer_train.architectures import build_model
from fer_train.data import model_inputs
from fer_train.network.logits import divide_logits
from fer_train.network.quantize_aware import quantize_aware
from fer_train.transfer import load_keras_model


@pytest.mark.parametrize("name", ["fer-nano", "mini-xception", "a-regularised"])
def test_a_quantization_aware_model_needs_no_calibration(name: str) -> None:
    keras.utils.set_random_seed(4)
    rounded = quantize_aware(build_model(name, (48, 48, 1), 7))
    rounded.compile(keras.optimizers.SGD(0.05), "categorical_crossentropy", run_eagerly=True)
    training = VARIED.part("train").only(np.arange(32))
    inputs, wanted = model_inputs(training), np.eye(7, dtype=np.float32)[training.labels]
    for _ in range(6):
        rounded.train_on_batch(inputs, wanted)
    divide_logits(rounded, 0.5)
    bundle = bundle_of(rounded, "int8")
    read_contents(bundle.model).require_integer(bundle.name)
    model = TfliteModel(bundle, kernels="reference")
    assert model.input_quantization == (1 / 128, 0)
    shown = VARIED.part("validation").only(np.arange(16))  # reference kernels take their time
    answers = np.stack([model.probabilities(picture) for picture in shown.pixels])
    expected = np.asarray(rounded(model_inputs(shown), training=False))
    assert np.abs(answers - expected).max() < 0.03
    assert np.abs(answers - expected).mean() < 0.005  # hardly trained, it has many near ties
    with pytest.raises(FerError, match="only --int8 fits it"):
        bundle_of(rounded, "float32")


def test_probabilities_that_were_rounded_may_miss_one(tmp_path: Path) -> None:
    pixels = keras.Input((48, 48, 1))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3, strides=4)(pixels))
    x = keras.layers.Dense(7, kernel_initializer="zeros")(x)
    model = quantize_aware(keras.Model(pixels, keras.layers.Softmax()(x), name="even"))
    model.compile(keras.optimizers.SGD(0.0), "mse")
    model.train_on_batch(model_inputs(DATA.part("train")), np.zeros((56, 7)))
    assert model(np.zeros((1, 48, 48, 1))).numpy().sum() == pytest.approx(7 * 37 / 256)
    model.save(tmp_path / "even.keras")
    data = save_npz(tmp_path / "drawn.npz", DATA)
    (path,) = convert(request_of((tmp_path / "even.keras", data), tmp_path, 100.0), silent)
    assert path.name == "even-qat-int8.tflite"


def test_a_network_trained_with_rounding_is_held_against_the_float_one_it_comes_from(
    saved: tuple[Path, Path], tmp_path: Path
) -> None:
    wrong = build_model("fer-nano", (48, 48, 1), 7)
    wrong.get_layer("logits").set_weights([np.zeros((96, 7)), np.eye(7)[2] * 3])
    (tmp_path / "float").mkdir()
    wrong.save(tmp_path / "float" / "model.keras")
    run = tmp_path / "run"
    run.mkdir()
    rounded = quantize_aware(load_keras_model(saved[0]))
    rounded.compile(keras.optimizers.SGD(0.0), "categorical_crossentropy", run_eagerly=True)
    inputs = model_inputs(VARIED.part("train"))
    rounded.train_on_batch(inputs, np.eye(7, dtype=np.float32)[VARIED.part("train").labels])
    rounded.save(run / "model.keras")
    (run / "config.toml").write_text(f'init = "{tmp_path / "float" / "model.keras"}"\n')
    (path,) = convert(request_of((run / "model.keras", saved[1]), run, 100.0), silent)
    classes = ModelBundle.load(path).manifest.provenance["parent_classes"].split()
    assert set(classes) == {"2"}
    assert ModelBundle.load(path).manifest.provenance["parent"] == "model"


def test_what_training_with_rounding_may_win_back_is_said_where_it_can(
    saved: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fer_convert.convert.WORTH_TRAINING_POINTS", -101)
    # What a network that was never trained loses is chance, and differs between processors.
    monkeypatch.setattr("fer_convert.convert.doubtful_drop", lambda *_: "")
    heard: list[str] = []
    request = request_of(saved, tmp_path, 100.0)
    convert(replace(request, recipes=[RECIPES["float16"], RECIPES["int8"]]), heard.append)
    hints = [line for line in heard if "--qat" in line]
    assert hints == ["fer-nano-int8: fer-train --qat may win back what was lost"]
    with pytest.raises(FerError, match=r"-101, so it was not written. Try fer-train --qat, "):
        convert(request_of(saved, tmp_path, -101.0), heard.append)
    assert [line for line in heard if "--qat" in line] == hints
    run = tmp_path / "run"
    run.mkdir()
    rounded = quantize_aware(load_keras_model(saved[0]))
    rounded.compile(keras.optimizers.SGD(0.0), "mse")
    rounded.train_on_batch(model_inputs(VARIED.part("train")), np.zeros((336, 7)))
    rounded.save(run / "model.keras")
    with pytest.raises(FerError, match=r"Try more --epochs, or to convert the network"):
        convert(request_of((run / "model.keras", saved[1]), run, -101.0), heard.append)
    assert [line for line in heard if "--qat" in line] == hints
    told = "of model-qat itself, as the network that it was trained from is not here ->"
    assert any(told in line for line in heard)
