from collections.abc import Callable

import numpy as np
import pytest

from fer_core.distort import blurred, coarse, compressed, darkened, noisy
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
