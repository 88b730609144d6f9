"""`fer-train ensemble`: networks that differ by their seed, and what they say together."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from drawn_faces import drawn_dataset, save_npz
from fer_core.errors import ArgumentError, FerError
from fer_core.pools import Place
from fer_core.settings import load_settings
from fer_train import run
from fer_train.answers import saved_answers
from fer_train.config import TrainConfig
from fer_train.ensemble import load_pictures, members, train_ensemble
from fer_train.jobs.pools import Where
from fer_train.run import run_training
from fer_train.soft_labels import write_soft_labels

HERE = Where(Place(workers=1))


@pytest.fixture
def config(tmp_path: Path) -> TrainConfig:
    drawn = drawn_dataset((6, 0, 2))
    data = save_npz(tmp_path / "drawn.npz", drawn)
    return TrainConfig(arch="b-plain", data=str(data), epochs=1, batch_size=8, seed=4)


@pytest.mark.slow
def test_networks_and_their_mean(tmp_path: Path, config: TrainConfig) -> None:
    out = tmp_path / "out"
    whole = train_ensemble(config, 2, out, False, print, HERE)
    validation = load_pictures(config).part("validation")  # divided off by the first seed
    answers = [saved_answers(out / f"seed-{n}" / "validation.npz", validation) for n in (4, 5)]
    assert answers[0] is not None
    assert answers[1] is not None
    assert not np.array_equal(answers[0], answers[1])
    mean = np.mean([answers[0], answers[1]], axis=0)
    assert whole.accuracy == np.mean(mean.argmax(axis=1) == validation.labels)
    facts = json.loads((out / "ensemble.json").read_text())
    assert facts["seeds"] == [4, 5]
    accuracies = [each["accuracy"] for each in facts["networks"]]
    assert facts["spread"]["accuracy"]["mean"] == pytest.approx(np.mean(accuracies))
    assert facts["mean_of_answers"]["accuracy"] == pytest.approx(whole.accuracy)
    before = (out / "seed-4" / "model.keras").stat().st_mtime_ns
    train_ensemble(config, 3, out, True, print, HERE)  # one more, those that are done stay
    assert json.loads((out / "ensemble.json").read_text())["seeds"] == [4, 5, 6]
    assert (out / "seed-4" / "model.keras").stat().st_mtime_ns == before
    assert "3 networks on the validation split" in (out / "report.txt").read_text()
    teachers = sorted(out.glob("seed-*"))
    said = write_soft_labels(teachers, load_pictures(config), tmp_path / "soft.npz", print)
    assert "soft labels" in said


def test_all_members_are_judged_by_the_same_pictures(tmp_path: Path, config: TrainConfig) -> None:
    jobs = members(config, 3, tmp_path)
    assert [job.config.seed for job in jobs] == [4, 5, 6]
    assert [job.out.name for job in jobs] == ["seed-4", "seed-5", "seed-6"]
    splits = {load_pictures(job.config).split.tobytes() for job in jobs}
    assert splits == {load_pictures(config).split.tobytes()}
    assert splits != {load_pictures(replace(config, seed=5)).split.tobytes()}


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
    (tmp_path / "out" / "seed-4").mkdir(parents=True)
    with pytest.raises(FerError, match="holds a run already"):
        train_ensemble(config, 2, tmp_path / "out", False, print, HERE)
    monkeypatch.setattr(run, "train_on", lambda *given: pytest.fail("it was trained"))
    with pytest.raises(FerError, match="fer-train ensemble N --out"):
        run_training(config, tmp_path / "out", True, print)
