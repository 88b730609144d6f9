"""How many turned faces are found, and how many are told right, upright and as they lean.

    python edge/studies/turned_faces.py fer2013.npz [--turn DEGREES]... [--pictures 500]

Pictures of PublicTest, chosen by a seed, are shown as frames: four times enlarged, in a border of
replicated edges, turned about their middle. Of all pictures, those are right whose largest face the
shipped fer-small tells right, so one that is not found is wrong.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from fer_core.opencv import cv2
from fer_core.readers import load_dataset
from fer_core.values import Frame, UInt8Array
from fer_edge.faces.detector import DetectorRequest
from fer_edge.faces.detectors import make_detector
from fer_edge.inference.classifier import TfliteClassifier
from fer_edge.inference.interpreter import TfliteModel
from fer_edge.inference.models import load_model

ENLARGED, BORDER_PX, SEED = 4, 96, 0


def shown(picture: UInt8Array, degrees: float) -> Frame:
    """Return a picture (48, 48) as a frame, turned so that its face leans by so much."""
    large = cv2.resize(picture, None, fx=ENLARGED, fy=ENLARGED, interpolation=cv2.INTER_CUBIC)
    wide = cv2.copyMakeBorder(large, *[BORDER_PX] * 4, cv2.BORDER_REPLICATE)
    side = wide.shape[0]
    turn = cv2.getRotationMatrix2D((side / 2, side / 2), -degrees, 1.0)
    turned = cv2.warpAffine(wide, turn, (side, side), borderMode=cv2.BORDER_REPLICATE)
    return Frame(np.asarray(cv2.cvtColor(turned, cv2.COLOR_GRAY2BGR), np.uint8), 0, 0.0)


def main() -> None:
    """Print a row for each turn and detector."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--turn", action="append", type=float)
    parser.add_argument("--pictures", type=int, default=500)
    parser.add_argument("--detector", action="append", help="haar and yunet, if not given")
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    public = load_dataset(asked.data).part("validation")
    chosen = np.random.default_rng(SEED).permutation(len(public))[: asked.pictures]
    classifier = TfliteClassifier(TfliteModel(load_model(), threads=1))
    print(
        "| turned by | detector | found | right, cropped as they lean, upright | roll: median, sd |"
    )
    print("|---:|---|---:|---:|---:|")
    for degrees in asked.turn or (0.0, 15.0, 30.0, 45.0, 60.0):
        for name in asked.detector or ("haar", "yunet"):
            detector = make_detector(name, DetectorRequest(stream=False))
            rolls, right = list[float](), np.zeros(2)
            for index in chosen:
                frame = shown(public.images[index], degrees)
                for face in detector.detect(frame)[:1]:
                    both = (replace(face, roll_degrees=0.0), face)
                    told = [each.class_index for each in classifier.classify(frame, both)]
                    right += np.equal(told, public.labels[index])
                    rolls.append(face.roll_degrees)
            shares = ", ".join(f"{share:.1%}" for share in right / len(chosen))
            roll = f"{np.median(rolls):.0f}, {np.std(rolls):.0f}"
            print(f"| {degrees:g} | {name} | {len(rolls)} | {shares} | {roll} |", flush=True)


if __name__ == "__main__":
    main()
