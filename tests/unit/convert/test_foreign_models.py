import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from convert_cases import DATA, VARIED, request_of, silent, small_net
from drawn_faces import save_npz
from fer_convert.convert import convert
from fer_convert.job import ConversionRequest
from fer_convert.recipes import RECIPES
from fer_core.bundle import ModelBundle
from fer_core.errors import FerError
from fer_core.metrics import label_flips
from fer_edge.inference.classifier import classify_images
from fer_edge.inference.interpreter import TfliteModel
from fer_train import saved_model, transfer
from fer_train.architectures import build_model
from fer_train.backend import native_output_hidden
from fer_train.data import predict
from fer_train.transfer import load_keras_model


def test_a_bare_model_of_another_size_and_colour_is_converted(tmp_path: Path) -> None:
    small_net(shape=(64, 56, 3)).save(tmp_path / "wide.keras")
    data = save_npz(tmp_path / "drawn.npz", DATA)
    (path,) = convert(request_of((tmp_path / "wide.keras", data), tmp_path, 100.0), silent)
    manifest = ModelBundle.load(path).manifest
    assert manifest.input.shape == (64, 56, 3)
    assert manifest.provenance["tensorflow"] == tf.__version__
    small_net(shape=(48, 48, 2)).save(tmp_path / "two.keras")
    with pytest.raises(FerError, match="pictures of a fixed size are wanted, gray"):
        convert(request_of((tmp_path / "two.keras", data), tmp_path, 100.0), silent)


def test_a_network_without_softmax_is_refused(saved: tuple[Path, Path], tmp_path: Path) -> None:
    model = keras.models.load_model(saved[0])
    for answers in (model.layers[-1].input, keras.layers.Rescaling(np.nan)(model.output)):
        keras.Model(model.input, answers, name="odd").save(tmp_path / "odd.keras")
        with pytest.raises(FerError, match="gives no probabilities: its last layer must be"):
            convert(request_of((tmp_path / "odd.keras", saved[1]), tmp_path, 100.0), silent)


def test_an_input_mismatch_is_said_of_a_model_whose_training_is_unknown(
    saved: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "fer_convert.convert.input_mismatch", lambda model, validation: "upside down"
    )
    heard: list[str] = []
    convert(request_of(saved, tmp_path, 100.0), heard.append)
    assert heard[0] == "fer-nano: upside down"
    facts = {"epochs": 2, "best_epoch": 1, "model": "fer-nano"}
    (saved[0].parent / "metrics.json").write_text(json.dumps(facts))
    heard.clear()
    convert(request_of(saved, tmp_path, 100.0), heard.append)
    assert "upside down" not in "".join(heard)


def test_a_saved_model_and_an_h5_become_bundles_too(
    saved: tuple[Path, Path], tmp_path: Path
) -> None:
    model = keras.models.load_model(saved[0])
    with native_output_hidden():
        model.export(tmp_path / "_my export", verbose=False)
    model.save(tmp_path / "old.h5")
    for file, name in (("_my export", "my_export-int8"), ("old.h5", "old-int8")):
        request = request_of((tmp_path / file, saved[1]), tmp_path / "out", 100.0)
        (path,) = convert(request, silent)
        assert path.name == f"{name}.tflite"
        assert ModelBundle.load(path).manifest.provenance["macs"] == 57_600


def test_wrong_models_are_said(saved: tuple[Path, Path], tmp_path: Path) -> None:
    absent = ConversionRequest(tmp_path / "absent.keras", [RECIPES["int8"]], saved[1], None)
    with pytest.raises(FerError, match="there is no model at"):
        convert(absent, silent)
    saved[0].write_bytes(b"no model")
    with pytest.raises(FerError, match="Keras cannot load"):
        convert(request_of(saved, tmp_path, 1.0), silent)
    build_model("fer-nano", (48, 48, 1), 3).save(saved[0])
    damaged = bytearray(saved[0].read_bytes())
    damaged[len(damaged) // 2] ^= 255
    (tmp_path / "damaged.keras").write_bytes(damaged)
    with pytest.raises(FerError, match="Keras cannot load"):
        convert(request_of((tmp_path / "damaged.keras", saved[1]), tmp_path, 1.0), silent)
    with pytest.raises(FerError, match="give the --data it was trained on"):
        convert(request_of(saved, tmp_path, 1.0), silent)


def test_a_saved_model_without_its_signature_is_said(tmp_path: Path) -> None:
    tf.saved_model.save(tf.Module(), str(tmp_path / "bare"))
    with pytest.raises(FerError, match=r"no signature serving_default, only none.* model.export"):
        load_keras_model(tmp_path / "bare")
    (tmp_path / "faces.npz").write_bytes(b"")
    with pytest.raises(FerError, match=r"is no model: give a run, a \.keras or"):
        load_keras_model(tmp_path / "faces.npz")
    with pytest.raises(
        FerError, match=r"is already converted: .* the \.keras file that it was made"
    ):
        load_keras_model(tmp_path / "faces.tflite")


def test_a_network_without_an_input_shape_is_said(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="has not yet been built"):
        keras.Sequential([keras.layers.Flatten()]).save(tmp_path / "a.keras")
    with pytest.raises(FerError, match=r"has no input shape: begin it with keras\.Input"):
        load_keras_model(tmp_path / "a.keras")


class Odd(keras.layers.Layer):
    def call(self, inputs: object) -> object:
        return inputs


def test_a_layer_of_ones_own_is_named_with_the_way_out(tmp_path: Path) -> None:
    pixels = keras.Input((48, 48, 1))
    model = keras.Model(pixels, Odd()(pixels))
    for name in ("a.keras", "a.h5"):
        with native_output_hidden():
            model.save(tmp_path / name)
        with pytest.raises(FerError, match=r"holds the layer Odd, .*model\.export\(.FOLDER.\)"):
            load_keras_model(tmp_path / name)


def test_a_damaged_saved_model_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "try_saved_model", saved_model.try_saved_model)
    pixels = keras.Input((8, 8, 1))
    with native_output_hidden():
        keras.Model(pixels, keras.layers.Conv2D(2, 3)(pixels)).export(tmp_path / "folder")
    for file in (tmp_path / "folder" / "variables").glob("*.data*"):
        file.write_bytes(file.read_bytes()[:10])
    with pytest.raises(FerError, match="does not run: IndexError"):
        load_keras_model(tmp_path / "folder")


def test_code_in_a_model_is_not_run(tmp_path: Path) -> None:
    pixels = keras.Input((48, 48, 1))
    doubled = keras.layers.Lambda(lambda x: 2 * x)(pixels)
    for name in ("a.keras", "a.h5"):
        with native_output_hidden():
            keras.Model(pixels, doubled).save(tmp_path / name)
        with pytest.raises(FerError, match="holds a Lambda layer, that is Python code"):
            load_keras_model(tmp_path / name)
    (tmp_path / "model.pkl").write_bytes(b"")
    with pytest.raises(FerError, match="is a pickle, which can run any code"):
        load_keras_model(tmp_path / "model.pkl")


@pytest.mark.parametrize("name", ["keras22_sequential.h5", "mixed_float16.keras"])
def test_what_older_keras_and_mixed_precision_wrote_is_converted(
    name: str, tmp_path: Path, cases: Path
) -> None:
    model = load_keras_model(cases / name)
    assert model.input_shape == (None, 48, 48, 1)
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}
    data = save_npz(tmp_path / "varied.npz", VARIED)
    request = request_of((cases / name, data), tmp_path / "out", 100.0, "float32 int8")
    for path in convert(request, silent):
        assert path.name.startswith(Path(name).stem)
    answers = predict(load_keras_model(cases / name), VARIED.part("validation"))
    float32 = TfliteModel(ModelBundle.load(tmp_path / "out" / f"{Path(name).stem}-float32.tflite"))
    assert label_flips(answers, classify_images(float32, VARIED.part("validation").pixels)) == 0


def test_weights_of_the_mended_file_are_those_that_it_holds(cases: Path) -> None:
    import h5py

    model = load_keras_model(cases / "keras22_sequential.h5")
    with h5py.File(cases / "keras22_sequential.h5") as held:
        found: list[np.ndarray] = []
        held["model_weights"].visititems(
            lambda _, item: found.append(item[()]) if hasattr(item, "shape") else None
        )
    assert sorted(each.sum() for each in found) == pytest.approx(
        sorted(each.sum() for each in model.get_weights())
    )


def test_two_outputs_and_a_fixed_batch_are_said_for_what_they_are(
    saved: tuple[Path, Path], tmp_path: Path
) -> None:
    model = keras.models.load_model(saved[0])
    keras.Model(model.input, [model.output, model.layers[3].output]).save(tmp_path / "two.keras")
    with pytest.raises(FerError, match="has 2 outputs, one is wanted: save a model of that one"):
        convert(request_of((tmp_path / "two.keras", saved[1]), tmp_path, 100.0), silent)
    pixels = keras.Input(batch_shape=(8, 48, 48, 1))
    answers = keras.layers.Dense(7, activation="softmax")(keras.layers.Flatten()(pixels))
    keras.Model(pixels, answers).save(tmp_path / "fixed.keras")
    with pytest.raises(FerError, match="takes batches of 8 alone: build it with keras"):
        convert(request_of((tmp_path / "fixed.keras", saved[1]), tmp_path, 100.0), silent)
