from pathlib import Path

import cv2

from drawn_faces import draw_face, drawn_dataset
from fer_core.labels import FER2013_COUNTS
from fer_core.readers import load_dataset
from fer_train.check import describe_dataset


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
