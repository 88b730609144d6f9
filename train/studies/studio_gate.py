"""What the studio's gate refuses of FER2013's PublicTest, as it is and made worse.

    python train/studies/studio_gate.py ../shared/data/fer2013.npz

For each way to spoil the crops: how many the gate refuses, and how often fer-small is right.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from fer_core.opencv import cv2
from fer_core.readers import load_dataset
from fer_core.values import UInt8Array
from fer_edge.inference.interpreter import TfliteModel
from fer_edge.inference.models import load_model
from fer_train.studio.quality import crop_fault

Spoil = Callable[[UInt8Array], UInt8Array]
_RNG = np.random.default_rng(0)


def blurred(sigma: float) -> Spoil:
    """Return a Gaussian blur, sigma in pixels of the crop."""
    return lambda crop: np.asarray(cv2.GaussianBlur(crop, (0, 0), sigma), np.uint8)


def moved(pixels: int) -> Spoil:
    """Return the blur of a head that moves sideways by so many pixels of the crop."""
    kernel = np.full((1, pixels), 1 / pixels, np.float32)
    return lambda crop: np.asarray(cv2.filter2D(crop, -1, kernel), np.uint8)


def lit(gain: float) -> Spoil:
    """Return another exposure, with noise of a standard deviation of 2."""

    def spoil(crop: UInt8Array) -> UInt8Array:
        noisy = crop * np.float32(gain) + _RNG.normal(0, 2, crop.shape)
        return np.asarray(np.clip(np.rint(noisy), 0, 255), np.uint8)

    return spoil


def small(side: int) -> Spoil:
    """Return the crop of a face of fewer pixels."""

    def spoil(crop: UInt8Array) -> UInt8Array:
        few = cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA)
        return np.asarray(
            cv2.resize(few, crop.shape[1::-1], interpolation=cv2.INTER_AREA), np.uint8
        )

    return spoil


WAYS: dict[str, Spoil] = {
    "as it is": lambda crop: crop,
    **{f"blur, sigma {sigma:g} px": blurred(sigma) for sigma in (0.75, 1, 1.5, 2, 3)},
    **{f"moved by {pixels} px": moved(pixels) for pixels in (5, 7, 9, 13)},
    **{f"exposure x {gain:g}": lit(gain) for gain in (0.35, 0.25, 0.18, 0.12, 0.06, 1.5, 2, 3)},
    **{f"face of {side} px": small(side) for side in (40, 32, 24, 16)},
}


def main(data: Path) -> None:
    """Print a line for each way."""
    dataset = load_dataset(data).part("validation")
    model = TfliteModel(load_model("fer-small"))
    print("| PublicTest | fer-small right | refused | why |\n|---|---:|---:|---|")
    for way, spoil in WAYS.items():
        crops = [spoil(image)[:, :, np.newaxis] for image in dataset.images]
        answers = np.array([model.probabilities(crop).argmax() for crop in crops])
        faults = Counter(fault for crop in crops if (fault := crop_fault(crop, ())))
        why = ", ".join(f"{fault} {n}" for fault, n in faults.most_common())
        right, refused = (answers == dataset.labels).mean(), faults.total() / len(crops)
        print(f"| {way} | {right:.1%} | {refused:.1%} | {why} |")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
