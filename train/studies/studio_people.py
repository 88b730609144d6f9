"""What the gate for people keeps of clips, how long a shot takes, and how many pictures suffice.

    python train/studies/studio_people.py CLIP...

Each clip shows one person, another one in every clip; five frames a second are shown to the studio
as one recording. Then so many of a clip's faces are drawn by chance, and the others are looked for
with the runner's threshold.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from fer_core.opencv import cv2
from fer_core.values import FloatArray, Frame
from fer_edge.identity.people import UNKNOWN_DISTANCE
from fer_train.studio.finding import FaceFinder
from fer_train.studio.people import PeopleFolders
from fer_train.studio.person_shots import take_person_shot

A_SECOND, DRAWS, COUNTS = 5, 300, (1, 2, 3, 5, 8, 12, 20)


def frames(path: Path) -> list[Frame]:
    """Read so many frames A_SECOND of a clip."""
    capture = cv2.VideoCapture(str(path))
    fps, read = capture.get(cv2.CAP_PROP_FPS), []
    while (came := capture.read())[0]:
        read.append(came[1])
    step = max(1, round(fps / A_SECOND))
    return [Frame(np.asarray(read[i], np.uint8), i, i / fps) for i in range(0, len(read), step)]


def record(people: PeopleFolders, finder: FaceFinder, name: str, shown: list[Frame]) -> str:
    """Show frames to the studio; return what became of them, and how long a shot took."""
    people.add(name)
    whys: Counter[str] = Counter()
    milliseconds = []
    for frame in shown:
        started = time.perf_counter()
        shot = take_person_shot(people, finder, name, "recording", frame)
        milliseconds.append(1000 * (time.perf_counter() - started))
        whys[shot.why.partition(":")[0] or "kept"] += 1
    median, high = np.percentile(milliseconds[1:], [50, 90])  # the first loads the networks
    return f"{dict(whys)}; {median:.0f} ms a shot, p90 {high:.0f}"


def described(people: PeopleFolders, finder: FaceFinder, shown: list[Frame]) -> FloatArray:
    """Return the descriptors (n, 128) of the largest face of each frame that has one."""
    found = [(frame, finder.in_photo(frame)) for frame in shown]
    return np.stack([people.describe(frame, faces[0]) for frame, faces in found if faces])


def missed(faces: FloatArray, count: int) -> float:
    """Return the share of a person's faces that are not known by `count` of them, 0 to 1."""
    chance, shares = np.random.default_rng(0), []
    for _ in range(DRAWS):
        order = chance.permutation(len(faces))
        known, others = faces[order[:count]], faces[order[count:]]
        nearest = np.linalg.norm(others[:, None] - known[None], axis=2).min(axis=1)
        shares.append(float((nearest >= UNKNOWN_DISTANCE).mean()))
    return float(np.mean(shares))


def main(clips: list[Path]) -> None:
    """Print a line for each detector and clip, and a table."""
    shown = {path.stem: frames(path) for path in clips}
    for detector in ("haar", "yunet"):
        finder = FaceFinder(detector)
        with tempfile.TemporaryDirectory() as folder:
            people = PeopleFolders(Path(folder), finder)
            for name, each in shown.items():
                print(
                    f"{detector}, {name}, {len(each)} shots: {record(people, finder, name, each)}"
                )
            if detector == "yunet":
                faces = {name: described(people, finder, each) for name, each in shown.items()}
    print(f"\n| pictures | {' | '.join(f'{name} ({len(faces[name])})' for name in faces)} |")
    print(f"|---:{'|---:' * len(faces)}|")
    for count in COUNTS:
        cells = [f"{missed(f, count):.1%}" if len(f) > count else "-" for f in faces.values()]
        print(f"| {count} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
