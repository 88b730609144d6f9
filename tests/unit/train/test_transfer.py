import json
import shutil
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from drawn_faces import drawn_dataset, save_npz
from fer_core.errors import ArgumentError, FerError
from fer_core.labels import FER2013_LABELS
from fer_core.metrics import classification_report
from fer_train import run, transfer
from fer_train.architectures import build_model
from fer_train.device import Device
from fer_train.evaluate import save_model
from fer_train.run import _doubts, train_on
from fer_train.run_facts import model_labels, saved_config
from fer_train.run_folder import chosen_config, model_file, model_name
from fer_train.shipped import FERPLUS, shipped_config
from fer_train.transfer import freeze_all_but_logits, load_keras_model, take_weights


@pytest.fixture(autouse=True)
def _no_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "try_keras_file", lambda file: None)


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    keras.utils.set_random_seed(5)
    folder = tmp_path / "trained"
    folder.mkdir()
    save_model(build_model("b-plain", (48, 48, 1), 7), folder)
    (folder / "metrics.json").write_text(json.dumps({"labels": FER2013_LABELS}))
    return folder / "model.keras"


def silent(line: str) -> None:
    pass


def same(one: keras.Model, other: keras.Model, layer: str) -> bool:
    pairs = zip(one.get_layer(layer).weights, other.get_layer(layer).weights, strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def test_weights_are_taken_and_the_last_layer_by_its_labels(trained: Path) -> None:
    source = load_keras_model(trained)
    first = source.layers[1].name
    keras.utils.set_random_seed(6)
    model = build_model("b-plain", (48, 48, 1), 7)
    assert "its last layer too" in take_weights(model, trained, FER2013_LABELS)
    assert np.array_equal(model.layers[1].weights[0], source.get_layer(first).weights[0])
    assert same(model, source, "logits")
    other = build_model("b-plain", (48, 48, 1), 3)
    assert "since the labels differ" in take_weights(other, trained, ("a", "b", "c"))
    copied = Path(shutil.copy(trained, trained.parent / "copied.keras"))
    assert "no metrics.json of its run" in take_weights(model, copied, FER2013_LABELS)
    as_ferplus_says = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
    assert "its last layer too" in take_weights(model, trained, as_ferplus_says)
    renamed = build_model("b-plain", (48, 48, 1), 7)
    take_weights(renamed, trained, tuple("abcdefg"))
    assert not same(renamed, source, "logits")


def test_what_does_not_fit_is_said(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="is a b-plain, not a e-dense"):
        take_weights(build_model("e-dense", (48, 48, 1), 7), trained, FER2013_LABELS)
    with pytest.raises(
        FerError, match=r"takes pictures of \(48, 48, 1\), these are \(64, 64, 1\): give --size"
    ):
        take_weights(build_model("b-plain", (64, 64, 1), 7), trained, FER2013_LABELS)
    with pytest.raises(ArgumentError, match="leave --arch out"):
        chosen_config(None, "e", str(trained), {})
    with pytest.raises(FerError, match="or one of fer-base, "):
        model_file(tmp_path / "absent")
    (tmp_path / "x.keras").write_bytes(b"PK nothing")
    with pytest.raises(FerError, match=r"no \.keras file"):
        model_name(tmp_path / "x.keras")


def test_the_shipped_model_goes_by_its_name() -> None:
    file = model_file(Path("fer-nano"))
    assert model_name(file) == "fer-nano"
    assert model_labels(file) == FER2013_LABELS


def test_a_saved_model_loads_without_our_code(trained: Path) -> None:
    model = keras.models.load_model(trained)  # compiled or not, there is no custom object
    assert model.name == "b-plain"
    assert model.output.shape == (None, 7)  # one tensor, not a list of one


def test_fine_tuning_moves_the_last_layer_first(trained: Path, tmp_path: Path) -> None:
    dataset = drawn_dataset((6, 3, 1))
    three = dataset.only(np.flatnonzero(dataset.labels < 3))
    three = replace(three, label_names=("a", "b", "c"))
    config = chosen_config(None, None, str(trained), {"epochs": 4, "seed": 3})
    assert (config.arch, config.class_weights) == ("b-plain", True)
    config = replace(config, frozen_epochs=2)
    said: list[str] = []
    train_on(three, config, tmp_path / "run", False, said.append)
    frozen = np.load(tmp_path / "run" / "frozen.npz")
    source = load_keras_model(trained).get_weights()
    assert all(np.array_equal(frozen[f"model/{i}"], source[i]) for i in range(len(source) - 2))
    unfrozen = np.load(tmp_path / "run" / "checkpoint.npz")
    assert not np.array_equal(unfrozen["model/0"], source[0])
    assert load_keras_model(tmp_path / "run" / "model.keras").output_shape == (None, 3)
    lines = [line for line in said if line.startswith("epoch")]
    assert [line.split()[1] for line in lines] == ["1/4", "2/4", "3/4", "4/4"]
    history = (tmp_path / "run" / "history.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in history] == ["epoch", "1", "2", "3", "4"]


def test_a_share_of_the_weights_stays_that_of_the_start(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also after a run was continued on another computer, with the network of the checkpoint."""
    monkeypatch.setattr(run, "this_device", lambda: Device("tensorflow"))
    dataset = drawn_dataset((6, 3, 1))
    config = chosen_config(None, None, str(trained), {"epochs": 2, "seed": 3, "ema_decay": 0.0})
    config = replace(config, frozen_epochs=0, init_weight=0.75, patience=0)
    said: list[str] = []
    train_on(dataset, config, tmp_path / "run", False, said.append)
    assert any(line.startswith("75% of each weight is again that of the start") for line in said)
    blended = load_keras_model(tmp_path / "run" / "model.keras").get_weights()
    assert config.precision == "auto"
    monkeypatch.setattr(run, "this_device", lambda: Device("tensorflow", bfloat16=True))
    train_on(dataset, config, tmp_path / "run", True, silent)
    assert saved_config(tmp_path / "run").precision == "float32"
    again = load_keras_model(tmp_path / "run" / "model.keras").get_weights()
    with np.load(tmp_path / "run" / "checkpoint.npz") as held:
        best = [held[f"best/{index}"] for index in range(len(blended))]
    start = load_keras_model(trained).get_weights()
    for is_now, then, before, learned in zip(blended, again, start, best, strict=True):
        np.testing.assert_allclose(is_now, 0.75 * before + 0.25 * learned, atol=1e-6)
        np.testing.assert_array_equal(is_now, then)


def test_a_share_of_the_start_needs_one_with_the_same_labels(trained: Path, tmp_path: Path) -> None:
    config = chosen_config(None, None, str(trained), {"epochs": 1, "init_weight": 0.5})
    some = drawn_dataset((6, 3, 1))
    three = replace(some.only(np.flatnonzero(some.labels < 3)), label_names=("a", "b", "c"))
    with pytest.raises(FerError, match=r"init_weight needs a start .*neutral, the data a, b, c"):
        train_on(three, config, tmp_path / "run", False, silent)
    assert not (tmp_path / "run" / "checkpoint.npz").exists()
    with pytest.raises(ArgumentError, match="init_weight is the share of a trained model"):
        chosen_config(None, "b", None, {"init_weight": 0.5})
    with pytest.raises(ArgumentError, match="init_weight goes with ordinary training"):
        chosen_config(None, None, str(trained), {"init_weight": 0.5, "qat": True})


def test_the_recipe_of_ferplus_leaves_contempt_out(tmp_path: Path) -> None:
    file = shipped_config(FERPLUS)
    config = chosen_config(file, None, "fer-nano", {})
    assert (config.arch, config.labels, config.without) == ("fer-nano", "ferplus-votes", "contempt")
    assert config.soft_labels == ""


def test_the_epochs_asked_for_are_all_there_are(trained: Path, tmp_path: Path) -> None:
    config = chosen_config(None, None, str(trained), {"epochs": 3, "seed": 3})
    assert config.frozen_epochs == 5  # as the recipe has it
    train_on(drawn_dataset((6, 3, 1)), config, tmp_path / "run", False, silent)
    history = (tmp_path / "run" / "history.csv").read_text().splitlines()
    assert len(history) == 1 + 3


def test_one_answer_for_every_picture_is_said() -> None:
    labels = np.array([0, 1, 1, 2] * 40)
    answers = np.tile([0.1, 0.8, 0.1], (len(labels), 1))
    report = classification_report(answers, labels, ("a", "b", "c"))
    assert list(_doubts(report)) == ["it answers b for every picture: train longer"]


def test_the_best_of_the_frozen_stage_counts(trained: Path, tmp_path: Path) -> None:
    dataset = drawn_dataset((6, 3, 1))
    config = chosen_config(None, None, str(trained), {"epochs": 6, "seed": 3})
    config = replace(config, frozen_epochs=3, learning_rate=0.01, patience=0)
    train_on(dataset, config, tmp_path / "run", False, silent)
    with np.load(tmp_path / "run" / "frozen.npz") as held:
        frozen = json.loads(str(held["facts"]))
        best = [held[f"best/{i}"] for i in range(8)]
    idle = replace(config, learning_rate=0.0, weight_decay=0.0)  # the second stage gains nothing
    (tmp_path / "run" / "checkpoint.npz").unlink()
    train_on(dataset, idle, tmp_path / "run", True, silent)
    with np.load(tmp_path / "run" / "checkpoint.npz") as held:
        whole = json.loads(str(held["facts"]))
    assert whole["history"][:3] == frozen["history"]
    assert len(whole["history"]) == 6
    assert whole["best_epoch"] == frozen["best_epoch"]
    final = load_keras_model(tmp_path / "run" / "model.keras").get_weights()
    assert all(np.array_equal(a, b) for a, b in zip(final, best, strict=False))


def test_settings_files_may_name_shipped_models_and_first_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.toml").write_text('init = "fer-nano"\n')
    config = chosen_config(tmp_path / "a.toml", None, None, {})
    assert config.arch == "fer-nano"
    assert config.init == str(model_file(Path("fer-nano")).resolve())
    (tmp_path / "b.toml").write_text('arch = "d"\n')
    assert chosen_config(tmp_path / "b.toml", None, None, {}).arch == "d-wide"


def test_freezing_is_undone_whole() -> None:
    model = build_model("fer-nano", (48, 48, 1), 7)
    before = len(model.trainable_variables)
    freeze_all_but_logits(model)
    assert len(model.trainable_variables) == 2
    freeze_all_but_logits(model, frozen=False)
    assert len(model.trainable_variables) == before


def test_shipped_soft_labels_are_left_out_for_other_data(tmp_path: Path) -> None:
    data = save_npz(tmp_path / "d.npz", drawn_dataset((3, 2, 1)))
    config = chosen_config(None, "fer-nano", None, {"data": str(data), "epochs": 1})
    assert config.soft_labels == str((shipped_config("x").parent / "fer2013-votes.npz").resolve())
    said: list[str] = []
    train_on(drawn_dataset((3, 2, 1)), config, tmp_path / "run", False, said.append)
    assert any("without the soft labels" in line for line in said)
    votes = replace(config, labels="ferplus", votes="", without="contempt")
    said.clear()
    train_on(drawn_dataset((3, 2, 1)), votes, tmp_path / "votes", False, said.append)
    assert "without the soft labels fer2013-votes.npz: they are of FER2013's labels" in said
    copy = tmp_path / "own.npz"
    copy.write_bytes((shipped_config("x").parent / "fer2013-votes.npz").read_bytes())
    own = replace(config, soft_labels=str(copy))
    with pytest.raises(FerError, match="made for other training pictures"):
        train_on(drawn_dataset((3, 2, 1)), own, tmp_path / "own", False, said.append)


def test_an_h5_of_keras_2_answers_as_it_did_there() -> None:
    model = load_keras_model(Path(__file__).with_name("keras2.h5"))  # separable layers among others
    gray = (np.arange(48 * 48) * 7 % 256).reshape(1, 48, 48, 1).astype(np.float32)
    said = model.predict((gray - 128) / 128, verbose=0)
    there = [0.120426, 0.147649, 0.15586, 0.154317, 0.156908, 0.145311, 0.11953]
    np.testing.assert_allclose(said, [there], atol=1e-5)
