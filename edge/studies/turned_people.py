"""How far descriptors of turned faces lie from those of the same faces upright, and from others.

    python edge/studies/turned_people.py PHOTO... --clip CLIP... [--turn DEGREES]... [--by-box]

Every picture is turned about its middle and searched by YuNet before and after. A face of a photo
is compared with itself and with all others upright, each another person; the largest face of a
clip, second by second, with its first three seconds upright. `--by-box` withholds the roll.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from identity import of_clip, of_photo

from fer_core.values import Face, FloatArray, Frame
from fer_edge.faces.yunet_search import YuNetDetector
from fer_edge.identity.descriptors import DlibDescriptor
from fer_edge.identity.people import UNKNOWN_DISTANCE


def middle(face: Face) -> FloatArray:
    """Return the middle of a face's box, (2,)."""
    box = face.box
    return np.array([box.x + box.width / 2, box.y + box.height / 2], np.float32)


class Turned:
    """Descriptors of a picture's faces, upright and turned."""

    def __init__(self, by_box: bool) -> None:
        self._detector, self._describe, self._by_box = YuNetDetector(), DlibDescriptor(), by_box

    def pairs(
        self, frame: Frame, degrees: float, most: int | None = None
    ) -> list[tuple[FloatArray, FloatArray]]:
        """Return the descriptors, upright and turned, of each face that is found both times."""
        height, width = frame.pixels.shape[:2]
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1.0)
        across, up = abs(turn[0, 0]), abs(turn[0, 1])
        size = (math.ceil(width * across + height * up), math.ceil(width * up + height * across))
        turn[:, 2] += (size[0] - width) / 2, (size[1] - height) / 2
        turned = Frame(np.asarray(cv2.warpAffine(frame.pixels, turn, size), np.uint8), 0, 0.0)
        there, found = self._detector.detect(turned), []
        for face in self._detector.detect(frame)[:most]:
            place = turn[:, :2] @ middle(face) + turn[:, 2]
            near = [e for e in there if np.linalg.norm(middle(e) - place) < face.box.width / 2]
            if near:
                found.append((self._described(frame, face), self._described(turned, near[0])))
        return found

    def _described(self, frame: Frame, face: Face) -> FloatArray:
        face = replace(face, roll_degrees=0.0) if self._by_box else face
        return self._describe.describe(frame, face)


def main() -> None:
    """Print a row a turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--clip", action="append", type=Path, default=[])
    parser.add_argument("--turn", action="append", type=float)
    parser.add_argument("--by-box", action="store_true")
    asked = parser.parse_args()
    describe = Turned(asked.by_box)
    print("| turned | faces | to itself: median, farthest | to others: nearest, < 0.5 |", end="")
    print(" seconds of clips to their first three: median, farthest, missed |")
    print("|---:|---:|---:|---:|---:|")
    for degrees in asked.turn or (0.0, 15.0, 30.0, 45.0):
        found = [pair for path in asked.photos for pair in describe.pairs(of_photo(path), degrees)]
        upright, turned = (np.stack(each) for each in zip(*found, strict=True))
        apart = np.linalg.norm(turned[:, None] - upright[None], axis=2)
        itself, others = apart.diagonal(), apart[~np.eye(len(apart), dtype=bool)]
        known = []
        for path in asked.clip:
            seconds = [pair for f in of_clip(path) for pair in describe.pairs(f, degrees, 1)]
            first = [each for each, _ in seconds[:3]]
            known += [np.linalg.norm(first - later, axis=1).min() for _, later in seconds[3:]]
        print(
            f"| {degrees:.0f} | {len(found)} | {np.median(itself):.2f}, {itself.max():.2f} "
            f"| {others.min():.2f}, {np.mean(others < UNKNOWN_DISTANCE):.1%} | "
            f"{np.median(known):.2f}, {np.max(known):.2f}, "
            f"{np.sum(np.array(known) >= UNKNOWN_DISTANCE)} of {len(known)} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
