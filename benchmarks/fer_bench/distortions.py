"""How much worse a bundle gets on pictures as cameras, networks and detectors give them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fer_core.dataset import FerDataset
from fer_core.distort import blurred, coarse, compressed, darkened, noisy
from fer_core.opencv import cv2
from fer_core.values import UInt8Array
from fer_edge.inference.classifier import classify_images
from fer_edge.inference.interpreter import TfliteModel

Distortion = Callable[[UInt8Array, np.random.Generator], UInt8Array]
SEED = 0


def measure_robustness(model: TfliteModel, test: FerDataset) -> dict[str, float]:
    """Return the accuracy (0 to 1) under every distortion, by its name.

    Each picture draws its angle, noise and the like from a generator of its own, so every model
    sees the same pictures.
    """
    found = {}
    for name, distort in DISTORTIONS.items():
        distorted = np.stack(
            [
                distort(picture, np.random.default_rng((SEED, index)))
                for index, picture in enumerate(test.pixels)
            ]
        )
        answers = classify_images(model, distorted).argmax(axis=1)
        found[name] = float((answers == test.labels).mean())
    return found


def _turned(picture: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    return _moved(picture, angle=rng.uniform(-20, 20))


def _covered(picture: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    """Lay a gray square over a ninth of the picture, anywhere."""
    height, width = (side // 3 for side in picture.shape[:2])
    y = rng.integers(0, picture.shape[0] - height + 1)
    x = rng.integers(0, picture.shape[1] - width + 1)
    covered = picture.copy()
    covered[y : y + height, x : x + width] = 128
    return covered


def _shifted(picture: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    across, down = rng.uniform(-0.15, 0.15, 2)
    return _moved(picture, across=across, down=down)


def _scaled(picture: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    return _moved(picture, scale=1 + rng.uniform(-0.15, 0.15))


def _cropped_otherwise(picture: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    across, down, larger = rng.uniform(-0.15, 0.15, 3)
    return _moved(picture, scale=1 + larger, across=across, down=down)


def _moved(
    picture: UInt8Array,
    angle: float = 0.0,
    scale: float = 1.0,
    across: float = 0.0,
    down: float = 0.0,
) -> UInt8Array:
    """Turn by degrees, scale, and shift by shares of the side; the edges are replicated."""
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, scale)
    matrix[:, 2] += across * width, down * height
    moved = cv2.warpAffine(picture, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8).reshape(picture.shape)


DISTORTIONS: dict[str, Distortion] = {
    "blur": lambda picture, rng: blurred(picture, sigma=1.5),
    "noise": lambda picture, rng: noisy(picture, 15, rng),
    "low light": lambda picture, rng: darkened(picture, 0.25, 4, rng),
    "JPEG 20": lambda picture, rng: compressed(picture, quality=20),
    "24-pixel face": lambda picture, rng: coarse(picture, side=24),
    "rotation ±20°": _turned,
    "occlusion": _covered,
    "shift ±15 %": _shifted,
    "scale ±15 %": _scaled,
    "shift and scale": _cropped_otherwise,
}
