from drawn_faces import drawn_dataset
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


def test_real_fer2013_is_recognised(real_data) -> None:
    text = describe_dataset(load_dataset(real_data))
    assert text.endswith("these are the published counts of FER2013")
    assert sum(map(sum, FER2013_COUNTS)) == 35887
