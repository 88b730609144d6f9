"""What is held back: whole recordings, or the last part of the only one."""

from pathlib import Path

import numpy as np

from fer_core.dataset import SPLITS
from fer_core.preprocess import InputSpec
from fer_core.readers import load_dataset
from fer_train.studio.collection import Collection
from fer_train.studio.learning import gather

RNG = np.random.default_rng(3)


def collection_of(folder: Path, recordings: dict[str, list[int]]) -> Collection:
    """Return a collection of noise: for each class so many pictures of each recording."""
    collection = Collection(folder, InputSpec())
    for name, counts in recordings.items():
        collection.add(name)
        for number, count in enumerate(counts):
            for _ in range(count):
                crop = RNG.integers(0, 256, (48, 48, 1)).astype(np.uint8)
                collection.keep(name, f"20261127-10150{number}", crop)
    return collection


def test_frames_of_one_recording_stay_together(tmp_path: Path) -> None:
    found = gather(collection_of(tmp_path, {"wink": [10, 10, 10, 10, 10], "calm": [30, 5, 5]}))
    for name, held in (("wink", 10), ("calm", 10)):
        of_class = [each for each in found.pictures if each.label == name]
        parts: dict[str, set[bool]] = {}
        for each in of_class:
            parts.setdefault(each.file.partition("~")[0], set()).add(each.held_back)
        assert all(len(part) == 1 for part in parts.values())
        assert sum(each.held_back for each in of_class) == held
    assert found.divided == ()


def test_of_the_only_recording_the_last_part_in_time_is_held_back(tmp_path: Path) -> None:
    found = gather(collection_of(tmp_path, {"wink": [20], "calm": [10, 10, 10]}))
    held = [each.file for each in found.pictures if each.label == "wink" and each.held_back]
    assert held == [f"20261127-101500~{number:04d}.png" for number in (17, 18, 19, 20)]
    assert found.divided == ("wink",)


def test_the_file_is_what_fer_train_reads(tmp_path: Path) -> None:
    found = gather(collection_of(tmp_path / "faces", {"wink": [5, 5], "calm": [5, 5]}))
    found.save(tmp_path / "data.npz")
    dataset = load_dataset(tmp_path / "data.npz")
    assert dataset.label_names == found.labels == ("calm", "wink")
    assert dataset.split_sizes() == {"train": 10, "validation": 10, "test": 0}
    images, pictures = found.judging()
    judged = dataset.only(dataset.split == SPLITS.index("validation"))
    assert np.array_equal(images, judged.pixels)
    assert [found.labels[label] for label in judged.labels] == [each.label for each in pictures]
