"""How far apart descriptors of one person and of two people lie, from photos and clips.

    python edge/studies/identity.py PHOTO... --clip CLIP...

Two faces in one photo are two people; the largest face of a clip is one person in every second of
it; a face of a photo is compared with those of the clips as another person's, so give photos of
people who are in no clip.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import cv2
import numpy as np

from fer_core.values import FloatArray, Frame
from fer_edge.faces.haar import HaarDetector
from fer_edge.identity.descriptors import DlibDescriptor

LARGEST_PX, THRESHOLDS = 1600, (0.35, 0.4, 0.45, 0.5, 0.55, 0.6)


def described(frame: Frame, detector: HaarDetector, describe: DlibDescriptor) -> list[FloatArray]:
    """Return a descriptor a face, the largest first."""
    faces = sorted(detector.detect(frame), key=lambda face: -face.box.area_px)
    return [describe.describe(frame, face) for face in faces]


def of_photo(path: Path) -> Frame:
    """Read a photo, shrunk to LARGEST_PX."""
    pixels = cv2.imread(str(path))
    scale = min(1.0, LARGEST_PX / max(pixels.shape[:2]))
    return Frame(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), 0, 0)


def of_clip(path: Path) -> list[Frame]:
    """Read a frame a second of a clip."""
    capture = cv2.VideoCapture(str(path))
    every = max(1, round(capture.get(cv2.CAP_PROP_FPS)))
    frames = []
    for index in itertools.count():
        ok, pixels = capture.read()
        if not ok:
            return frames
        if index % every == 0:
            frames.append(Frame(pixels, index, 0.0))
    return frames


def main() -> None:
    """Print a table of thresholds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--clip", action="append", type=Path, default=[])
    asked = parser.parse_args()
    detector, describe = HaarDetector(), DlibDescriptor()
    photos = [described(of_photo(path), detector, describe) for path in asked.photos]
    clips = [
        np.stack(
            [found[0] for frame in of_clip(path) if (found := described(frame, detector, describe))]
        )
        for path in asked.clip
    ]
    strangers = [
        np.linalg.norm(a - b) for faces in photos for a, b in itertools.combinations(faces, 2)
    ]
    alone = [face for faces in photos for face in faces]
    strangers += [np.linalg.norm(clip - face, axis=1).min() for clip in clips for face in alone]
    strangers += [
        np.linalg.norm(one[:, None] - other[None], axis=2).min()
        for one, other in itertools.combinations(clips, 2)
    ]
    same = [
        np.linalg.norm(clip[3:][:, None] - clip[:3][None], axis=2).min(axis=1) for clip in clips
    ]
    known = np.concatenate(same)
    print(
        f"{len(alone)} faces in photos, {len(strangers)} comparisons of two people, nearest "
        f"{min(strangers):.2f}; {len(known)} seconds of clips against their first three, "
        f"median {np.median(known):.2f}, farthest {known.max():.2f}\n"
    )
    print("| threshold | strangers taken for somebody | known people missed |")
    print("|---:|---:|---:|")
    for limit in THRESHOLDS:
        wrong, missed = np.mean(np.array(strangers) < limit), np.mean(known >= limit)
        print(f"| {limit:.2f} | {wrong:.1%} | {missed:.1%} |")


if __name__ == "__main__":
    main()
