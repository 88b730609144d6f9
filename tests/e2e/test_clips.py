"""The events of real clips: who was there, how they looked, and nobody else."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import cv2
import pytest

from fer_core.values import Box, Frame
from fer_edge.config import EdgeConfig
from fer_edge.detector import HaarDetector
from fer_edge.session import Wishes, watch


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize(
    ("clip", "labels", "change_s", "end_s"),
    [
        ("video_neutral_happy.mp4", ["neutral", "happy", "none"], (0.6, 1.3), (2.3, 2.5)),
        ("video_sad_to_happy.mp4", ["sad", "happy", "none"], (9.4, 11.5), (19.5, 19.8)),
        ("video_face_then_none.mov", ["neutral", "happy", "none"], (0.5, 2.7), (2.7, 3.9)),
    ],
)
def test_one_person_changes_and_goes(
    real_frames: Path,
    tmp_path: Path,
    clip: str,
    labels: list[str],
    change_s: tuple[float, float],
    end_s: tuple[float, float],
) -> None:
    path = tmp_path / "events.jsonl"
    watch(EdgeConfig(), Wishes(video=real_frames / clip, events=str(path), quiet=True))
    events = lines(path)
    assert {event["track_id"] for event in events} == {1}  # a hand over the face is no new person
    told = [event for event in events if event["label"] in labels]
    assert [event["label"] for event in told] == labels
    assert [event["kind"] for event in told] == ["started", "changed", "ended"]
    assert change_s[0] <= told[1]["at"] <= change_s[1]
    assert end_s[0] <= told[2]["at"] <= end_s[1]
    assert events[-1] == told[-1]


def test_a_skull_on_a_shirt_is_nobody(real_frames: Path, tmp_path: Path) -> None:
    events, seen = tmp_path / "events.jsonl", tmp_path / "seen.jsonl"
    clip = real_frames / "video_signing_vga.mkv"
    watch(
        EdgeConfig(), Wishes(video=clip, events=str(events), json=str(seen), quiet=True)
    )  # the face stays in the same place, the skull lies below it
    face = Box(285, 80, 95, 95)
    boxes = [Box(*line["box"]) for line in lines(seen)]
    assert len(boxes) >= 77 - 3
    assert min(box.iou(face) for box in boxes) > 0.3
    kinds = [event["kind"] for event in lines(events)]
    assert (kinds[0], kinds[-1]) == ("started", "ended")
    assert not {event["label"] for event in lines(events)} & {"happy", "surprise"}


def test_photos_lose_few_faces_and_add_few(real_frames: Path) -> None:
    faces: dict[str, list[Box]] = {}
    with (real_frames / "faces.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            faces.setdefault(row["file"], []).append(Box(*(int(row[side]) for side in "xywh")))
    detector, found, false = HaarDetector(), 0, 0
    for picture in sorted(real_frames.glob("*.jpg")):
        unseen = faces.get(picture.name, [])
        for face in detector.detect(Frame(cv2.imread(str(picture)), 0, 0.0)):
            seen = [box for box in unseen if box.iou(face.box) > 0.3][:1]
            unseen = [box for box in unseen if box not in seen]
            found, false = found + len(seen), false + (not seen)
    assert found >= 49
    assert false <= 2


def test_a_landscape_is_nobody(real_frames: Path, tmp_path: Path) -> None:
    seen = tmp_path / "seen.jsonl"
    picture = real_frames / "none_mountains.jpg"
    watch(EdgeConfig(), Wishes(pictures=(picture,), json=str(seen), quiet=True))
    assert lines(seen) == []
