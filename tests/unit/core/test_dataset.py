from dataclasses import replace

import numpy as np
import pytest

from drawn_faces import drawn_dataset
from fer_core.dataset import FerDataset
from fer_core.errors import FerError
from fer_core.labels import FER2013_LABELS
from fer_core.preprocess import InputSpec


def dataset_of(images: np.ndarray, labels: list[int], split: list[int]) -> FerDataset:
    rows = np.arange(len(images), dtype=np.int64)
    return FerDataset(
        images, np.array(labels, np.int64), np.array(split, np.int64), ("a", "b"), rows, "small"
    )


def distinct(n: int) -> np.ndarray:
    images = np.zeros((n, 4, 4), np.uint8)
    images[:, 0, 0], images[:, 1, 1] = np.arange(n) % 256, np.arange(n) // 256
    return images


def test_colours_keep_their_order_in_another_size_or_colour() -> None:
    reddish = np.zeros((2, 40, 40, 3), np.uint8)
    reddish[..., 0], reddish[..., 1], reddish[..., 2] = 200, 100, 0
    drawn = drawn_dataset((1, 0, 0)).only(np.arange(2))
    dataset = replace(drawn, images=reddish)
    small = dataset.fitted(InputSpec(20, 20, "rgb"))
    assert (small.images == np.array([200, 100, 0])).all()
    gray = dataset.fitted(InputSpec(20, 20))
    assert gray.images.shape == (2, 20, 20)
    assert abs(int(gray.images[0, 0, 0]) - (0.299 * 200 + 0.587 * 100)) <= 1
    again = gray.fitted(InputSpec(20, 20, "rgb"))
    assert (again.images == gray.images[..., None]).all()
    assert again.spec.shape == again.pixels.shape[1:]
    assert "2 pictures of 40x40" in dataset.describe()


def test_a_fingerprint_is_of_pictures_labels_rows_and_names() -> None:
    drawn = drawn_dataset((1, 1, 1))
    others = [
        replace(drawn, images=drawn.images[::-1].copy()),
        replace(drawn, labels=drawn.labels[::-1].copy()),
        replace(drawn, rows=drawn.rows + 1),
        replace(drawn, label_names=tuple("abcdefg")),
    ]
    assert len({one.fingerprint() for one in [drawn, *others]}) == 5
    assert drawn_dataset((1, 1, 1)).fingerprint() == drawn.fingerprint()


def test_a_missing_split_is_said_with_what_there_is() -> None:
    dataset = dataset_of(distinct(3), [0, 1, 0], [0, 0, 2])
    assert len(dataset.part("train")) == 2
    with pytest.raises(FerError, match=r"\(it holds 2 train, 0 validation, 1 test\)"):
        dataset.part("validation")


def test_duplicates_across_splits_are_counted_in_the_later_split() -> None:
    images = distinct(6)
    images[3] = images[4] = images[0]  # two of validation and test equal one of train
    images[5] = images[2]
    dataset = dataset_of(images, [0, 1, 0, 0, 0, 0], [0, 0, 1, 1, 2, 2])
    assert dataset.duplicates_across_splits() == {
        ("validation", "train"): 1,
        ("test", "train"): 1,
        ("test", "validation"): 2,
    }
    assert "1 test pictures in train" in dataset.describe()


def test_validation_is_a_stratified_tenth_with_duplicates_together() -> None:
    images = distinct(400)
    images[1::4] = images[0::4]  # a hundred pairs
    dataset = dataset_of(images, [0] * 300 + [1] * 100, [0] * 400)
    divided = dataset.with_validation(seed=3)
    chosen = divided.split == 1
    assert 27 <= chosen[:300].sum() <= 30
    assert 8 <= chosen[300:].sum() <= 10
    assert divided.duplicates_across_splits() == {}
    assert np.array_equal(divided.split, dataset.with_validation(seed=3).split)
    assert not np.array_equal(divided.split, dataset.with_validation(seed=4).split)


def test_a_small_class_gives_one_picture_and_a_single_one_stays() -> None:
    divided = dataset_of(distinct(6), [0] * 5 + [1], [0] * 6).with_validation(seed=1)
    assert (divided.split[:5] == 1).sum() == 1
    assert divided.split[5] == 0
    two = dataset_of(distinct(4), [0, 0, 1, 1], [0] * 4).with_validation(seed=1)
    assert two.class_counts().tolist()[:2] == [[1, 1], [1, 1]]


def test_a_given_validation_split_stays() -> None:
    dataset = drawn_dataset((2, 1, 1))
    assert dataset.with_validation(seed=1) is dataset


def test_a_test_split_never_chooses() -> None:
    dataset = dataset_of(distinct(40), [0, 1] * 20, [0] * 30 + [2] * 10)
    assert (dataset.with_validation(seed=1).split[30:] == 2).all()


def test_arrays_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match=r"labels must be \(3,\) int64"):
        dataset_of(distinct(3), [0, 1], [0, 0, 0])


def test_classes_are_put_into_a_models_order_where_it_knows_all_that_hold_pictures() -> None:
    dataset = drawn_dataset((2, 1, 1))
    some = dataset.only(dataset.labels != dataset.label_names.index("disgust"))
    order = ("happy", "surprise", "sad", "neutral", "fear", "angry", "contempt")
    turned = some.in_order(order)
    assert turned.label_names == order
    assert [order[i] for i in turned.labels] == [some.label_names[i] for i in some.labels]
    assert dataset.in_order(order) is dataset  # disgust holds pictures
    assert some.in_order(some.label_names) is some


def test_happiness_is_happy_unless_both_are_classes() -> None:
    dataset = drawn_dataset((2, 1, 1))
    elsewhere = (
        "anger",
        "contempt",
        "Disgust",
        "fear",
        "Happiness",
        "neutral",
        "sadness",
        "surprise",
    )
    turned = dataset.in_order(elsewhere)
    words = {"Happiness": "happy", "sadness": "sad", "anger": "angry", "Disgust": "disgust"}
    assert [words.get(elsewhere[i], elsewhere[i]) for i in turned.labels] == [
        dataset.label_names[i] for i in dataset.labels
    ]
    back = turned.in_order(FER2013_LABELS)
    assert back.labels.tolist() == dataset.labels.tolist()
    both = (*FER2013_LABELS, "happiness")
    kept = dataset.relabelled(np.full(len(dataset), 7), both)
    assert kept.in_order(both[::-1]).labels.tolist() == [0] * len(dataset)
    assert kept.in_order(FER2013_LABELS) is kept  # they are told apart
