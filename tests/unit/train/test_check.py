from pathlib import Path

import cv2
import numpy as np
import pytest

from commands import call_here
from drawn_faces import draw_face, drawn_dataset, save_npz
from fer_core.errors import FerError
from fer_core.labels import FER2013_COUNTS
from fer_core.readers import load_dataset
from fer_train.check import describe_dataset, usable_votes
from votes import write_votes


def test_counts_by_class_and_split() -> None:
    text = describe_dataset(drawn_dataset((3, 2, 1)))
    assert "drawn: 42 pictures of 48x48 (21 train, 14 validation, 7 test)" in text
    assert [line.split() for line in text.splitlines() if "surprise  " in line] == [
        ["surprise", "3", "2", "1"]
    ]
    assert text.endswith("these are not the published counts of FER2013")


def test_classes_with_few_pictures_to_learn_from_are_told() -> None:
    text = describe_dataset(drawn_dataset((29, 0, 40)))
    assert "few pictures (angry 29, disgust 29, " in text
    assert text.count("neutral 29): take 60 or more of each class") == 1
    assert "few pictures" not in describe_dataset(drawn_dataset((20, 10, 0)))


def test_an_empty_class_folder_is_said_to_be_left_out_as_in_training(tmp_path: Path) -> None:
    for name in ("happy", "sad"):
        (tmp_path / name).mkdir()
        cv2.imwrite(str(tmp_path / name / "a.png"), draw_face(name))
    (tmp_path / "empty").mkdir()
    dataset = load_dataset(tmp_path)
    text = describe_dataset(dataset)
    assert "no picture of empty: fer-train leaves that out" in text
    assert "refuses" not in text
    assert dataset.without_empty_classes().label_names == ("happy", "sad")


def test_real_fer2013_is_recognised(real_data) -> None:
    text = describe_dataset(load_dataset(real_data))
    assert text.endswith("these are the published counts of FER2013")
    assert sum(map(sum, FER2013_COUNTS)) == 35887


def test_votes_of_other_pictures_that_lie_beside_the_data_are_left_out(tmp_path: Path) -> None:
    many = drawn_dataset((40, 0, 0))
    data = save_npz(tmp_path / "drawn.npz", many)
    assert usable_votes(many, data, None) == (None, "")
    votes = write_votes(tmp_path / "fer2013new.csv", many)
    assert usable_votes(many, data, None) == usable_votes(many, data, votes) == (votes, "")
    others = many.relabelled(many.labels, tuple("abcdefg"))
    with pytest.raises(FerError, match="--votes is for FER2013's classes; drawn has a, b, c, d"):
        usable_votes(others, data, votes)
    save_npz(data, many.only(np.random.default_rng(0).permutation(len(many))))
    done = call_here("fer-train", "check", "drawn.npz", cwd=tmp_path)
    assert "drawn.npz: 280 pictures" in done.stdout
    assert "without the votes next to the data: the votes of " in done.stdout
    asked = ("check", "drawn.npz", "--votes", "fer2013new.csv")
    done = call_here("fer-train", *asked, cwd=tmp_path, code=1)
    assert "agree with its labels by chance alone" in done.stderr
