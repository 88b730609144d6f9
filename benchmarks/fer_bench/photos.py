"""How many marked faces of photos each detector finds, what it takes for faces, and how long."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from fer_bench.clips import TRUE_IOU, one_thread
from fer_bench.marked_faces import marked_rows
from fer_bench.tables import Table
from fer_core.errors import FerError
from fer_core.metrics import wilson_interval
from fer_core.pictures import read_picture
from fer_core.values import Box, Frame
from fer_edge.faces.detector import DetectorRequest, FaceDetector
from fer_edge.faces.detectors import make_detector


@dataclass(slots=True)
class MarkedPhoto:
    """A photo's faces by group, and those that nobody can tell: neither finds nor false boxes."""

    faces: list[tuple[str, Box]] = field(default_factory=list)
    ignored: list[Box] = field(default_factory=list)


@dataclass(slots=True)
class DetectorCount:
    """What a detector did: faces and finds by group, false boxes, milliseconds of each photo."""

    name: str
    faces: dict[str, int] = field(default_factory=dict)
    found: dict[str, int] = field(default_factory=dict)
    false_boxes: int = 0
    ms: list[float] = field(default_factory=list)

    def judge(self, boxes: Sequence[Box], photo: MarkedPhoto) -> None:
        """Count a photo's boxes; of two on one face one is false.

        Each face takes the free box that overlaps it most, by more than TRUE_IOU.
        """
        free = list(boxes)
        for group, face in photo.faces:
            self.faces[group] = self.faces.get(group, 0) + 1
            best = max(free, key=face.iou, default=None)
            if best and face.iou(best) > TRUE_IOU:
                free.remove(best)
                self.found[group] = self.found.get(group, 0) + 1
        unknown = [box for box in free if any(box.iou(each) > TRUE_IOU for each in photo.ignored)]
        self.false_boxes += len(free) - len(unknown)


def read_marked_photos(file: Path) -> dict[str, MarkedPhoto]:
    """Return the faces of each photo, by its name.

    Args:
        file: A CSV file with the columns file, x, y, w, h, and perhaps `group` and `ignore`. A
            photo without a face has a row with empty sides.

    Raises:
        FerError: The file cannot be read, or has no such columns, numbers or photos.

    """
    photos: dict[str, MarkedPhoto] = {}
    for row in marked_rows(file):
        photo = photos.setdefault(row.file, MarkedPhoto())
        if row.box is None:
            continue
        if row.values.get("ignore") in (None, "", "0"):
            photo.faces.append((row.values.get("group") or "all", row.box))
        else:
            photo.ignored.append(row.box)
    if not photos:
        raise FerError(f"{file} names no photo")
    return photos


def count_faces(
    folder: Path,
    photos: dict[str, MarkedPhoto],
    detectors: Sequence[str],
    clock: Callable[[], float] = time.perf_counter,
) -> list[DetectorCount]:
    """Return what each detector finds in photos, one after the other on each, on one thread.

    Raises:
        FerError: A detector is not there, or a photo cannot be read.

    """
    if missing := [name for name in photos if not (folder / name).is_file()]:
        raise FerError(f"there is no photo {folder / missing[0]}")
    makers = [(name, make_detector(name, DetectorRequest(stream=False))) for name in detectors]
    counts = [DetectorCount(name) for name in detectors]
    with one_thread():
        for name, photo in photos.items():
            picture = read_picture(folder / name, colour=True)
            if isinstance(picture, str):
                raise FerError(f"{folder / name} is {picture}")
            frame = Frame(picture.pixels, 0, 0.0, name, reduced=picture.reduced)
            for count, (_, detector) in zip(counts, makers, strict=True):
                boxes, took = _timed(detector, frame, clock)
                count.ms.append(took)
                count.judge([box.times(picture.reduced) for box in boxes], photo)
    return counts


def _timed(
    detector: FaceDetector, frame: Frame, clock: Callable[[], float]
) -> tuple[list[Box], float]:
    started = clock()
    faces = detector.detect(frame)
    return [face.box for face in faces], 1e3 * (clock() - started)


def photo_table(counts: Sequence[DetectorCount]) -> Table:
    """Return finds of each group with their 95 % interval, false boxes and time, by detector."""
    return Table.of(
        [
            {
                "detector": count.name,
                **{
                    group: _share(count.found.get(group, 0), faces)
                    for group, faces in count.faces.items()
                },
                "false boxes": str(count.false_boxes),
                "ms, median": f"{median(count.ms):.1f}",
                "ms, mean": f"{sum(count.ms) / len(count.ms):.1f}",
            }
            for count in counts
        ]
    )


def _share(found: int, faces: int) -> str:
    low, high = wilson_interval(found, faces)
    return f"{found} of {faces} ({100 * low:.0f}-{100 * high:.0f} %)"
