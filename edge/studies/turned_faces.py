"""How many turned faces are found, and how many are told right, upright and as they lean.

    python edge/studies/turned_faces.py fer2013.npz [--turn DEGREES]... [--photos FOLDER]...

Pictures of PublicTest, chosen by a seed, are shown as frames: four times enlarged, in a border of
replicated edges, turned about their middle. Of all pictures, those are right whose largest face the
shipped fer-small tells right, so one that is not found is wrong. Photos, whose faces are in
FOLDER/faces.csv, are turned about their middle as well, and their faces counted. Last come paired
differences with 95 % intervals, in points: each turn against the first one on all pictures, and
each detector against the first one on the pictures in which both find a face.
"""

from __future__ import annotations

import argparse
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from fer_bench.photos import DetectorCount, MarkedPhoto, read_marked_photos
from fer_core.dataset import FerDataset
from fer_core.metrics import paired_difference
from fer_core.opencv import cv2
from fer_core.pictures import read_picture
from fer_core.readers import load_dataset
from fer_core.values import Box, Frame, UInt8Array
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


def photo(file: Path, marked: MarkedPhoto, degrees: float) -> tuple[Frame, MarkedPhoto]:
    """Return a whole photo turned so that its faces lean by so much, and their squares there."""
    picture = read_picture(file, colour=True)
    assert not isinstance(picture, str), picture
    height, width = picture.pixels.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1.0)
    across, up = np.abs(turn[0, :2])
    size = (math.ceil(width * across + height * up), math.ceil(width * up + height * across))
    turn[:, 2] += (size[0] - width) / 2, (size[1] - height) / 2

    def turned(box: Box) -> Box:
        side = round(1.1 * math.sqrt(box.area_px))  # as YuNet's, decision 5
        x, y = turn @ (box.x + box.width / 2, box.y + box.height / 2, 1.0)
        return Box(round(x - side / 2), round(y - side / 2), side, side)

    pixels = np.asarray(cv2.warpAffine(picture.pixels, turn, size), np.uint8)
    faces = [(group, turned(box)) for group, box in marked.faces]
    return Frame(pixels, 0, 0.0), MarkedPhoto(faces, [turned(box) for box in marked.ignored])


def photo_cell(folders: Sequence[Path], degrees: float, name: str) -> str:
    """Return how many faces of the photos a detector finds, and its false boxes."""
    detector, count = make_detector(name, DetectorRequest(stream=False)), DetectorCount(name)
    for folder in folders:
        for file, marked in read_marked_photos(folder / "faces.csv").items():
            frame, there = photo(folder / file, marked, degrees)
            count.judge([face.box for face in detector.detect(frame)], there)
    found, faces = sum(count.found.values()), sum(count.faces.values())
    return f"{found} of {faces}; {count.false_boxes}"


@dataclass(slots=True)
class Told:
    """What became of each picture.

    `right` with the crop upright, `right_leaning` with the crop as the face leans.
    """

    found: list[bool] = field(default_factory=list)
    right: list[bool] = field(default_factory=list)
    right_leaning: list[bool] = field(default_factory=list)
    rolls: list[float] = field(default_factory=list)

    def row(self) -> str:
        """Return the cells of a row."""
        leaning, upright = np.mean(self.right_leaning), np.mean(self.right)
        roll = f"{np.median(self.rolls):.0f}, {np.std(self.rolls):.0f}"
        return f"{sum(self.found)} | {leaning:.1%} | {upright:.1%} | {roll}"


def tell(public: FerDataset, degrees: float, name: str, classifier: TfliteClassifier) -> Told:
    """Return which pictures have a face and are right, and how the faces lean."""
    detector, told = make_detector(name, DetectorRequest(stream=False)), Told()
    for picture, label in zip(public.images, public.labels, strict=True):
        frame = shown(picture, degrees)
        faces = detector.detect(frame)[:1]
        both = [each for face in faces for each in (replace(face, roll_degrees=0.0), face)]
        leaning, upright = [
            each.class_index == label for each in classifier.classify(frame, both)
        ] or (False, False)
        told.found.append(bool(faces))
        told.right_leaning.append(leaning)
        told.right.append(upright)
        told.rolls += [face.roll_degrees for face in faces]
    return told


def change(told: Told, before: Told, found_only: bool) -> str:
    """Return the paired difference in points, with its interval and the number of pictures."""
    counted = np.logical_and(told.found, before.found) if found_only else slice(None)
    right, right_before = np.array(told.right)[counted], np.array(before.right)[counted]
    mean, bounds = paired_difference(right, right_before)
    low, high = (f"{100 * bound:+.1f}" for bound in bounds)
    return f"{100 * mean:+.1f} ({low} to {high}), n = {len(right)}"


def main() -> None:
    """Print a row for each turn and detector."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--turn", action="append", type=float)
    parser.add_argument("--pictures", type=int, default=500)
    parser.add_argument("--photos", action="append", type=Path, default=[])
    parser.add_argument("--detector", action="append", help="haar and yunet, if not given")
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    public = load_dataset(asked.data).part("validation")
    chosen = np.random.default_rng(SEED).permutation(len(public))[: asked.pictures]
    public = public.only(np.asarray(chosen, np.int64))
    classifier = TfliteClassifier(TfliteModel(load_model(), threads=1))
    print(
        "| turned by | | found | right as they lean | upright | roll: median, sd | photos; false |"
    )
    print("|---:|---|---:|---:|---:|---:|---:|")
    turns, names = asked.turn or (0.0, 15.0, 30.0, 45.0, 60.0), asked.detector or ("haar", "yunet")
    told = dict[tuple[float, str], Told]()
    for turn, name in itertools.product(turns, names):
        told[turn, name] = tell(public, turn, name, classifier)
        photos = photo_cell(asked.photos, turn, name) if asked.photos else ""
        print(f"| {turn:g} | {name} | {told[turn, name].row()} | {photos} |", flush=True)
    for name, turn in itertools.product(names, turns[1:]):
        points = change(told[turn, name], told[turns[0], name], found_only=False)
        print(f"{name}, {turn:g} against {turns[0]:g} degrees: {points}")
    for turn, name in itertools.product(turns, names[1:]):
        points = change(told[turn, name], told[turn, names[0]], found_only=True)
        print(f"{turn:g} degrees, {name} against {names[0]}, where both find a face: {points}")


if __name__ == "__main__":
    main()
