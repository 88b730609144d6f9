import json
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from commands import call, call_here
from convert_cases import DATA, VARIED, request_of, silent, small_net
from drawn_faces import drawn_dataset, save_npz
from fer_convert import parent
from fer_convert.convert import convert
from fer_convert.overwriting import answers_alike, require_not_shipped
from fer_convert.parity import ParityReport, allowed_drop, doubtful_drop, refused_drop
from fer_convert.recipes import RECIPES, mixed
from fer_convert.verify import verify_bundle
from fer_core.bundle import ModelBundle
from fer_core.errors import ArgumentError, FerError
from fer_core.ferplus import FERPLUS_LABELS, VOTES_FILE, majority_labels
from fer_core.labels import FER2013_LABELS
from fer_core.metrics import label_flips
from fer_edge.deployment.signing.file_signature import FileSignature
from fer_edge.inference.classifier import classify_images
from fer_edge.inference.interpreter import TfliteModel
from fer_edge.inference.models import shipped_models
from fer_train.config import TrainConfig
from fer_train.data import predict
from fer_train.run_facts import file_sha256, own_run, saved_config
from fer_train.shipped import shipped as shipped_folder
from fer_train.transfer import load_keras_model
from votes import write_votes


def test_a_bundle_says_where_it_came_from(saved: tuple[Path, Path], tmp_path: Path) -> None:
    request = request_of(saved, tmp_path / "out", 100.0, "float32 int8")
    paths = convert(request, silent)
    assert [p.name for p in paths] == ["fer-nano-float32.tflite", "fer-nano-int8.tflite"]
    bundle = ModelBundle.load(paths[1])
    facts = bundle.manifest.provenance
    assert len(facts["calibration_rows"]) == 21
    assert set(facts["calibration_rows"]) <= set(DATA.part("train").rows.tolist())
    assert facts["parameters"] == 12_839
    assert bundle.manifest.labels == DATA.label_names
    assert bundle.manifest.golden
    assert {len(row) for row in bundle.manifest.golden.answers} == {7}
    assert "An expression is not a feeling" in bundle.card
    assert "Of its training nothing is known here; judged on drawn.npz." in bundle.card
    assert "PublicTest" not in bundle.card
    parity = json.loads((tmp_path / "out" / "parity.json").read_text())
    assert parity["fer-nano-int8"]["count"] == 28
    assert parity["fer-nano-float32"]["flips"] == 0


def test_a_bundle_is_signed_with_a_key_that_is_made_at_first_use(
    saved: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("cryptography", reason="cryptography is not installed: extra [fleet]")
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    said: list[str] = []
    paths = convert(request_of(saved, tmp_path / "out", 100.0, "float32 int8"), said.append)
    place = tmp_path / "config" / "fer-edge" / "models-key.pem"
    told = [line for line in said if "key" in line]
    assert told == [
        f"signed with a new key of yours, {place}: fer-edge models key prints what a device needs "
        "to trust it"
    ]
    key = call_here("fer-edge", "models", "key", cwd=tmp_path).stdout.strip()
    done = call_here("fer-edge", "models", "verify", *paths, cwd=tmp_path)
    assert done.stdout == "".join(f"{path}: signed by you {key}\n" for path in paths)


def test_without_cryptography_a_bundle_is_made_and_not_signed(
    saved: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("cryptography", "cryptography.exceptions"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    said: list[str] = []
    for out in ("out", "again"):
        (path,) = convert(request_of(saved, tmp_path / out, 100.0), said.append)
        assert FileSignature.read(path.read_bytes()) is None
        assert ModelBundle.load(path).manifest.name == "fer-nano"
    (told,) = [line for line in said if "cryptography" in line]
    assert told.startswith(f"{tmp_path / 'out' / 'fer-nano-int8.tflite'} is not signed: ")


def test_a_card_tells_what_the_targets_were_made_of(
    saved: tuple[Path, Path], tmp_path: Path
) -> None:
    facts = {"model": "fer-nano", "labels": list(DATA.label_names), "epochs": 9, "networks": 2}
    (saved[0].parent / "metrics.json").write_text(
        json.dumps({**facts, "teacher_sha256": "ab" * 32})
    )
    taught = 'soft_labels = "soft.npz"\nsoft_labels_weight = 0.3\n'
    taught += 'online_teacher = "fer-base"\nonline_teacher_weight = 0.4\n'
    taught += "balance = 0.5\n"
    (saved[0].parent / "config.toml").write_text(taught)
    (path,) = convert(request_of(saved, tmp_path / "out", 100.0), silent)
    bundle = ModelBundle.load(path)
    assert "42% the labels, 18% what soft.npz says, 40% what fer-base says" in bundle.card
    assert "The weights are the mean of 2 such trainings." in bundle.card
    assert "Balance between rare and frequent classes: 0.5 (0 to 1)." in bundle.card
    assert bundle.manifest.provenance["teacher_sha256"] == "ab" * 32


def test_a_network_that_learned_votes_is_judged_by_them_without_the_class_it_lacks(
    saved: tuple[Path, Path], tmp_path: Path
) -> None:
    votes = write_votes(tmp_path / VOTES_FILE, DATA)
    facts = {"model": "fer-nano", "labels": list(FER2013_LABELS), "epochs": 9, "best_epoch": 7}
    (saved[0].parent / "metrics.json").write_text(json.dumps(facts))
    (saved[0].parent / "config.toml").write_text(
        'labels = "ferplus-votes"\nvotes = "gone.csv"\nwithout = "contempt"\n'
        'init = "/models/fer-nano/model.keras"\ninit_weight = 0.65\n'
    )
    (path,) = convert(request_of(saved, tmp_path / "out", 100.0), silent)
    bundle = ModelBundle.load(path)
    card = " ".join(bundle.card.split())
    assert "from fer-nano on, whose weights make up 65% of its own." in card
    assert "Targets: 100% the votes of FER+ (MIT license)." in card
    assert "What counts as right is what most of ten people saw" in card
    assert bundle.manifest.labels == FER2013_LABELS
    judged = majority_labels(DATA.part("validation"), votes)
    known = len(judged) - int((judged.labels == FERPLUS_LABELS.index("contempt")).sum())
    assert verify_bundle(path, saved[1], 100.0).startswith("fer-nano-int8: accuracy")
    assert f"Accuracy on {known} validation pictures" in card


def test_the_settings_of_a_run_are_read_once(
    saved: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []

    def counted(folder: Path) -> TrainConfig:
        read.append(folder)
        return saved_config(folder)

    monkeypatch.setattr("fer_train.run_facts.saved_config", counted)
    convert(request_of(saved, tmp_path / "out", 100.0, "float32 float16"), silent)
    assert read == [saved[0].parent]


def test_another_process_makes_the_same_bytes(
    models: dict[str, keras.Model], saved: tuple[Path, Path], tmp_path: Path
) -> None:
    models["fer-nano"].save(saved[0])
    words = ("fer-convert", saved[0], "--int8", "--data", saved[1], "--max-drop", 200)
    call(*words, "--out", tmp_path / "there", cwd=tmp_path)
    call_here(*words, "--out", tmp_path / "here", cwd=tmp_path)
    there, here = (
        (tmp_path / folder / "fer-nano-int8.tflite").read_bytes() for folder in ("there", "here")
    )
    assert there == here


def test_a_second_format_keeps_the_first_ones_parity(
    saved: tuple[Path, Path], tmp_path: Path
) -> None:
    for recipe in ("float32", "int8"):
        convert(request_of(saved, tmp_path / "out", 100.0, recipe), silent)
    parity = json.loads((tmp_path / "out" / "parity.json").read_text())
    assert set(parity) == {"fer-nano-float32", "fer-nano-int8"}


def test_a_damaged_parity_file_stops_no_other_recipe(
    saved: tuple[Path, Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "parity.json").write_text("{")
    request = replace(
        request_of(saved, out, 100.0), recipes=(RECIPES["float32"], RECIPES["dynamic"])
    )
    with pytest.raises(FerError, match=r"parity.json is no parity report"):
        convert(request, silent)
    made = {path.name for path in out.glob("*.tflite")}
    assert made == {"fer-nano-float32.tflite", "fer-nano-dynamic.tflite"}


def test_too_large_a_drop_writes_no_bundle_but_the_parity(
    saved: tuple[Path, Path], tmp_path: Path
) -> None:
    with pytest.raises(FerError, match="more than --max-drop -101") as raised:
        convert(request_of(saved, tmp_path / "out", -101.0), silent)
    assert raised.value.see == "accuracy-lost"
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


@pytest.mark.parametrize(
    ("count", "lost", "is_refused", "is_doubtful"),
    [
        (15, -3, False, False),
        (15, 0, False, False),
        (15, 1, False, True),
        (15, 4, False, True),
        (15, 5, True, False),
        (799, 4, False, True),
        (799, 5, True, False),
        (3589, 17, False, False),
        (3589, 18, True, False),
    ],
)
def test_few_pictures_tell_only_a_large_loss(
    count: int, lost: int, is_refused: bool, is_doubtful: bool
) -> None:
    right = count - 5
    before, after = right / count, (right - lost) / count
    report = ParityReport(count, 9, 0.1, before, after, 0.02, "litert", "xnnpack")
    assert bool(refused_drop("a", report, allowed_drop(count), "")) == is_refused
    assert bool(doubtful_drop("a", report)) == is_doubtful
    assert bool(refused_drop("a", report, 0.5, "")) == (is_refused or is_doubtful)


def test_one_lost_picture_of_fifteen_is_written_unless_a_limit_was_given(
    saved: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def one_lost(*given: object) -> ParityReport:
        return ParityReport(15, 1, 0.1, 14 / 15, 13 / 15, 0.02, "litert", "xnnpack")

    monkeypatch.setattr("fer_convert.convert.compare_models", one_lost)
    judging = np.flatnonzero(DATA.split == 1)
    data = DATA.only(np.setdiff1d(np.arange(len(DATA)), judging[15:]))
    few = (saved[0], save_npz(tmp_path / "few.npz", data))
    request = replace(request_of(few, tmp_path / "few", 0.5, "float32"), max_drop_points=None)
    heard: list[str] = []
    (path,) = convert(request, heard.append)
    assert any("fell by 6.7 points, which on 15 pictures may be chance" in each for each in heard)
    with pytest.raises(FerError, match=r"more than --max-drop 0\.5, so it was not written"):
        convert(replace(request, max_drop_points=0.5, out=tmp_path / "none"), silent)
    limit = ModelBundle.load(path).manifest.provenance["max_drop_points"]
    assert limit == allowed_drop(15)


def test_a_recipe_that_cannot_be_made_does_not_take_the_others_with_it(
    saved: tuple[Path, Path], tmp_path: Path
) -> None:
    recipes = [RECIPES["dynamic"], RECIPES["float32"]]  # the former needs TensorFlow Lite 2.4
    request = replace(request_of(saved, tmp_path, 100.0), recipes=recipes, runtime_floor="2.2")
    with pytest.raises(FerError, match="dynamic") as caught:
        convert(request, silent)
    assert "float32" not in str(caught.value)
    assert list(json.loads((tmp_path / "parity.json").read_text())) == ["fer-nano-float32"]
    assert [file.name for file in tmp_path.glob("fer-nano*.tflite")] == ["fer-nano-float32.tflite"]
    (tmp_path / "fer-nano-dynamic.tflite").write_bytes(b"of yesterday")
    with pytest.raises(FerError, match=r"fer-nano-dynamic\.tflite stays: it was made from other"):
        convert(request, silent)
    with pytest.raises(FerError, match=r"fer-nano-dynamic\.tflite is of an earlier conversion$"):
        convert(replace(request, overwrite=True), silent)


def test_a_layer_that_the_converter_rounds_all_the_same_is_said(
    saved: tuple[Path, Path], tmp_path: Path
) -> None:
    small_net(keras.layers.GlobalMaxPooling2D(name="peak")).save(tmp_path / "small.keras")
    request = request_of((tmp_path / "small.keras", saved[1]), tmp_path, 100.0)
    with pytest.raises(FerError, match="peak cannot stay in float32"):
        convert(replace(request, recipes=[mixed(["peak"])]), silent)
    assert not list(tmp_path.glob("*.tflite"))


def test_another_network_of_the_same_name_is_not_replaced(
    saved: tuple[Path, Path], tmp_path: Path
) -> None:
    for version, file in enumerate(("v1.keras", "v2.keras")):
        keras.utils.set_random_seed(version)
        model = small_net()
        model.name = "sequential"
        model.save(tmp_path / file)
        convert(request_of((tmp_path / file, saved[1]), tmp_path, 100.0), silent)
    made = {path.name: path.read_bytes() for path in tmp_path.glob("*.tflite")}
    assert set(made) == {"v1-int8.tflite", "v2-int8.tflite"}
    (tmp_path / "v2.keras").rename(tmp_path / "v1.keras")
    request = request_of((tmp_path / "v1.keras", saved[1]), tmp_path, 100.0)
    with pytest.raises(FerError, match=r"v1-int8\.tflite stays: it was made from other weights"):
        convert(request, silent)
    assert (tmp_path / "v1-int8.tflite").read_bytes() == made["v1-int8.tflite"]
    (path,) = convert(replace(request, overwrite=True), silent)
    assert path.read_bytes() != made["v1-int8.tflite"]
    convert(request, silent)  # from the same weights: made again without asking


def test_a_bundle_that_differs_stays_and_what_is_replaced_is_said(
    saved: tuple[Path, Path], tmp_path: Path
) -> None:
    request = request_of(saved, tmp_path, 100.0)
    (path,) = convert(request, silent)
    first, parity = path.read_bytes(), (tmp_path / "parity.json").read_bytes()
    heard: list[str] = []
    convert(request, heard.append)
    assert f"{path} is replaced by the same" in heard
    other = replace(request, calibration_samples=14)
    with pytest.raises(FerError, match=r"int8\.tflite stays: .* the same weights with other"):
        convert(other, silent)
    assert (path.read_bytes(), (tmp_path / "parity.json").read_bytes()) == (first, parity)
    heard.clear()
    convert(replace(other, overwrite=True), heard.append)
    assert f"{path} is replaced" in heard
    assert path.read_bytes() != first


def test_other_labels_are_another_bundle(saved: tuple[Path, Path], tmp_path: Path) -> None:
    (path,) = convert(request_of(saved, tmp_path, 100.0), silent)
    bundle = ModelBundle.load(path)
    assert answers_alike(path, bundle)
    renamed = tuple(f"class {label}" for label in bundle.manifest.labels)
    other = replace(bundle, manifest=replace(bundle.manifest, labels=renamed))
    assert not answers_alike(path, other)
    assert not answers_alike(tmp_path / "absent.tflite", bundle)


def with_metrics(file: Path, **facts: object) -> Path:
    """Say of a model file what training says of its run's."""
    facts = {"model": "fer-nano", "sha256": {file.name: file_sha256(file)}, **facts}
    (file.parent / "metrics.json").write_text(json.dumps(facts))
    return file


def test_classes_of_the_data_in_another_order_are_put_into_the_runs(
    saved: tuple[Path, Path], tmp_path: Path
) -> None:
    labels = (*DATA.label_names[1:], DATA.label_names[0])
    file = with_metrics(saved[0], labels=list(DATA.label_names))
    data = save_npz(tmp_path / "other.npz", DATA.in_order(labels))
    (path,) = convert(request_of((file, data), tmp_path, 100.0, "float32"), silent)
    bundle = ModelBundle.load(path)
    assert bundle.manifest.labels == DATA.label_names
    assert "0 flips" in verify_bundle(path, data, 100.0)
    renamed = replace(DATA, label_names=("calm", *DATA.label_names[1:]))
    with pytest.raises(FerError, match=r"model\.keras knows angry, .*; .* holds calm, .*Give the"):
        convert(request_of((file, save_npz(tmp_path / "r.npz", renamed)), tmp_path, 100.0), silent)


def test_other_validation_pictures_than_those_of_the_run_are_said(
    saved: tuple[Path, Path], tmp_path: Path
) -> None:
    said: list[str] = []
    file = with_metrics(
        saved[0],
        labels=list(DATA.label_names),
        validation_fingerprint=DATA.part("validation").fingerprint(rows=False),
    )
    convert(request_of((file, saved[1]), tmp_path, 100.0, "float32"), said.append)
    assert not any("not those" in line for line in said)
    more = save_npz(tmp_path / "more.npz", drawn_dataset((3, 9, 1)))
    convert(request_of((file, more), tmp_path / "out", 100.0, "float32"), said.append)
    assert any("are not those that" in line for line in said), said


def test_the_old_name_of_an_option_still_works_with_a_hint(tmp_path: Path) -> None:
    done = call_here("fer-convert", "--explain", "--float16", cwd=tmp_path, code=2)
    hint, refusal = done.stderr.splitlines()
    assert hint.startswith("--explain is called --layer-errors now")
    assert "--layer-errors says what int8 loses: add --int8" in refusal


@pytest.mark.parametrize("option", [("--seed", "0"), ("--overwrite",), ("--keep-float", "logits")])
def test_options_of_making_mean_nothing_for_a_finished_bundle(
    option: tuple[str, ...], tmp_path: Path
) -> None:
    finished = str(shipped_models()["fer-nano"])
    done = call_here("fer-convert", finished, *option, cwd=tmp_path, code=2)
    assert "is already converted: give the run or" in done.stderr


def test_a_shipped_bundle_is_never_replaced(
    saved: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = tmp_path / "fer-nano-int8.tflite"
    shipped.write_bytes(b"of the release")
    models = {"fer-nano": shipped}
    monkeypatch.setattr("fer_convert.overwriting.shipped_models", lambda: models)
    request = replace(request_of(saved, tmp_path, 100.0), overwrite=True)
    with pytest.raises(ArgumentError, match="is a shipped bundle and stays: write elsewhere"):
        convert(request, silent)
    assert shipped.read_bytes() == b"of the release"
    with pytest.raises(ArgumentError, match="is a shipped bundle"):
        require_not_shipped([shipped_folder("results") / "fer-nano" / "model.keras"])


def test_a_strangers_model_in_a_runs_folder_is_not_the_runs(
    saved: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "fer_convert.convert.input_mismatch", lambda model, validation: "upside down"
    )
    run = saved[0].parent
    facts = {"model": "fer-nano", "labels": list(DATA.label_names), "epochs": 9, "best_epoch": 7}
    facts |= {"sha256": {"model.keras": file_sha256(saved[0])}}
    (run / "metrics.json").write_text(json.dumps(facts))
    assert own_run(saved[0]) == run
    small_net().save(run / "mine.keras")
    heard: list[str] = []
    (path,) = convert(request_of((run / "mine.keras", saved[1]), tmp_path, 100.0), heard.append)
    assert path.name == "mine-int8.tflite"
    assert heard[0] == "mine: upside down"
    assert "Of its training nothing is known here" in ModelBundle.load(path).card
    small_net().save(saved[0])  # over the run's own weights
    assert own_run(saved[0]) is None


def test_a_layer_called_logits_that_feeds_no_softmax_is_left_alone(
    saved: tuple[Path, Path], tmp_path: Path, cases: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parent, "FEW_PICTURES", 1)
    file = cases / "inner_logits.keras"
    given = predict(load_keras_model(file), VARIED.part("validation"))
    request = request_of((file, save_npz(tmp_path / "v.npz", VARIED)), tmp_path, 100.0, "float32")
    (path,) = convert(request, silent)
    model = TfliteModel(ModelBundle.load(path))
    answers = classify_images(model, VARIED.part("validation").pixels)
    assert label_flips(given, answers) == 0
    assert ModelBundle.load(path).manifest.temperature != 1.0  # the last layer took it
    monkeypatch.setattr(parent, "FEW_PICTURES", 1 + len(VARIED.part("validation")))
    (path,) = convert(replace(request, out=tmp_path / "few"), silent)
    assert ModelBundle.load(path).manifest.temperature == 1.0  # few pictures tell none


def test_worse_than_chance_is_refused_unless_a_drop_was_allowed(
    saved: tuple[Path, Path], tmp_path: Path
) -> None:
    data = replace(VARIED, labels=np.where(VARIED.labels == 3, 3, 6))  # six of seven are neutral
    file = save_npz(tmp_path / "neutral.npz", data)
    model = small_net()
    model.layers[-1].set_weights([np.zeros((4, 7)), np.eye(7)[3]])
    model.save(tmp_path / "happy.keras")
    request = request_of((tmp_path / "happy.keras", file), tmp_path, 0.5, "float32")
    heard: list[str] = []
    convert(request, heard.append)
    assert any("Always answering neutral would be right for 85.7%" in line for line in heard)
    refused = replace(request, max_drop_points=None, out=tmp_path / "none")
    with pytest.raises(FerError, match=r"it was not written\. To write it anyway: --max-drop 100$"):
        convert(refused, silent)
    assert not list((tmp_path / "none").glob("*.tflite"))


def test_a_network_without_a_class_that_the_data_only_names_is_converted(tmp_path: Path) -> None:
    data = save_npz(tmp_path / "six.npz", DATA.only(DATA.labels != 1))  # no disgust in any split
    pixels = keras.Input((48, 48, 1))
    answers = keras.layers.Dense(6, activation="softmax")(keras.layers.Flatten()(pixels))
    keras.Model(pixels, answers, name="six").save(tmp_path / "six.keras")
    (path,) = convert(request_of((tmp_path / "six.keras", data), tmp_path, 100.0), silent)
    assert ModelBundle.load(path).manifest.labels == (
        "angry", "fear", "happy", "sad", "surprise", "neutral",
    )  # fmt: skip
