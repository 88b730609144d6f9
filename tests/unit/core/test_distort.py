from collections.abc import Callable

import cv2
import numpy as np
import pytest

from fer_core.distort import blurred, coarse, compressed, darkened, noisy
from fer_core.preprocess import InputSpec
from fer_core.values import UInt8Array

RNG = np.random.default_rng(2)
GRAY = RNG.integers(0, 256, (48, 48, 1), np.uint8)
SMOOTH = np.tile(np.arange(48, dtype=np.uint8) * 5, (48, 1))[..., None]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    "distort",
    [
        lambda picture: blurred(picture, 1.5),
        lambda picture: noisy(picture, 15, RNG),
        lambda picture: darkened(picture, 0.25, 4, RNG),
        lambda picture: compressed(picture, 20),
        lambda picture: coarse(picture, 24),
    ],
)
def test_pictures_keep_their_kind(
    distort: Callable[[UInt8Array], UInt8Array], channels: int
) -> None:
    picture = np.repeat(GRAY, channels, axis=2)
    changed = distort(picture)
    assert changed.shape == picture.shape
    assert changed.dtype == np.uint8
    assert not np.array_equal(changed, picture)


def test_each_does_what_its_name_says() -> None:
    assert blurred(GRAY, 1.5).std() < 0.4 * GRAY.std()
    noise = noisy(np.full((48, 48, 1), 128, np.uint8), 15, RNG)
    assert noise.std() == pytest.approx(15, rel=0.1)
    dark = darkened(np.full((48, 48, 1), 200, np.uint8), 0.25, 4, RNG)
    assert dark.mean() == pytest.approx(50, abs=1)
    worse, better = (
        np.abs(compressed(GRAY, quality).astype(int) - GRAY).mean() for quality in (10, 90)
    )
    assert worse > 3 * better
    assert np.abs(coarse(SMOOTH, 24).astype(int) - SMOOTH).max() <= 4
    assert coarse(GRAY, 24).std() < 0.6 * GRAY.std()


def test_a_jpeg_has_the_colors_of_a_camera() -> None:
    red = np.zeros((48, 48, 3), np.uint8)
    red[8:40, 8:40, 0] = 255  # RGB
    pixels = np.ascontiguousarray(red[:, :, ::-1])  # BGR, as OpenCV writes it
    encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 20])[1]
    expected = cv2.imdecode(encoded, cv2.IMREAD_COLOR)[:, :, ::-1]
    np.testing.assert_array_equal(compressed(red, 20), expected)


def test_few_pixels_are_means_enlarged_as_the_runner_does() -> None:
    stripes = np.zeros((48, 36, 1), np.uint8)
    stripes[:, 2::3] = 255
    assert (coarse(stripes, 12) == 85).all()
    tiny = cv2.resize(GRAY, (20, 20), interpolation=cv2.INTER_AREA)
    assert np.array_equal(coarse(GRAY, 20), InputSpec(48, 48).resized(np.asarray(tiny, np.uint8)))


def test_what_goes_beyond_black_and_white_is_cut_off() -> None:
    for level in (0, 255):
        noise = noisy(np.full((48, 48, 1), level, np.uint8), 15, RNG)
        assert abs(float(noise.mean()) - level) == pytest.approx(15 / np.sqrt(2 * np.pi), abs=1)
    dark = darkened(np.full((96, 96, 1), 200, np.uint8), 0.25, 4, RNG)
    assert dark.mean() == pytest.approx(50, abs=0.3)
    assert dark.std() == pytest.approx(4, rel=0.1)
