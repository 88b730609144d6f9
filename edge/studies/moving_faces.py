"""How faces that move, hide and cross are found and told apart, in clips made in memory.

    python edge/studies/moving_faces.py [--photos FOLDER --faces FOLDER/faces.csv]

Faces are cut out of the package's portrait, and of photos whose faces were marked by eye, and move
over a blurred background: 640x480, 25 frames a second. Where they are is known in every frame.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from moving_clips import FPS, HEIGHT, WIDTH, Person, cast, clips

from fer_core.opencv import cv2
from fer_core.values import Box, Frame, Observation
from fer_edge.faces.smoothing import Expression, Smoothing
from fer_edge.inference.classifier import TfliteClassifier
from fer_edge.inference.interpreter import TfliteModel
from fer_edge.inference.models import load_model
from fer_edge.session.config import EdgeConfig
from fer_edge.session.watch import stream_analyzer
from fer_edge.stages import StageTimes

FOUND_IOU, IN_FRAME, HIDDEN = 0.3, 0.75, 0.4
"""A box is a face's from the first overlap on. A face counts if so much of it is in the frame, and
nothing in front covers as much of it as the last."""


@dataclass(slots=True)
class Score:
    """What was counted in clips of one kind.

    `ids` are the tracks of each clip, `people` the people; `moved` counts ids that went from one
    person to another.
    """

    faces: int = 0
    found: int = 0
    false: int = 0
    ids: int = 0
    people: int = 0
    moved: int = 0
    changes: int = 0
    boxes: int = 0
    weak: int = 0
    frames: int = 0
    seconds: float = 0.0

    def row(self) -> str:
        """Return the cells of a row."""
        rate = self.changes / max(self.boxes / FPS / 60, 1e-9)
        return (
            f"{self.found / self.faces:.1%} | {self.false} | {self.ids} of {self.people}, "
            f"{self.moved} | {rate:.1f} | {self.weak} | {1000 * self.seconds / self.frames:.1f}"
        )


def in_sight(people: Sequence[Person]) -> list[bool]:
    """Return of each person whether the face can be seen."""

    def shared(box: Box, other: Box) -> float:
        overlap = box.iou(other)
        return overlap * (box.area_px + other.area_px) / (1 + overlap) / box.area_px

    frame = Box(0, 0, WIDTH, HEIGHT)
    return [
        not person.hidden
        and shared(person.box, frame) >= IN_FRAME
        and all(shared(person.box, front.box) < HIDDEN for front in people[index + 1 :])
        for index, person in enumerate(people)
    ]


def owners(people: Sequence[Person], seen: Sequence[Observation]) -> dict[int, int]:
    """Return the index of the person of each box, by its index; those of nobody are left out."""
    pairs = sorted(
        (-each.box.iou(person.box), at, index)
        for at, each in enumerate(seen)
        for index, person in enumerate(people)
    )
    mine: dict[int, int] = {}
    for overlap, at, index in pairs:
        if -overlap > FOUND_IOU and at not in mine and index not in mine.values():
            mine[at] = index
    return mine


def play(clip: Sequence[tuple[Frame, Sequence[Person]]], config: EdgeConfig, score: Score) -> None:
    """Show a clip to a new analyzer and count."""
    classifier = TfliteClassifier(TfliteModel(load_model(), threads=1))
    analyzer = stream_analyzer(config, classifier, StageTimes())
    of_id, labels, settled = dict[int, int](), dict[int, str](), Expression.settle

    def watched(self: Expression, now: float, how: Smoothing, free: bool = False) -> bool:
        took_over = settled(self, now, how, free)
        shown = float(self.average[self.shown.class_index])
        score.weak += shown < float(self.average.max()) / 2
        return took_over

    score.people += max(sum(not each.hidden for each in people) for _, people in clip)
    with patch.object(Expression, "settle", watched):
        for frame, people in clip:
            started = time.thread_time()
            seen = analyzer.analyze(frame).observations
            score.seconds += time.thread_time() - started
            mine, clear = owners(people, seen), in_sight(people)
            score.frames, score.boxes = score.frames + 1, score.boxes + len(seen)
            score.faces, score.false = score.faces + sum(clear), score.false + len(seen) - len(mine)
            score.found += sum(clear[index] for index in mine.values())
            for at, each in enumerate(seen):
                assert each.track_id
                score.changes += labels.get(each.track_id, each.label) != each.label
                labels[each.track_id] = each.label
                owner = mine.get(at)
                if owner is not None and clear[owner]:
                    score.moved += of_id.get(each.track_id, owner) != owner
                    of_id[each.track_id] = owner
    score.ids += len(labels)


def main() -> None:
    """Print a row for each kind of clip and detector."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--faces", type=Path)
    parser.add_argument("--people", type=int, default=99, help="use the first so many")
    parser.add_argument("--kind", default="", help="only kinds that contain this")
    parser.add_argument("--detector", action="append", help="haar and yunet, if not given")
    parser.add_argument("--min-face", type=int, default=EdgeConfig().min_face)
    given = parser.parse_args()
    cv2.setNumThreads(1)
    people, profiles = cast(given.photos, given.faces)
    scores = defaultdict[tuple[str, str], Score](Score)
    for kind, clip in clips(people[: given.people], profiles):
        frames = list(clip.frames()) if given.kind in kind else []
        for detector in (given.detector or ("haar", "yunet")) if frames else ():
            config = EdgeConfig(detector=detector, min_face=given.min_face)
            play(frames, config, scores[kind, detector])
    print("| | | found | false boxes | ids of people, that moved | changes a minute | weak | ms |")
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    for (kind, detector), score in scores.items():
        print(f"| {kind} | {detector} | {score.row()} |")


if __name__ == "__main__":
    main()
