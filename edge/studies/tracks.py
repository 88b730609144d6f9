"""What the constants of tracks and smoothing do, on clips whose expressions are known.

    python edge/studies/tracks.py CLIP...

Each clip is searched and classified once, every frame; then the tracks and the expressions are
made anew from that with one constant changed at a time, at the clip's frame rate and at lower ones.
"""

from __future__ import annotations

import argparse
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import numpy as np

from fer_core.values import Box, Face, Frame, Prediction
from fer_edge.faces import analysis, tracks
from fer_edge.faces.analysis import StreamAnalyzer
from fer_edge.faces.following import FollowingDetector
from fer_edge.faces.haar_stream import HaarStream
from fer_edge.faces.smoothing import Smoothing
from fer_edge.inference.classifier import TfliteClassifier
from fer_edge.inference.interpreter import TfliteModel
from fer_edge.inference.models import load_model
from fer_edge.sources.files import VideoSource

RATES = (1, 2, 5, 15)
"""Every frame, every second one, ...: a machine that is so much slower."""
CHANGES: Sequence[tuple[str, Mapping[str, float]]] = (
    ("as it is", {}),
    *((f"time constant {s} s", {"time_constant_seconds": s}) for s in (0.1, 0.5, 1.0)),
    *((f"dwell {s} s", {"dwell_seconds": s}) for s in (0.0, 0.5, 1.0)),
    *((f"margin {m}", {"margin": m}) for m in (0.0, 0.05, 0.2)),
    *((f"least IoU {i}", {"MIN_IOU": i}) for i in (0.05, 0.4, 0.5, 0.6)),
    *((f"memory {s} s", {"MEMORY_SECONDS": s}) for s in (0.2, 0.5, 1.0, 4.0)),
    *((f"memory {n} frames", {"MEMORY_FRAMES": n}) for n in (1, 2, 5)),
    *((f"coasting {s} s", {"COAST_SECONDS": s, "COAST_FRAMES": 0}) for s in (0.0, 0.15, 0.5)),
    *((f"sightings {n}", {"MIN_SIGHTINGS": n}) for n in (1, 2, 5)),
    *((f"change of a cut {n}", {"CUT_CHANGE": n}) for n in (15, 60)),
)


@dataclass(slots=True)
class Recorded:
    """The frames of a clip, and what was found and said of each; it plays both again."""

    frames: list[Frame]
    found: dict[int, list[tuple[Face, Prediction]]]

    def detect(self, frame: Frame, known: Sequence[Face] = ()) -> tuple[Face, ...]:
        """Return the faces that were found."""
        return tuple(face for face, _ in self.found[frame.index])

    def classify(self, frame: Frame, faces: Sequence[Face]) -> tuple[Prediction, ...]:
        """Return what was said of the face that is nearest."""
        said = self.found[frame.index] or self._last_before(frame.index)
        return tuple(max(said, key=lambda each: each[0].box.iou(f.box))[1] for f in faces)

    def _last_before(self, index: int) -> list[tuple[Face, Prediction]]:
        return next(self.found[i] for i in range(index, -1, -1) if self.found.get(i))


def record(clip: Path) -> Recorded:
    """Find and classify the faces of every frame."""
    detector = FollowingDetector(HaarStream(40))
    classifier = TfliteClassifier(TfliteModel(load_model(), threads=1))
    recorded, known = Recorded([], {}), tuple[Face, ...]()
    for frame in VideoSource(clip).frames(threading.Event()):
        faces = detector.detect(frame, known)
        known = faces or known
        said = classifier.classify(frame, faces)
        recorded.frames.append(frame)
        recorded.found[frame.index] = list(zip(faces, said, strict=True))
    return recorded


def play(recorded: Recorded, rate: int, change: Mapping[str, float]) -> Iterator[str]:
    """Yield the kinds of the events of a clip, of which every `rate`-th frame is seen."""
    smoothing = Smoothing(**{k: v for k, v in change.items() if k.islower()})
    constants = {k: v for k, v in change.items() if k.isupper()}
    homes = [each for each in (tracks, analysis) if any(hasattr(each, k) for k in constants)]
    with patch.multiple(homes[0], **constants) if homes else patch.dict({}):
        analyzer = StreamAnalyzer(recorded, recorded, 10.0, smoothing)
        for frame in recorded.frames[::rate]:
            yield from (event.kind for event in analyzer.analyze(frame).events)
        yield from (event.kind for event in analyzer.finish().events)


def flicker(change: Mapping[str, float], seconds: int = 60) -> int:
    """Return the changes in a minute of two expressions that are nearly level, at 10 Hz."""
    rng, face = np.random.default_rng(0), Face(Box(10, 10, 40, 40), 1.0)
    pixels, labels = np.zeros((60, 60, 3), np.uint8), ("calm", "glad", "sad")
    recorded = Recorded([], {})
    for index in range(10 * seconds):
        share = float(np.clip(0.45 + 0.1 * rng.standard_normal(), 0.01, 0.89))
        said = Prediction(np.array([share, 0.9 - share, 0.1], np.float32), labels)
        recorded.frames.append(Frame(pixels, index, index / 10))
        recorded.found[index] = [(face, said)]
    return list(play(recorded, 1, change)).count("changed")


def main() -> None:
    """Print a row a constant: events at each rate of all clips together, and the flicker."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", nargs="+", type=Path)
    clips = [record(path) for path in parser.parse_args().clips]
    print("| | " + " | ".join(f"1 in {rate}" for rate in RATES) + " | level for a minute |")
    print("|---|" + "---|" * len(RATES) + "---:|")
    for name, change in CHANGES:
        cells = []
        for rate in RATES:
            kinds = [kind for clip in clips for kind in play(clip, rate, change)]
            cells.append(f"{kinds.count('started')}, {kinds.count('changed')}")
        smooths = not change or any(key.islower() for key in change)
        cells.append(str(flicker(change)) if smooths else "")
        print(f"| {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
