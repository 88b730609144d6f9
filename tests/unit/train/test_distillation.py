import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from drawn_faces import drawn_dataset, save_npz
from fer_core.errors import FerError
from fer_core.files import write_text
from fer_core.preprocess import normalize_pixels
from fer_edge.inference.interpreter import TfliteModel
from fer_edge.inference.models import load_model
from fer_train.answers import save_answers
from fer_train.architectures import build_model
from fer_train.config import TrainConfig
from fer_train.data import one_hot, predict
from fer_train.distillation import online_teacher_of
from fer_train.run import _training_set_of
from fer_train.soft_labels import (
    answers_of_votes,
    load_soft_labels,
    mean_answers,
    save_soft_labels,
    teacher_answers,
    write_soft_labels,
)
from votes import HEAD, write_votes


def test_votes_become_soft_labels_that_agree_with_the_labels(tmp_path: Path) -> None:
    dataset = drawn_dataset((12, 4, 2))
    crowd = teacher_answers(write_votes(tmp_path / "v.csv", dataset), dataset)
    training = dataset.part("train")
    assert crowd.training.shape == (len(training), 7)
    assert np.allclose(crowd.training.sum(axis=1), 1, atol=1e-5)
    assert (crowd.training.argmax(axis=1) == training.labels).mean() > 0.95
    assert crowd.accuracy(dataset) > 0.8


@pytest.mark.usefixtures("no_trials")
def test_a_network_teaches_and_several_teachers_count_the_same(tmp_path: Path) -> None:
    dataset = drawn_dataset((6, 3, 1))
    model = build_model("fer-nano", (48, 48, 1), 7)
    model.save(tmp_path / "model.keras")
    with pytest.raises(FerError, match=r"no labels of .*: metrics"):
        teacher_answers(tmp_path, dataset)
    write_text(tmp_path / "metrics.json", json.dumps({"labels": dataset.label_names}))
    network = teacher_answers(tmp_path, dataset)
    assert network.training.shape == (len(dataset.part("train")), 7)
    assert np.allclose(network.training.sum(axis=1), 1, atol=1e-5)
    one_view = predict(model, dataset.part("validation"))
    assert not np.array_equal(network.validation, one_view)
    assert np.allclose(network.validation, one_view, atol=0.1)
    crowd = answers_of_votes(dataset, write_votes(tmp_path / "v.csv", dataset))
    both = mean_answers([network, crowd])
    assert np.allclose(both.training, (network.training + crowd.training) / 2)
    assert np.allclose(both.validation, (network.validation + crowd.validation) / 2)


def test_saved_soft_labels_come_back_and_only_for_their_pictures(tmp_path: Path) -> None:
    dataset = drawn_dataset((12, 4, 2))
    training = dataset.part("train")
    soft = np.full((len(training), 7), 1 / 7, np.float32)
    save_soft_labels(tmp_path / "s.npz", training, soft)
    assert np.allclose(load_soft_labels(tmp_path / "s.npz", training), soft, atol=1e-3)
    few = load_soft_labels(tmp_path / "s.npz", training.only(np.arange(5)))
    assert np.allclose(few, soft[:5], atol=1e-3)
    both = load_soft_labels(tmp_path / "s.npz", dataset.only(dataset.split != 2))
    added = dataset.part("validation")
    assert np.array_equal(both[len(training) :], np.eye(7)[added.labels])  # their plain labels
    for other in (
        replace(training, images=training.images[::-1].copy()),
        training.relabelled(training.labels, tuple("abcdefg")),
        added,
    ):
        with pytest.raises(FerError, match="made for other training pictures"):
            load_soft_labels(tmp_path / "s.npz", other)
    with pytest.raises(FerError, match="cannot read"):
        load_soft_labels(tmp_path / "absent.npz", training)


def test_soft_labels_know_the_classes_that_training_knows(tmp_path: Path) -> None:
    drawn = drawn_dataset((12, 4, 2))
    spare = drawn.relabelled(drawn.labels, (*drawn.label_names, "unused"))
    votes = write_votes(tmp_path / "v.csv", drawn)
    said = write_soft_labels([votes], spare, tmp_path / "s.npz", lambda line: None)
    assert said.startswith("84 soft labels in ")
    training = spare.without_empty_classes().part("train")
    assert load_soft_labels(tmp_path / "s.npz", training).shape == (84, 7)
    untaught = drawn.only((drawn.split != 0) | (drawn.labels != 2))
    with pytest.raises(FerError, match="no training picture of fear"):
        write_soft_labels([votes], untaught, tmp_path / "s.npz", lambda line: None)


def test_shares_of_votes_are_of_the_classes_that_have_pictures(tmp_path: Path) -> None:
    votes = write_votes(tmp_path / "fer2013new.csv", drawn_dataset((12, 4, 2)))
    data = save_npz(tmp_path / "drawn.npz", drawn_dataset((12, 4, 2)))
    config = TrainConfig(data=str(data), votes=str(votes), labels="ferplus-votes")
    dataset = config.pictures.load().without_empty_classes()
    assert "contempt" not in dataset.label_names
    _, training_set = _training_set_of(config, dataset, pytest.fail)
    targets = training_set.targets(1.0)
    assert targets.shape == (len(training_set.training), 7)
    assert targets.sum(axis=1) == pytest.approx(1)
    assert (targets.argmax(axis=1) == training_set.training.labels).all()
    told: list[str] = []
    _training_set_of(replace(config, soft_labels="own.npz"), dataset, told.append)
    assert told == ["without the soft labels own.npz: the votes are the whole target"]


@pytest.mark.usefixtures("no_trials")
def test_a_fold_as_teacher_is_told_to_have_learned_from_what_judges_it(tmp_path: Path) -> None:
    dataset = drawn_dataset((6, 3, 1))
    build_model("fer-nano", (48, 48, 1), 7).save(tmp_path / "model.keras")
    write_text(tmp_path / "metrics.json", json.dumps({"labels": dataset.label_names}))
    told: list[str] = []
    write_soft_labels([tmp_path], dataset, tmp_path / "s.npz", told.append)
    write_text(tmp_path / "config.toml", 'held_out = "out_of_fold.npz"\n')
    save_answers(tmp_path / "out_of_fold.npz", dataset, dataset, np.ones((len(dataset), 7)))
    write_soft_labels([tmp_path], dataset, tmp_path / "s.npz", told.append)
    assert told[0].endswith("on validation")
    assert told[1] == f"{told[0]}, most of which it learned from"


def test_the_folder_of_soft_labels_is_made_before_the_teachers_judge(tmp_path: Path) -> None:
    dataset = drawn_dataset((6, 3, 1))
    (tmp_path / "file").touch()
    with pytest.raises(FerError, match="file"):
        write_soft_labels([tmp_path / "none"], dataset, tmp_path / "file" / "s.npz", pytest.fail)
    with pytest.raises(FerError, match="none"):
        write_soft_labels([tmp_path / "none"], dataset, tmp_path / "new" / "s.npz", pytest.fail)
    assert not (tmp_path / "new").exists()


def test_votes_of_other_rows_are_refused(tmp_path: Path) -> None:
    dataset = drawn_dataset((4, 2, 1))
    path = write_votes(tmp_path / "v.csv", dataset)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], *reversed(lines[1:])]) + "\n")
    with pytest.raises(FerError, match="are not those of drawn"):
        answers_of_votes(dataset, path)
    path.write_text("\n".join(lines[:5]) + "\n")
    with pytest.raises(FerError, match="are not those of drawn"):
        answers_of_votes(dataset, path)
    path.write_text(HEAD + "\nTraining,x,one,two\n")
    with pytest.raises(FerError, match="cannot read FER"):
        answers_of_votes(dataset, path)


def test_an_online_teacher_judges_the_altered_pictures() -> None:
    training = drawn_dataset((6, 3, 1)).part("train")
    teacher = online_teacher_of(
        TrainConfig(online_teacher="fer-nano", online_teacher_weight=0.25), training, pytest.fail
    )
    assert teacher is not None
    model, targets = TfliteModel(load_model("fer-nano")), one_hot(training)[:8]
    for seen in (training.pixels[:8], training.pixels[:8, ::-1]):
        said = np.stack([model.probabilities(picture) for picture in seen])
        between = normalize_pixels(seen) + np.float32(0.3 / 128)
        blended = teacher.blended(between, targets)
        np.testing.assert_allclose(blended, 0.75 * targets + 0.25 * said, atol=1e-6)


def test_a_teacher_of_other_labels_is_refused_and_a_shipped_one_left_out(tmp_path: Path) -> None:
    training = drawn_dataset((6, 3, 1)).part("train")
    other = replace(training, label_names=tuple("abcdefg"))
    lines: list[str] = []
    assert online_teacher_of(TrainConfig(online_teacher="fer-base"), other, lines.append) is None
    assert [line.split(":")[0] for line in lines] == ["without the online teacher fer-base"]
    votes = TrainConfig(online_teacher="fer-base", labels="ferplus", without="contempt")
    assert online_teacher_of(votes, training, lines.append) is None  # the names alone are the same
    assert lines[1] == lines[0]
    learned_them = replace(votes, online_teacher="fer-base-ferplus")
    assert online_teacher_of(learned_them, training, pytest.fail) is not None
    assert online_teacher_of(TrainConfig(), training, pytest.fail) is None
    drawn = drawn_dataset((1, 1, 1))
    drawn = drawn.relabelled(drawn.labels, tuple("abcdefg"))
    config, training_set = _training_set_of(
        TrainConfig(online_teacher="fer-base"), drawn, lines.append
    )
    assert (config.online_teacher, training_set.teacher) == ("", None)  # what is saved says so
    file = str(tmp_path / "teacher.tflite")
    load_model("fer-nano").save(Path(file))
    with pytest.raises(FerError, match=r"teacher.tflite must take \(48, 48, 1\) and know a, b, c"):
        online_teacher_of(TrainConfig(online_teacher=file), other, pytest.fail)
    with pytest.raises(FerError, match="no model 'fer-huge'"):
        online_teacher_of(TrainConfig(online_teacher="fer-huge"), training, pytest.fail)
