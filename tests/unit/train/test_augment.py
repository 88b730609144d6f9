from dataclasses import replace

import numpy as np
import pytest

from fer_train.augment import augment
from fer_train.config import TrainConfig

STILL = TrainConfig(flip=0, shift=0, rotation=0, zoom=0, shear=0, brightness=0, contrast=0)
IMAGES = np.random.default_rng(0).uniform(-1, 0.99, (16, 48, 48, 1)).astype(np.float32)
TARGETS = np.eye(7, dtype=np.float32)[np.arange(16) % 7]


def augmented(config: TrainConfig, images: np.ndarray = IMAGES) -> tuple[np.ndarray, np.ndarray]:
    batch, targets = augment(images, TARGETS, config, np.random.default_rng(5))
    return np.asarray(batch), np.asarray(targets)


def test_with_every_knob_at_zero_nothing_changes() -> None:
    batch, targets = augmented(STILL)
    assert np.allclose(batch, IMAGES, atol=1e-6)
    assert np.array_equal(targets, TARGETS)


def test_flip_mirrors_left_and_right() -> None:
    batch, _ = augmented(replace(STILL, flip=1.0))
    assert np.allclose(batch, IMAGES[:, :, ::-1], atol=1e-5)


def test_geometry_keeps_the_middle_and_moves_the_rest() -> None:
    dot = np.full((16, 49, 49, 1), -1, np.float32)
    dot[:, 23:26, 23:26] = 0.9
    batch, _ = augmented(replace(STILL, rotation=30, zoom=0.1, shear=10), dot)
    assert (batch[:, 24, 24, 0] > 0.8).all()
    moved, _ = augmented(replace(STILL, shift=0.2), dot)
    assert (moved[:, 24, 24, 0] < 0).sum() > 8
    assert moved.max(axis=(1, 2, 3)).min() > 0.3  # the dot is still there


@pytest.mark.parametrize("knob", ["rotation", "zoom", "shear", "shift", "brightness", "contrast"])
def test_each_knob_does_something_else_to_each_picture(knob: str) -> None:
    value = 15.0 if knob in {"rotation", "shear"} else 0.2
    same = np.repeat(IMAGES[:1], 16, axis=0)
    batch, _ = augmented(replace(STILL, **{knob: value}), same)
    assert len({picture.tobytes() for picture in batch}) == 16


def test_light_stays_in_the_range_of_pixels() -> None:
    batch, _ = augmented(replace(STILL, brightness=0.5, contrast=0.5))
    assert batch.min() >= -1
    assert batch.max() <= 127 / 128


def test_erasing_covers_one_rectangle_of_the_chosen() -> None:
    flat = np.zeros((400, 48, 48, 1), np.float32)
    targets = np.zeros((400, 7), np.float32)
    config = replace(STILL, erasing=0.5)
    batch, _ = augment(flat, targets, config, np.random.default_rng(1))
    erased = np.asarray(batch)[..., 0] != 0
    chosen = erased.any(axis=(1, 2))
    assert 0.4 < chosen.mean() < 0.6
    for mask in erased[chosen]:
        rows, columns = mask.any(axis=1).sum(), mask.any(axis=0).sum()
        assert mask.sum() == rows * columns
        assert 0.01 < mask.mean() < 0.3


def test_mixup_blends_pictures_and_targets_alike() -> None:
    ramp = np.repeat(np.arange(16, dtype=np.float32)[:, None, None, None] / 32, 48, axis=1)
    ramp = np.repeat(ramp, 48, axis=2)
    targets = np.eye(16, dtype=np.float32)
    config = replace(STILL, mixup=0.4)
    batch, mixed = augment(ramp, targets, config, np.random.default_rng(3))
    assert np.allclose(mixed.sum(axis=1), 1)
    assert np.allclose(np.asarray(batch)[:, 0, 0, 0], mixed @ (np.arange(16) / 32), atol=1e-6)
    assert (mixed.max(axis=1) < 1).any()


def test_one_seed_gives_the_same_pictures() -> None:
    config = TrainConfig(erasing=0.5, mixup=0.2, shear=5)
    assert np.array_equal(augmented(config)[0], augmented(config)[0])


@pytest.mark.parametrize("channels", [1, 3])
def test_a_poor_camera_takes_some_of_the_pictures(channels: int) -> None:
    grid = np.round(IMAGES * 128) / 128
    images = np.repeat(grid, channels, axis=3).astype(np.float32)
    all_same, _ = augmented(STILL, images)
    some, _ = augmented(replace(STILL, degrade=0.5), images)
    changed = np.abs(some - all_same).max(axis=(1, 2, 3)) > 0.01
    assert 3 <= changed.sum() <= 13
    every, _ = augmented(replace(STILL, degrade=1.0), images)
    assert (np.abs(every - all_same).max(axis=(1, 2, 3)) > 0.01).all()
    assert every.shape == images.shape
    assert every.dtype == np.float32
    assert every.min() >= -1
    assert every.max() <= 127 / 128
