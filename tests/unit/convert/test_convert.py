import json
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from commands import call
from drawn_faces import drawn_dataset, save_npz
from fer_convert.calibration import divide_logits, fit_temperature, representative_set
from fer_convert.contents import Operation, read_contents
from fer_convert.convert import ConversionRequest, convert
from fer_convert.export import export_flatbuffer
from fer_convert.recheck import describe, recheck
from fer_convert.recipes import RECIPES, mixed
from fer_convert.verify import ParityReport, refused_drop
from fer_core.bundle import ModelBundle, ModelManifest
from fer_core.dataset import FerDataset
from fer_core.errors import ArgumentError, FerError
from fer_core.preprocess import InputSpec
from fer_edge.interpreter import TfliteModel
from fer_train.architectures import ARCHITECTURES, build_model
from fer_train.backend import native_output_hidden
from fer_train.data import model_inputs
from fer_train.quantize_aware import quantize_aware
from fer_train.transfer import load_model

DATA = drawn_dataset((8, 4, 1))


def varied(data: FerDataset) -> FerDataset:
    """Return the faces, also inverted, dark, shifted and noisy, so that answers can differ."""
    faces = data.images
    noise = np.random.default_rng(0).integers(0, 256, faces.shape, np.uint8)
    shifted = np.roll(faces, 12, axis=2)
    images = np.concatenate([faces, 255 - faces, faces // 5, shifted, noise, faces // 2 + 127])
    return replace(
        data,
        images=images,
        labels=np.tile(data.labels, 6),
        split=np.tile(data.split, 6),
        rows=np.arange(len(images), dtype=np.int64),
    )


VARIED = varied(DATA)


@pytest.fixture(scope="module")
def models() -> dict[str, keras.Model]:
    """Every network with statistics that are not fresh, and answers that differ by picture."""
    keras.utils.set_random_seed(3)
    made = {}
    for name in ARCHITECTURES:
        model = build_model(name, (48, 48, 1), 7)
        rng = np.random.default_rng(0)
        for layer in model._flatten_layers():
            if isinstance(layer, keras.layers.BatchNormalization):
                gamma, beta, mean, variance = layer.get_weights()
                layer.set_weights(
                    [
                        gamma * rng.uniform(0.8, 1.2, gamma.shape),
                        beta + rng.normal(0, 0.1, beta.shape),
                        mean + rng.normal(0, 0.1, mean.shape),
                        variance * rng.uniform(0.8, 1.2, variance.shape),
                    ]
                )
        logits = model.get_layer("logits")
        answers = keras.Model(model.input, model.layers[-1].input)
        values = answers.predict(model_inputs(VARIED.part("validation")), verbose=0)
        scale = 2 / values.std(axis=0).max()
        kernel, bias = logits.get_weights()
        logits.set_weights([kernel * scale, (bias - values.mean(axis=0)) * scale])
        made[name] = model
    return made


def bundle_of(model: keras.Model, recipe: str) -> ModelBundle:
    manifest = ModelManifest(model.name, DATA.label_names, InputSpec(), recipe)
    return ModelBundle(export_flatbuffer(model, RECIPES[recipe], VARIED.part("train")), manifest)


FORMATS = {"float32": 0.999999, "float16": 0.999, "dynamic": 0.8, "int8": 0.8, "int16x8": 0.9}
IN_EVERY_FORMAT = ("fer-nano", "fer-base", "mini-xception")


@pytest.mark.parametrize(
    ("name", "recipe"),
    [
        (name, recipe)
        for name in sorted(ARCHITECTURES)
        for recipe in (FORMATS if name in IN_EVERY_FORMAT else ("float32", "int8"))
    ],
)
def test_keras_and_the_bundle_answer_alike(
    models: dict[str, keras.Model], name: str, recipe: str
) -> None:
    """Untrained networks: what counts is that both differ from face to face in the same way."""
    faces = VARIED.part("validation")
    model = TfliteModel(bundle_of(models[name], recipe))
    child = np.stack([model.probabilities(pixels) for pixels in faces.pixels])
    parent = models[name].predict(model_inputs(faces), verbose=0)
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
    names = {operation["op_name"] for operation in model._interpreter._get_ops_details()}
    assert not names & {"QUANTIZE", "DEQUANTIZE", "CAST"}
    dtypes = {np.dtype(t["dtype"]).name for t in model._interpreter.get_tensor_details()}
    assert dtypes <= {"int8", "int32"}


def test_conversion_gives_the_same_bytes_twice(models: dict[str, keras.Model]) -> None:
    first, again = (bundle_of(models["fer-nano"], "int8").to_bytes() for _ in range(2))
    assert first == again


def test_the_representative_set_is_stratified_and_seeded() -> None:
    training = DATA.part("train")
    chosen = representative_set(training, 21, seed=4)
    assert np.bincount(chosen.labels).tolist() == [3] * 7
    assert set(chosen.rows) <= set(training.rows)
    assert np.array_equal(chosen.rows, representative_set(training, 21, seed=4).rows)
    assert not np.array_equal(chosen.rows, representative_set(training, 21, seed=5).rows)


def test_a_rare_class_still_has_a_picture() -> None:
    training = DATA.part("train")
    rare = training.only((training.labels != 1) | (np.arange(len(training)) % 8 == 0))
    sizes = np.bincount(representative_set(rare, 14, seed=1).labels)
    assert sizes.sum() == 14
    assert sizes.min() == 1


def test_calibration_sets_that_cannot_be_are_refused() -> None:
    training = DATA.part("train")
    with pytest.raises(FerError, match="999 calibration samples asked of 56"):
        representative_set(training, 999, seed=1)
    with pytest.raises(FerError, match="no training picture of disgust"):
        representative_set(training.only(training.labels != 1), 14, seed=1)
    black = replace(training, images=np.zeros_like(training.images))
    with pytest.raises(FerError, match="14 of 14 calibration pictures are of one gray value"):
        representative_set(black, 14, seed=1)
    few = training.images * (np.arange(len(training)) % 8 < 6)[:, None, None].astype(np.uint8)
    with pytest.raises(FerError, match="14 of 56 calibration pictures are of one gray value"):
        representative_set(replace(training, images=few), 56, seed=1)


def test_the_temperature_is_found_again() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (4000, 7))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = np.array([rng.choice(7, p=row) for row in probabilities])
    sharp = np.exp(2 * logits) / np.exp(2 * logits).sum(axis=1, keepdims=True)
    assert fit_temperature(sharp.astype(np.float32), truth) == pytest.approx(2.0, rel=0.1)


def test_divided_logits_are_a_tempered_softmax(models: dict[str, keras.Model]) -> None:
    model = keras.models.clone_model(models["fer-nano"])
    model.set_weights(models["fer-nano"].get_weights())
    inputs = model_inputs(DATA.part("validation"))
    before = model.predict(inputs, verbose=0)
    divide_logits(model, 1.7)
    after = model.predict(inputs, verbose=0)
    tempered = before ** (1 / 1.7)
    assert np.allclose(after, tempered / tempered.sum(axis=1, keepdims=True), atol=1e-5)


@pytest.fixture
def saved(tmp_path: Path, models: dict[str, keras.Model]) -> tuple[Path, Path]:
    """A model file and the data set it goes with."""
    models["fer-nano"].save(tmp_path / "model.keras")
    return tmp_path / "model.keras", save_npz(tmp_path / "drawn.npz", DATA)


def request_of(
    saved: tuple[Path, Path], out: Path, max_drop: float, recipes: str = "int8"
) -> ConversionRequest:
    chosen = [RECIPES[name] for name in recipes.split()]
    return ConversionRequest(saved[0], chosen, saved[1], out, 21, max_drop)


def silent(line: str) -> None:
    pass


def test_a_bundle_says_where_it_came_from(saved: tuple[Path, Path], tmp_path: Path) -> None:
    request = request_of(saved, tmp_path / "out", 100.0, "float32 int8")
    paths = convert(request, silent)
    assert [p.name for p in paths] == ["fer-nano-float32.tflite", "fer-nano-int8.tflite"]
    bundle = ModelBundle.load(paths[1])
    facts = bundle.manifest.provenance
    assert len(facts["calibration_rows"]) == 21
    assert set(facts["calibration_rows"]) <= set(DATA.part("train").rows.tolist())
    assert facts["parameters"] == 57_783
    assert bundle.manifest.labels == DATA.label_names
    assert "An expression is not a feeling" in bundle.card
    assert "Of its training nothing is known here; judged on drawn.npz." in bundle.card
    assert "PublicTest" not in bundle.card
    parity = json.loads((tmp_path / "out" / "parity.json").read_text())
    assert parity["fer-nano-int8"]["count"] == 28
    assert parity["fer-nano-float32"]["flips"] == 0


def test_a_card_tells_what_the_targets_were_made_of(
    saved: tuple[Path, Path], tmp_path: Path
) -> None:
    facts = {"model": "fer-nano", "labels": list(DATA.label_names), "epochs": 9, "best_epoch": 7}
    (tmp_path / "metrics.json").write_text(json.dumps({**facts, "guide_sha256": "ab" * 32}))
    taught = 'teacher = "soft.npz"\nteacher_weight = 0.3\nguide = "fer-base"\nguide_weight = 0.4\n'
    (tmp_path / "config.toml").write_text(taught)
    (path,) = convert(request_of(saved, tmp_path / "out", 100.0), silent)
    bundle = ModelBundle.load(path)
    assert "42% the labels, 18% what soft.npz says, 40% what fer-base says" in bundle.card
    assert bundle.manifest.provenance["guide_sha256"] == "ab" * 32


def test_the_runs_own_seed_decides_the_validation_split(
    saved: tuple[Path, Path], tmp_path: Path
) -> None:
    faces = DATA.part("train")
    undivided = save_npz(tmp_path / "undivided.npz", faces)
    (tmp_path / "config.toml").write_text("seed = 7\n")
    request = request_of((saved[0], undivided), tmp_path / "out", 100.0)
    (path,) = convert(request, silent)
    rows = ModelBundle.load(path).manifest.provenance["calibration_rows"]
    divided = faces.with_validation(seed=7)
    assert set(rows) <= set(np.flatnonzero(divided.split == 0).tolist())


def test_a_bundle_can_be_checked_again(saved: tuple[Path, Path], tmp_path: Path) -> None:
    request = replace(request_of(saved, tmp_path / "out", 100.0), command="fer-convert --int8")
    (path,) = convert(request, silent)
    assert "made with fer-edge-kit" in describe(path)
    assert describe(path).endswith("fer-convert --int8")
    recorded = json.loads((tmp_path / "out" / "parity.json").read_text())["fer-nano-int8"]
    told = recheck(path, saved[1], 100.0)
    assert f"{recorded['flips']} flips (recorded: {recorded['flips']}" in told
    assert f"{recorded['parent_accuracy']:.2%} -> {recorded['child_accuracy']:.2%}" in told
    for limit in (-101.0, float("nan")):
        with pytest.raises(FerError, match="the parity does not hold: more than --max-drop"):
            recheck(path, saved[1], limit)
    assert recheck(path, saved[1], None) == told  # what conversion allowed
    other = save_npz(tmp_path / "other.npz", drawn_dataset((8, 5, 1)))
    with pytest.raises(FerError, match="are not those of"):
        recheck(path, other, 100.0)
    bundle = ModelBundle.load(path)
    bundle.manifest.provenance.pop("parent_classes")
    bundle.save(tmp_path / "old.tflite")
    with pytest.raises(FerError, match="does not hold its parent's answers"):
        recheck(tmp_path / "old.tflite", saved[1], 100.0)


def test_a_bundle_that_answers_otherwise_than_it_did_does_not_hold(
    saved: tuple[Path, Path], tmp_path: Path
) -> None:
    (path,) = convert(request_of(saved, tmp_path / "out", 100.0), silent)
    bundle = ModelBundle.load(path)
    parent = bundle.manifest.provenance["parent_classes"].split()
    bundle.manifest.provenance["parent_classes"] = " ".join(str(6 - int(p)) for p in parent)
    bundle.save(path)
    with pytest.raises(FerError, match="more than 1 flips more or less than recorded"):
        recheck(path, saved[1], 200.0)


def test_a_network_without_softmax_is_refused(saved: tuple[Path, Path], tmp_path: Path) -> None:
    model = keras.models.load_model(saved[0])
    for answers in (model.layers[-1].input, keras.layers.Rescaling(np.nan)(model.output)):
        keras.Model(model.input, answers, name="odd").save(tmp_path / "odd.keras")
        with pytest.raises(FerError, match="gives no probabilities: its last layer has to be"):
            convert(request_of((tmp_path / "odd.keras", saved[1]), tmp_path, 100.0), silent)


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


def small_net(*middle: keras.layers.Layer, shape: tuple[int, ...] = (48, 48, 1)) -> keras.Model:
    pixels = keras.Input(shape)
    x = keras.layers.Conv2D(4, 3, strides=4)(pixels)
    for layer in middle:
        x = layer(x)
    x = x if len(x.shape) == 2 else keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(pixels, keras.layers.Dense(7, activation="softmax")(x), name="small")


def test_what_cannot_be_converted_is_named_with_a_way_out(
    capfd: pytest.CaptureFixture[str],
) -> None:
    training = DATA.part("train")
    bicubic = small_net(keras.layers.Resizing(20, 20, interpolation="bicubic"))
    with pytest.raises(FerError, match=r"^small as int8: ResizeBicubic of the layer resizing\w* "):
        export_flatbuffer(bicubic, RECIPES["int8"], training)
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


def test_a_layer_that_the_converter_rounds_all_the_same_is_said(
    saved: tuple[Path, Path], tmp_path: Path
) -> None:
    small_net(keras.layers.GlobalMaxPooling2D(name="peak")).save(tmp_path / "small.keras")
    request = request_of((tmp_path / "small.keras", saved[1]), tmp_path, 100.0)
    with pytest.raises(FerError, match="peak cannot stay in float32"):
        convert(replace(request, recipes=[mixed(["peak"])]), silent)
    assert not list(tmp_path.glob("*.tflite"))


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


def test_what_needs_no_calibration_asks_for_none(saved: tuple[Path, Path], tmp_path: Path) -> None:
    training = np.flatnonzero((DATA.split != 0) | (DATA.labels != 1))
    lacking = save_npz(tmp_path / "lacking.npz", DATA.only(training))
    request = request_of((saved[0], lacking), tmp_path / "out", 100.0, "float32 float16")
    assert len(convert(replace(request, calibration_samples=9999), silent)) == 2
    with pytest.raises(FerError, match="no training picture of disgust"):
        convert(request_of((saved[0], lacking), tmp_path / "out", 100.0), silent)


def test_another_process_makes_the_same_bytes(saved: tuple[Path, Path], tmp_path: Path) -> None:
    words = (saved[0], "--int8", "--data", saved[1], "--max-drop", 200)
    for folder in ("a", "b"):
        call("fer-convert", *words, "--out", tmp_path / folder, cwd=tmp_path)
    first, again = ((tmp_path / n / "fer-nano-int8.tflite").read_bytes() for n in "ab")
    assert first == again


def test_a_small_set_calibrates_with_all_it_has(saved: tuple[Path, Path], tmp_path: Path) -> None:
    request = replace(request_of(saved, tmp_path / "out", 100.0), calibration_samples=None)
    (path,) = convert(request, silent)
    rows = ModelBundle.load(path).manifest.provenance["calibration_rows"]
    assert len(rows) == len(DATA.part("train"))


def test_a_second_format_keeps_the_first_ones_parity(
    saved: tuple[Path, Path], tmp_path: Path
) -> None:
    for recipe in ("float32", "int8"):
        convert(request_of(saved, tmp_path / "out", 100.0, recipe), silent)
    parity = json.loads((tmp_path / "out" / "parity.json").read_text())
    assert set(parity) == {"fer-nano-float32", "fer-nano-int8"}


def test_too_large_a_drop_writes_no_bundle_but_the_parity(
    saved: tuple[Path, Path], tmp_path: Path
) -> None:
    with pytest.raises(FerError, match="more than --max-drop -101"):
        convert(request_of(saved, tmp_path / "out", -101.0), silent)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["parity.json"]
    parity = json.loads((tmp_path / "out" / "parity.json").read_text())
    assert parity["fer-nano-int8"]["written"] is False


def test_only_the_bundles_that_lost_too_much_are_named() -> None:
    def report(parent: float, child: float) -> ParityReport:
        return ParityReport(100, 3, 0.1, parent, child, 0.02, "litert", "xnnpack")

    assert not refused_drop("a", report(0.660, 0.656), 0.5, "")
    assert refused_drop("a", report(0.66, 0.66), float("nan"), "")
    line = refused_drop("b", report(0.66, 0.654), 0.5, "--float16")
    assert line.startswith("b fell by 0.60 points, from 66.00% to 65.40%: more than --max-drop 0.5")
    assert line.endswith("was not written. Try --float16.")


def test_a_recipe_that_cannot_be_made_does_not_take_the_others_with_it(
    saved: tuple[Path, Path], tmp_path: Path
) -> None:
    recipes = [RECIPES["dynamic"], RECIPES["float32"]]  # the former needs TensorFlow Lite 2.4
    request = replace(request_of(saved, tmp_path, 100.0), recipes=recipes, runtime_floor="2.2")
    with pytest.raises(FerError, match="dynamic") as caught:
        convert(request, silent)
    assert "float32" not in str(caught.value)
    assert list(json.loads((tmp_path / "parity.json").read_text())) == ["fer-nano-float32"]
    assert [file.name for file in tmp_path.glob("fer-nano*")] == ["fer-nano-float32.tflite"]
    (tmp_path / "fer-nano-dynamic.tflite").write_bytes(b"of yesterday")
    with pytest.raises(FerError, match=r"fer-nano-dynamic\.tflite is of an earlier conversion$"):
        convert(request, silent)


def test_a_network_trained_with_rounding_is_held_against_the_float_one_it_comes_from(
    saved: tuple[Path, Path], tmp_path: Path
) -> None:
    wrong = build_model("fer-nano", (48, 48, 1), 7)
    wrong.get_layer("logits").set_weights([np.zeros((96, 7)), np.eye(7)[2] * 3])
    (tmp_path / "float").mkdir()
    wrong.save(tmp_path / "float" / "model.keras")
    run = tmp_path / "run"
    run.mkdir()
    rounded = quantize_aware(load_model(saved[0]))
    rounded.compile(keras.optimizers.SGD(0.0), "categorical_crossentropy")
    inputs = model_inputs(VARIED.part("train"))
    rounded.train_on_batch(inputs, np.eye(7, dtype=np.float32)[VARIED.part("train").labels])
    rounded.save(run / "model.keras")
    (run / "config.toml").write_text(f'init = "{tmp_path / "float" / "model.keras"}"\n')
    (path,) = convert(request_of((run / "model.keras", saved[1]), run, 100.0), silent)
    classes = ModelBundle.load(path).manifest.provenance["parent_classes"].split()
    assert set(classes) == {"2"}
    assert ModelBundle.load(path).manifest.provenance["parent"] == "fer-nano"


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


@pytest.mark.parametrize("name", ["fer-nano", "fer-small", "mini-xception", "a-regularised"])
def test_a_quantisation_aware_model_needs_no_calibration(name: str) -> None:
    keras.utils.set_random_seed(4)
    rounded = quantize_aware(build_model(name, (48, 48, 1), 7))
    rounded.compile(keras.optimizers.SGD(0.05), "categorical_crossentropy")
    inputs = model_inputs(VARIED.part("train"))
    wanted = np.eye(7, dtype=np.float32)[VARIED.part("train").labels]
    for _ in range(6):
        rounded.train_on_batch(inputs, wanted)
    divide_logits(rounded, 0.5)
    bundle = bundle_of(rounded, "int8")
    read_contents(bundle.model).require_integer(bundle.name)
    model = TfliteModel(bundle, kernels="reference")
    assert model.input_quantization == (1 / 128, 0)
    pixels = VARIED.part("validation").pixels
    answers = np.stack([model.probabilities(picture) for picture in pixels])
    expected = np.asarray(rounded(model_inputs(VARIED.part("validation")), training=False))
    assert np.abs(answers - expected).max() < 0.03
    assert (answers.argmax(axis=1) == expected.argmax(axis=1)).mean() > 0.95
    with pytest.raises(FerError, match="only --int8 fits it"):
        bundle_of(rounded, "float32")


def named(model: keras.Model, kind: type, index: int) -> str:
    return str([layer.name for layer in model.layers if isinstance(layer, kind)][index])


def test_what_training_with_rounding_may_win_back_is_said_where_it_can(
    saved: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fer_convert.convert.WORTH_TRAINING_POINTS", -101)
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
    rounded = quantize_aware(load_model(saved[0]))
    rounded.compile(keras.optimizers.SGD(0.0), "mse")
    rounded.train_on_batch(model_inputs(VARIED.part("train")), np.zeros((336, 7)))
    rounded.save(run / "model.keras")
    with pytest.raises(FerError, match=r"Try more --epochs, or to convert the network"):
        convert(request_of((run / "model.keras", saved[1]), run, -101.0), heard.append)
    assert [line for line in heard if "--qat" in line] == hints
    told = "of fer-nano-qat itself, as the network that it was trained from is not here ->"
    assert any(told in line for line in heard)


def test_a_misreading_is_said_of_a_model_whose_training_is_unknown(
    saved: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fer_convert.convert.misreading", lambda model, validation: "upside down")
    heard: list[str] = []
    convert(request_of(saved, tmp_path, 100.0), heard.append)
    assert heard[0] == "fer-nano: upside down"
    facts = {"epochs": 2, "best_epoch": 1, "model": "fer-nano"}
    (saved[0].parent / "metrics.json").write_text(json.dumps(facts))
    heard.clear()
    convert(request_of(saved, tmp_path, 100.0), heard.append)
    assert "upside down" not in "".join(heard)


def test_layers_can_be_kept_in_float32(models: dict[str, keras.Model]) -> None:
    def exported(*layers: str, name: str = "fer-nano") -> list[Operation]:
        flatbuffer = export_flatbuffer(models[name], mixed(layers), VARIED.part("train"))
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


def test_a_saved_model_and_an_h5_become_bundles_too(
    saved: tuple[Path, Path], tmp_path: Path
) -> None:
    model = keras.models.load_model(saved[0])
    with native_output_hidden():
        model.export(tmp_path / "_my export", verbose=False)
    model.save(tmp_path / "old.h5")
    for file, name in (("_my export", "my_export-int8"), ("old.h5", "fer-nano-int8")):
        request = request_of((tmp_path / file, saved[1]), tmp_path / "out", 100.0)
        (path,) = convert(request, silent)
        assert path.name == f"{name}.tflite"
        assert ModelBundle.load(path).manifest.provenance["macs"] > 19e6


def test_a_saved_model_without_its_signature_is_said(tmp_path: Path) -> None:
    tf.saved_model.save(tf.Module(), str(tmp_path / "bare"))
    with pytest.raises(FerError, match=r"no signature serving_default, only none.* model.export"):
        load_model(tmp_path / "bare")
    (tmp_path / "faces.npz").write_bytes(b"")
    with pytest.raises(FerError, match=r"is no model: give a run, a \.keras or"):
        load_model(tmp_path / "faces.npz")


def test_a_layer_that_int16x8_does_not_have_is_named() -> None:
    model = small_net(keras.layers.ELU(name="bend"))
    with pytest.raises(FerError, match="small: int16x8 has no ELU of bend; take --int8"):
        bundle_of(model, "int16x8")


def test_the_layer_that_an_old_runtime_does_not_know_is_named_and_can_stay_in_float32() -> None:
    model = small_net(keras.layers.Activation("mish", name="bend"))
    new = read_contents(bundle_of(model, "int8").model)
    with pytest.raises(FerError, match=r"2\.15\.0, newer than 2\.14: LOG v2 of bend\. Convert"):
        new.require_runtime("small-int8", "2.14")
    flatbuffer = export_flatbuffer(model, mixed(["bend"]), VARIED.part("train"))
    read_contents(flatbuffer).require_runtime("small-mixed", "2.14")


def test_a_network_without_an_input_shape_is_said(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="has not yet been built"):
        keras.Sequential([keras.layers.Flatten()]).save(tmp_path / "a.keras")
    with pytest.raises(FerError, match=r"has no input shape: begin it with keras\.Input"):
        load_model(tmp_path / "a.keras")


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
            load_model(tmp_path / name)


def test_a_damaged_saved_model_is_said(tmp_path: Path) -> None:
    pixels = keras.Input((8, 8, 1))
    with native_output_hidden():
        keras.Model(pixels, keras.layers.Conv2D(2, 3)(pixels)).export(tmp_path / "folder")
    for file in (tmp_path / "folder" / "variables").glob("*.data*"):
        file.write_bytes(file.read_bytes()[:10])
    with pytest.raises(FerError, match="TensorFlow cannot load"):
        load_model(tmp_path / "folder")


def test_code_in_a_model_is_not_run(tmp_path: Path) -> None:
    pixels = keras.Input((48, 48, 1))
    doubled = keras.layers.Lambda(lambda x: 2 * x)(pixels)
    for name in ("a.keras", "a.h5"):
        with native_output_hidden():
            keras.Model(pixels, doubled).save(tmp_path / name)
        with pytest.raises(FerError, match="holds a Lambda layer, that is Python code"):
            load_model(tmp_path / name)
    (tmp_path / "model.pkl").write_bytes(b"")
    with pytest.raises(FerError, match="is a pickle, which can run any code"):
        load_model(tmp_path / "model.pkl")
