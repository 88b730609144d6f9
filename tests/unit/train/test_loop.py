from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import keras
import numpy as np
import pytest

from drawn_faces import drawn_dataset
from fer_core.dataset import FerDataset
from fer_core.errors import FerError
from fer_core.values import FloatArray
from fer_edge.inference.models import load_model
from fer_train import checkpoint, loop
from fer_train.architectures import build_model
from fer_train.backend import make_deterministic
from fer_train.checkpoint import TrainState
from fer_train.compiling import compile_model
from fer_train.config import TrainConfig
from fer_train.data import class_weights
from fer_train.devices import Devices
from fer_train.distillation import OnlineTeacher
from fer_train.evaluate import evaluate, save_history
from fer_train.loop import TrainingSet, _is_best, train

CONFIG = TrainConfig(epochs=3, batch_size=28, learning_rate=0.02, mixup=0.2, erasing=0.3)
DATA = drawn_dataset((12, 3, 1))
TRAINING_SET = TrainingSet(DATA.part("train"), DATA.part("validation"))


def tiny(dropout: float = 0.3) -> keras.Model:
    make_deterministic(1)
    layers = keras.layers
    pixels = keras.Input((48, 48, 1))
    x = layers.Conv2D(4, 5, 4, use_bias=False)(pixels)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Dropout(dropout)(layers.Flatten()(x))
    x = layers.Dense(7, name="logits")(x)
    return keras.Model(pixels, layers.Softmax()(x))


def run(
    path: Path, config: TrainConfig, resume: bool = False
) -> tuple[TrainState, list[np.ndarray]]:
    model = tiny()
    state = train(model, TRAINING_SET, config, path, resume)
    return state, model.get_weights()


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow traces a step")
def test_a_training_step_is_traced_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    traced, step = [], keras.Model.train_step

    def count(model: keras.Model, data: object) -> object:
        traced.append(model)
        return step(model, data)

    monkeypatch.setattr(keras.Model, "train_step", count)
    run(tmp_path / "checkpoint.npz", replace(CONFIG, epochs=2))
    assert len(traced) == 1


def test_a_resumed_run_ends_bit_equal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, weights = run(tmp_path / "whole.npz", CONFIG)

    def full(*arguments: object, **arrays: object) -> None:
        raise OSError(28, "No space left on device")

    class StopError(Exception):
        pass

    def stop_after_first(state: TrainState) -> None:
        raise StopError

    with pytest.raises(StopError):
        train(tiny(), TRAINING_SET, CONFIG, tmp_path / "cut.npz", follow=stop_after_first)
    with monkeypatch.context() as patch:  # the disk fills while the second epoch is saved
        patch.setattr(checkpoint.np, "savez", full)
        with pytest.raises(FerError, match="No space left"):
            run(tmp_path / "cut.npz", CONFIG, resume=True)
    resumed, resumed_weights = run(tmp_path / "cut.npz", CONFIG, resume=True)
    assert all(np.array_equal(a, b) for a, b in zip(weights, resumed_weights, strict=True))
    figures = ("loss", "accuracy", "val_loss", "val_accuracy")
    for row, other in zip(whole.history, resumed.history, strict=True):
        assert [row[name] for name in figures] == [other[name] for name in figures]
    assert whole.best_epoch == resumed.best_epoch
    for name, state in (("whole", whole), ("resumed", resumed)):
        save_history(tmp_path / f"{name}.csv", state.history)
    rows = [(tmp_path / f"{name}.csv").read_text().splitlines() for name in ("whole", "resumed")]
    epochs = [[row.split(",")[0] for row in each] for each in rows]
    assert epochs == [["epoch", "1", "2", "3"]] * 2


class BegunError(Exception):
    """Ends a training before its first step."""


def test_many_processes_compare_what_they_begin_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, int]] = []

    def compare(devices: Devices, facts: dict[str, int]) -> None:
        seen.append(facts)
        raise BegunError

    monkeypatch.setattr(loop, "require_alike", compare)

    def begun(
        model: keras.Model, config: TrainConfig = CONFIG, pictures: TrainingSet = TRAINING_SET
    ) -> dict[str, int]:
        with pytest.raises(BegunError):
            checkpoint = tmp_path / "checkpoint.npz"
            resume = checkpoint.exists()
            train(model, pictures, config, checkpoint, resume, devices=Devices((), 2, 1))
        return seen[-1]

    first = begun(tiny())
    assert begun(tiny()) == first
    assert begun(tiny(), replace(CONFIG, data="/other/path")) == first
    other = tiny()
    other.set_weights([each + 1e-3 for each in other.get_weights()])
    changed = [
        begun(other),
        begun(tiny(), replace(CONFIG, seed=2)),
        begun(tiny(), pictures=replace(TRAINING_SET, training=TRAINING_SET.validation)),
    ]
    names = [{name for name in first if first[name] != facts[name]} for facts in changed]
    assert names == [{"weights"}, {"settings"}, {"pictures", "labels"}]
    train(tiny(), TRAINING_SET, replace(CONFIG, epochs=1), tmp_path / "checkpoint.npz")
    resumed = begun(tiny())
    assert {name for name in first if first[name] != resumed[name]} == {
        "epochs that are done",
        "weights",
    }


def test_a_run_does_not_go_on_with_other_pictures(tmp_path: Path) -> None:
    run(tmp_path / "a.npz", replace(CONFIG, epochs=1))
    darker = replace(DATA, images=DATA.images // 2)
    training_set = TrainingSet(darker.part("train"), darker.part("validation"))
    with pytest.raises(FerError, match="the pictures, their labels or what teaches them have chan"):
        train(tiny(), training_set, CONFIG, tmp_path / "a.npz", resume=True)


def test_a_run_does_not_go_on_with_other_teachers() -> None:
    first, other = (load_model(name) for name in ("fer-nano", "fer-small"))
    soft = np.full((len(TRAINING_SET.training), 7), 1 / 7, np.float32)
    sets = [
        TRAINING_SET,
        replace(TRAINING_SET, soft_labels=soft),
        replace(TRAINING_SET, soft_labels=soft * 2),
        replace(TRAINING_SET, teacher=OnlineTeacher(first, 0.5)),
        replace(TRAINING_SET, teacher=OnlineTeacher(other, 0.5)),
    ]
    assert len({each.fingerprint() for each in sets}) == len(sets)
    again = replace(TRAINING_SET, soft_labels=soft.copy())
    assert again.fingerprint() == sets[1].fingerprint()


def test_a_run_that_diverges_says_so(tmp_path: Path) -> None:
    with pytest.raises(FerError, match="it diverges; start again with a smaller"):
        run(tmp_path / "a.npz", replace(CONFIG, epochs=30, learning_rate=10.0, weight_decay=1.0))


def test_an_epoch_whose_weights_answer_no_numbers_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, epochs = loop.predict, []

    def answered(model: keras.Model, dataset: FerDataset) -> FloatArray:
        epochs.append(len(epochs) + 1)
        return answers(model, dataset) * np.float32(np.nan if len(epochs) == 2 else 1)

    monkeypatch.setattr(loop, "predict", answered)
    with pytest.raises(FerError, match="in epoch 2: it diverges"):
        run(tmp_path / "a.npz", replace(CONFIG, epochs=3))
    assert epochs == [1, 2]


def test_the_loss_falls_and_the_best_epoch_is_kept(tmp_path: Path) -> None:
    config = replace(CONFIG, epochs=8, mixup=0.0, erasing=0.0, ema_decay=0.0)
    state, _ = run(tmp_path / "a.npz", config)
    losses = [row["loss"] for row in state.history]
    assert losses[-1] < 0.8 * losses[0]
    judged = [row["val_loss"] for row in state.history]  # few pictures, so the loss chooses
    assert state.best_epoch == 1 + judged.index(min(judged))
    assert state.best_accuracy == state.history[state.best_epoch - 1]["val_accuracy"]


@pytest.mark.parametrize(("few", "best"), [(False, [1, 2, 2, 2]), (True, [1, 2, 3, 3])])
def test_of_two_equally_accurate_epochs_the_one_with_less_loss_is_best(
    few: bool, best: list[int]
) -> None:
    """Where few pictures judge, it is the one with less loss however accurate."""
    rows = [(0.8, 1.0), (0.8, 0.9), (0.7, 0.1), (0.8, 0.95)]
    state, found = TrainState(), []
    for epoch, (accuracy, loss) in enumerate(rows, start=1):
        state.history.append({"val_accuracy": accuracy, "val_loss": loss})
        if _is_best(state, few):
            state.best_epoch = epoch
        found.append(state.best_epoch)
    assert found == best


def test_patience_ends_a_run_that_gains_nothing(tmp_path: Path) -> None:
    config = replace(CONFIG, epochs=30, learning_rate=0.0, ema_decay=0.0, patience=2)
    state, _ = run(tmp_path / "a.npz", config)
    assert (state.epoch, state.best_epoch) == (3, 1)


def test_the_learning_rate_warms_up_and_ends_at_zero() -> None:
    model, steps = tiny(), 12
    compile_model(model, CONFIG, steps // CONFIG.epochs)
    schedule = model.optimizer._learning_rate
    rates = [float(schedule(step)) for step in range(steps + 1)]
    assert rates[0] == 0.0
    assert max(rates) == pytest.approx(CONFIG.learning_rate)
    assert rates.index(max(rates)) == steps // CONFIG.epochs
    assert rates[-1] == pytest.approx(0.0, abs=1e-8)


def test_averaged_weights_are_those_judged(tmp_path: Path) -> None:
    state, weights = run(tmp_path / "a.npz", replace(CONFIG, epochs=9, learning_rate=0.1))
    with np.load(tmp_path / "a.npz") as held:  # three steps an epoch, and an average after them
        live = [held[f"model/{i}"] for i in range(len(weights))]
    assert len(state.averaged) == len(weights)
    assert not any(np.array_equal(a, b) for a, b in zip(state.averaged[:2], live, strict=False))
    judged = tiny()
    judged.set_weights(state.averaged)
    validation = DATA.part("validation")
    accuracy = evaluate(judged, validation).accuracy
    assert state.history[-1]["val_accuracy"] == pytest.approx(accuracy)


def test_every_epoch_judges_other_weights_however_few_steps_it_has(tmp_path: Path) -> None:
    whole = replace(CONFIG, epochs=10, batch_size=len(TRAINING_SET.training), ema_decay=0.9)
    state, _ = run(tmp_path / "a.npz", whole)  # one step an epoch
    judged = [row["val_loss"] for row in state.history]
    assert all(one != next_one for one, next_one in pairwise(judged))


@pytest.mark.parametrize(
    ("knob", "value"),
    [("seed", -1), ("zoom", 2.0), ("rotation", -5.0), ("learning_rate", float("nan"))],
)
def test_settings_out_of_range_are_said(knob: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{knob} must lie in"):
        replace(CONFIG, **{knob: value})


def test_soft_labels_pull_the_targets(tmp_path: Path) -> None:
    always_first = np.zeros((len(TRAINING_SET.training), 7), np.float32)
    always_first[:, 0] = 1
    config = replace(
        CONFIG, epochs=8, mixup=0.0, soft_labels="x", soft_labels_weight=1.0, ema_decay=0.0
    )
    model = tiny(0.0)
    train(model, replace(TRAINING_SET, soft_labels=always_first), config, tmp_path / "a.npz")
    live = np.load(tmp_path / "a.npz")
    model.set_weights([live[f"model/{i}"] for i in range(len(model.weights))])
    inputs = np.random.default_rng(0).uniform(-1, 1, (8, 48, 48, 1)).astype(np.float32)
    assert (model.predict(inputs, verbose=0).argmax(axis=1) == 0).mean() > 0.8


def test_a_checkpoint_of_another_model_or_a_damaged_one_is_refused(tmp_path: Path) -> None:
    run(tmp_path / "a.npz", replace(CONFIG, epochs=1))
    other = build_model("mini-xception", (48, 48, 1), 7)
    with pytest.raises(FerError, match="cannot resume"):
        train(other, TRAINING_SET, CONFIG, tmp_path / "a.npz", resume=True)
    (tmp_path / "a.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:500])
    with pytest.raises(FerError, match="cannot resume"):
        run(tmp_path / "a.npz", CONFIG, resume=True)


def test_every_epoch_has_its_precision_and_recall(tmp_path: Path) -> None:
    state, _ = run(tmp_path / "a.npz", replace(CONFIG, epochs=2, ema_decay=0.0, mixup=0.0))
    row = state.history[0]
    assert {"precision", "recall", "val_precision", "val_recall"} <= set(row)
    model = tiny()
    with np.load(tmp_path / "a.npz") as held:
        model.set_weights([held[f"model/{i}"] for i in range(len(model.weights))])
    report = evaluate(model, DATA.part("validation"))
    assert state.history[-1]["val_recall"] == pytest.approx(report.macro_recall)
    assert state.history[-1]["val_precision"] == pytest.approx(report.macro_precision)


def test_training_counts_are_those_of_the_epoch(tmp_path: Path) -> None:
    still = TrainConfig(
        epochs=1, batch_size=21, learning_rate=0.0, weight_decay=0.0, ema_decay=0.0,
        flip=0, shift=0, rotation=0, zoom=0, brightness=0, contrast=0,
    )  # fmt: skip
    model = tiny(0.0)
    for layer in model.layers:  # moving means stay as they are
        layer.trainable = layer.name == "logits"
    before = evaluate(model, TRAINING_SET.training)
    state = train(model, TRAINING_SET, still, tmp_path / "a.npz")
    assert state.history[0]["accuracy"] == pytest.approx(before.accuracy)
    assert state.history[0]["recall"] == pytest.approx(before.macro_recall)
    assert state.history[0]["precision"] == pytest.approx(before.macro_precision)


@pytest.mark.parametrize(
    ("schedule", "expected"), [("constant", 0.02), ("inverse", 0.02 / (1 + 0.5 * 9))]
)
def test_schedules_other_than_the_cosine(schedule: str, expected: float) -> None:
    model = tiny()
    compile_model(model, replace(CONFIG, schedule=schedule, decay=0.5), steps=4)
    assert float(model.optimizer._learning_rate(9)) == pytest.approx(expected)


def test_class_weights_make_rare_classes_count(tmp_path: Path) -> None:
    many = np.flatnonzero((DATA.split == 0) & (DATA.labels == 3))
    few = np.flatnonzero((DATA.split == 0) & (DATA.labels == 4))[:2]
    weights = class_weights(DATA.only(np.concatenate([many, few])))
    assert weights[4] == pytest.approx(weights[3] * len(many) / 2)
    counts = np.zeros(7)
    counts[[3, 4]] = len(many), 2
    assert (weights * counts).sum() == pytest.approx(counts.sum())
    lopsided = DATA.only(np.concatenate([many, few, np.flatnonzero(DATA.split == 1)]))
    training_set = TrainingSet(lopsided.part("train"), lopsided.part("validation"))
    config = replace(CONFIG, class_weights=True, epochs=1)
    weighted = train(tiny(), training_set, config, tmp_path / "b.npz")
    assert np.isfinite(weighted.history[0]["loss"])
