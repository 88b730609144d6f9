import cv2
import numpy as np
import pytest

from fer_core.sharpness import sharpness

NOISE = np.random.default_rng(4).integers(0, 256, (96, 96, 1), np.uint8)


def test_noise_is_as_sharp_as_can_be_and_one_gray_not_at_all() -> None:
    assert sharpness(NOISE) == pytest.approx(6, rel=0.1)  # 1 + 4 + 1 times its variance
    assert sharpness(np.full((48, 48, 3), 90, np.uint8)) == 0.0
    checks = (np.indices((48, 48)).sum(axis=0) % 2).astype(np.uint8)[..., None]
    assert sharpness(checks) == pytest.approx(4)  # no variance below one gray level counts
    assert sharpness(checks * 2) == pytest.approx(16)


@pytest.mark.parametrize("size", [(9, 1), (1, 9)])
def test_a_blur_across_or_down_alone_counts(size: tuple[int, int]) -> None:
    moved = np.asarray(cv2.blur(NOISE, size), np.uint8)[..., None]
    assert sharpness(moved) < 0.5
    assert sharpness(np.repeat(moved, 3, axis=2)) == pytest.approx(sharpness(moved))
