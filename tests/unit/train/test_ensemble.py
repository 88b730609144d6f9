"""`fer-train ensemble`: networks that differ by their seed, and what they say together."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from commands import call_here
from drawn_faces import drawn_dataset, save_npz
from fer_core.dataset import FerDataset
from fer_core.errors import ArgumentError, FerError
from fer_core.metrics import classification_report
from fer_core.pools import Place
from fer_core.settings import load_settings, settings_toml
from fer_core.values import FloatArray
from fer_train import ensemble, run
from fer_train.answers import save_answers, saved_answers
from fer_train.architectures import build_model
from fer_train.checkpoint import TrainState
from fer_train.config import TrainConfig
from fer_train.data import predict
from fer_train.ensemble import MemberJob, load_pictures, members, train_ensemble
from fer_train.evaluate import evaluate, save_metrics, save_model
from fer_train.jobs.pools import Where
from fer_train.run import run_training
from fer_train.run_facts import read_accuracy, read_run
from fer_train.run_folder import model_file
from fer_train.soft_labels import write_soft_labels
from fer_train.transfer import load_keras_model

HERE = Where(Place(workers=1))


@pytest.fixture
def config(tmp_path: Path) -> TrainConfig:
    drawn = drawn_dataset((6, 0, 2))
    data = save_npz(tmp_path / "drawn.npz", drawn)
    return TrainConfig(arch="b-plain", data=str(data), epochs=1, batch_size=8, seed=4)


@pytest.fixture
def continuing(config: TrainConfig) -> TrainConfig:
    """Settings of networks that have the same start."""
    return replace(config, init="/start/model.keras", arch="a-regularised")


@pytest.fixture
def _no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ensemble, "finish_all", lambda *given: pytest.fail("it was trained"))


@pytest.mark.slow
def test_networks_and_their_mean(tmp_path: Path, config: TrainConfig) -> None:
    out = tmp_path / "out"
    whole = train_ensemble(config, 2, out, False, print, HERE)
    pictures = load_pictures(config)  # divided by the first seed
    training, validation = pictures.part("train"), pictures.part("validation")
    files = [out / f"seed-{n}" / "validation.npz" for n in (4, 5)]
    answers = [saved_answers(file, training, validation) for file in files]
    assert answers[0] is not None
    assert answers[1] is not None
    assert not np.array_equal(answers[0], answers[1])
    mean = np.mean([answers[0], answers[1]], axis=0)
    assert whole.accuracy == np.mean(mean.argmax(axis=1) == validation.labels)
    assert not (out / "model.keras").exists()  # networks without a common start
    facts = json.loads((out / "ensemble.json").read_text())
    assert facts["seeds"] == [4, 5]
    accuracies = [each["accuracy"] for each in facts["networks"]]
    assert facts["spread"]["accuracy"]["mean"] == pytest.approx(np.mean(accuracies))
    assert facts["mean_of_answers"]["accuracy"] == pytest.approx(whole.accuracy)
    assert "2 networks on the validation split" in (out / "report.txt").read_text()
    with pytest.MonkeyPatch.context() as patch:  # one more: those that are done stay
        left: list[MemberJob] = []
        patch.setattr(ensemble, "finish_all", lambda jobs, *others: left.extend(jobs))
        with pytest.raises(FerError):
            train_ensemble(config, 3, out, True, print, HERE)
        assert [job.out.name for job in left] == ["seed-6"]
    teachers = sorted(out.glob("seed-*"))
    said = write_soft_labels(teachers, load_pictures(config), tmp_path / "soft.npz", print)
    assert "soft labels" in said


@pytest.mark.parametrize("seed", [0, 4])
def test_all_members_are_judged_by_the_same_pictures(
    tmp_path: Path, config: TrainConfig, seed: int
) -> None:
    config = replace(config, seed=seed)
    jobs = members(config, 3, tmp_path)
    assert [job.config.seed for job in jobs] == [seed, seed + 1, seed + 2]
    assert [job.out.name for job in jobs] == [f"seed-{seed + n}" for n in range(3)]
    splits = {load_pictures(job.config).split.tobytes() for job in jobs}
    assert splits == {load_pictures(config).split.tobytes()}
    assert splits != {load_pictures(replace(config, seed=seed + 1)).split.tobytes()}


def test_seeds_end_where_settings_end(tmp_path: Path, config: TrainConfig) -> None:
    last = replace(config, seed=2**32 - 2)
    assert len(members(last, 2, tmp_path)) == 2
    with pytest.raises(ArgumentError, match="seed must lie in 0 to 4294967295, got 4294967296"):
        members(last, 3, tmp_path)
    with pytest.raises(ValueError, match="seed must lie in"):
        replace(config, seed=-1, split_seed=4)


def test_the_split_of_a_member_is_in_its_settings(config: TrainConfig, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(
        f'data = "{config.data}"\narch = "b-plain"\nseed = 6\nsplit_seed = 4\n'
    )
    read = load_settings(TrainConfig, tmp_path / "config.toml", {})
    assert (read.seed, read.pictures.seed) == (6, 4)


def test_what_is_no_ensemble_is_refused(
    tmp_path: Path, config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ArgumentError, match="an ensemble has no folds"):
        train_ensemble(replace(config, folds=3), 2, tmp_path / "out", False, print, HERE)
    with pytest.raises(FerError, match="holds no ensemble"):
        train_ensemble(config, 2, tmp_path, True, print, HERE)
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "checkpoint.npz").touch()
    for resume in (False, True):
        with pytest.raises(FerError, match="no ensemble to continue: choose another --out"):
            train_ensemble(config, 2, tmp_path / "plain", resume, print, HERE)
    (tmp_path / "out" / "seed-4").mkdir(parents=True)
    with pytest.raises(FerError, match="holds a run already"):
        train_ensemble(config, 2, tmp_path / "out", False, print, HERE)
    monkeypatch.setattr(run, "train_on", lambda *given: pytest.fail("it was trained"))
    with pytest.raises(FerError, match="fer-train ensemble N --out"):
        run_training(config, tmp_path / "out", True, print)
    with pytest.raises(FerError, match=r"out is an ensemble: choose one network, .*seed-4"):
        model_file(tmp_path / "out")


def test_folds_do_not_go_on_with_an_ensemble(tmp_path: Path) -> None:
    (tmp_path / "out" / "seed-1").mkdir(parents=True)
    (tmp_path / "out" / "config.toml").write_text('arch = "b-plain"\n')
    words = ("folds", "--out", "out", "--resume")
    said = call_here("fer-train", *words, cwd=tmp_path, code=1).stderr
    assert "out holds no cross-validation to continue: choose another --out" in said


def _answered(job: MemberJob, pictures: FerDataset, said: FloatArray) -> None:
    """Write what a trained network says of the validation split."""
    job.out.mkdir(parents=True)
    training, validation = pictures.part("train"), pictures.part("validation")
    save_answers(job.out / "validation.npz", training, validation, said)


def _trained(job: MemberJob, pictures: FerDataset, epochs: int) -> list[FloatArray]:
    """Write what the training of a network leaves; return its weights."""
    validation = pictures.part("validation")
    model = build_model(job.config.arch, pictures.spec.shape, 7)
    _answered(job, pictures, predict(model, validation))
    (job.out / "config.toml").write_text(settings_toml(replace(job.config, precision="float32")))
    save_model(model, job.out)
    report = evaluate(model, validation)
    save_metrics(job.out, model, TrainState(epoch=epochs, best_epoch=epochs - 1), report)
    return model.get_weights()


@pytest.mark.usefixtures("_no_training")
def test_networks_of_one_start_have_a_mean_of_weights(
    tmp_path: Path, continuing: TrainConfig
) -> None:
    out, pictures = tmp_path / "out", load_pictures(continuing)
    jobs = members(continuing, 3, out)
    weights = [_trained(jobs[0], pictures, 6), _trained(jobs[1], pictures, 5)]
    train_ensemble(continuing, 2, out, True, print, HERE)
    mean = load_keras_model(model_file(out))
    for own, first, second in zip(mean.get_weights(), *weights, strict=True):
        np.testing.assert_allclose(own, (first + second) / 2, rtol=1e-5, atol=1e-7)
    accuracy = evaluate(mean, pictures.part("validation")).accuracy
    run = read_run(model_file(out))
    assert run.folder == out
    assert run.bundle_name("a-regularised") == "out"
    assert run.training_facts() == {"epochs": 6, "networks": 2, "init": "start"}
    assert read_accuracy(out) == accuracy
    assert run.config == replace(jobs[0].config, precision="float32")  # as training left it
    facts = json.loads((out / "ensemble.json").read_text())
    assert facts["mean_of_weights"]["accuracy"] == accuracy
    assert "the mean of their weights, one network: model.keras" in (out / "report.txt").read_text()
    _trained(jobs[2], pictures, 7)  # one more
    train_ensemble(run.config, 3, out, True, print, HERE)
    assert read_run(model_file(out)).training_facts() == {
        "epochs": 7, "networks": 3, "init": "start",
    }  # fmt: skip
    (jobs[1].out / "metrics.json").unlink()
    with pytest.raises(FerError, match=r"seed-5.metrics.json does not tell of .*seed-5"):
        train_ensemble(run.config, 3, out, True, print, HERE)


@pytest.mark.usefixtures("_no_training")
def test_a_mean_of_weights_that_is_worse_than_each_is_said(
    tmp_path: Path, continuing: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, pictures = tmp_path / "out", load_pictures(continuing)
    validation = pictures.part("validation")
    right, wrong = (np.eye(7, dtype=np.float32)[(validation.labels + n) % 7] for n in (0, 1))
    for job in members(continuing, 2, out):
        _answered(job, pictures, right)
    for answers, said in ((wrong, True), (right, False)):
        mean = classification_report(answers, validation.labels, validation.label_names)
        monkeypatch.setattr(ensemble, "_mean_weights", lambda *given, mean=mean: mean)
        train_ensemble(continuing, 2, out, True, print, HERE)
        told = f"worse than each of them: rather take one, such as {out.resolve() / 'seed-4'}"
        assert (told in (out / "report.txt").read_text()) == said


def test_an_ensemble_without_its_mean_says_how_to_make_it(
    tmp_path: Path, continuing: TrainConfig
) -> None:
    (tmp_path / "out" / "seed-4").mkdir(parents=True)
    (tmp_path / "out" / "config.toml").write_text(settings_toml(continuing))
    with pytest.raises(FerError, match=r"their mean: fer-train ensemble N --out .*out --resume"):
        model_file(tmp_path / "out")


def test_a_trained_network_without_its_answers_is_no_part_of_the_report(
    tmp_path: Path, config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = list[str]()
    monkeypatch.setattr(ensemble, "finish_all", lambda jobs, pool, told, say: again.append(told))
    with pytest.raises(FerError, match=r"seed 4 is trained, but .*validation.npz is not there"):
        train_ensemble(config, 2, tmp_path / "out", False, print, HERE)
    assert again == [f"fer-train ensemble 2 --out {tmp_path / 'out'} --on local:1 --resume"]


@pytest.mark.usefixtures("_no_training")
def test_networks_that_learned_from_other_labels_are_not_added_to(
    tmp_path: Path, config: TrainConfig
) -> None:
    drawn = drawn_dataset((6, 3, 2))
    config = replace(config, data=str(save_npz(tmp_path / "divided.npz", drawn)))
    pictures = load_pictures(config)
    count = len(pictures.part("validation"))
    for job in members(config, 2, tmp_path / "out"):
        _answered(job, pictures, np.full((count, 7), 1 / 7, np.float32))
    assert train_ensemble(config, 2, tmp_path / "out", True, print, HERE).count == count
    labels = drawn.labels.copy()
    labels[0] = 3  # of a training picture
    save_npz(Path(config.data), drawn.relabelled(labels, drawn.label_names))
    with pytest.raises(FerError, match=r"validation.npz is of other pictures than divided.npz"):
        train_ensemble(config, 2, tmp_path / "out", True, print, HERE)
