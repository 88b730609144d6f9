"""The whole way on a clip: how fast a loop is, whom it finds, and what it takes for a face."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

from fer_bench.marked_faces import marked_rows
from fer_bench.records import ClipRecord, LoopRecord
from fer_core.errors import FerError
from fer_core.opencv import cv2
from fer_core.values import Box, Frame
from fer_edge.faces.detectors import DEFAULT_DETECTOR
from fer_edge.inference.classifier import TfliteClassifier
from fer_edge.inference.interpreter import TfliteModel
from fer_edge.inference.trial import load_tried
from fer_edge.session.config import EdgeConfig
from fer_edge.session.watch import stream_analyzer
from fer_edge.sources.files import VideoSource
from fer_edge.stages import StageTimes

TRUE_IOU = 0.3
"""The overlap with the true face from which a box is true: what the shared photos use too."""


class Loop(Protocol):
    """Takes decoded frames one after another to faces and their expressions."""

    name: str
    times: StageTimes

    def take(self, frame: Frame) -> Sequence[Box]:
        """Find and classify the faces of a frame; return where they are."""


class RunnerLoop:
    """What `fer-edge --video` does with a frame, without outputs."""

    def __init__(self, path: Path, detector: str = DEFAULT_DETECTOR, name: str = "") -> None:
        bundle, self.times = load_tried(path), StageTimes()
        by = "" if detector == DEFAULT_DETECTOR else f", {Path(detector).name}"
        self.name = f"{name or bundle.name}{by}"
        classifier = TfliteClassifier(TfliteModel(bundle, threads=1), self.times)
        self._analyzer = stream_analyzer(EdgeConfig(detector=detector), classifier, self.times)

    def take(self, frame: Frame) -> Sequence[Box]:
        """Follow and classify the faces of a frame."""
        return [seen.face.box for seen in self._analyzer.analyze(frame).observations]


@dataclass(frozen=True, slots=True)
class TrueFaces:
    """Where the one face of a clip is: boxes at some frames, between which it moves evenly.

    Attributes:
        boxes: By frame index; None says that there is no face from that frame on.
    """

    boxes: dict[int, Box | None]

    def at(self, index: int) -> Box | None:
        """Return the true box in a frame, None when there is no face."""
        before = [key for key in self.boxes if key <= index]
        after = [key for key in self.boxes if key > index]
        start = self.boxes[max(before)] if before else None
        end = self.boxes[min(after)] if after else None
        if start is None or end is None:
            return start
        share = (index - max(before)) / (min(after) - max(before))
        pairs = zip(asdict(start).values(), asdict(end).values(), strict=True)
        return Box(*(round(a + share * (b - a)) for a, b in pairs))


def read_true_faces(path: Path) -> dict[str, TrueFaces]:
    """Read `file,frame,x,y,w,h`; an empty box says that the face is gone from there on.

    Returns:
        The faces by the name of the clip.

    Raises:
        FerError: The file cannot be read, lacks a column, holds no whole numbers or no row.
    """
    found: dict[str, dict[int, Box | None]] = {}
    for row in marked_rows(path, ["frame"]):
        found.setdefault(row.file, {})[row.whole_number("frame", 0)] = row.box
    if not found:
        raise FerError(f"{path} names no clip")
    return {name: TrueFaces(boxes) for name, boxes in found.items()}


@dataclass(slots=True)
class LiveCamera:
    """What would become of the frames if a camera gave them: the newest waits, older ones drop."""

    dropped: int = 0
    _free_at: float = 0.0
    _waiting: float | None = None

    def give(self, at: float, takes: float) -> None:
        """Give the loop a frame at a time, in seconds, that it will need so many seconds for."""
        if self._waiting is not None and self._free_at <= at:
            self._free_at += self._waiting
            self._waiting = None
        if self._free_at <= at:
            self._free_at = at + takes
            return
        self.dropped += self._waiting is not None
        self._waiting = takes


@dataclass(slots=True)
class LoopCount:
    """What a loop has done so far on a clip: seconds, frames whose face it found, false boxes."""

    loop: Loop
    camera: LiveCamera = field(default_factory=LiveCamera)
    seconds: float = 0.0
    found: int = 0
    false_boxes: int = 0

    def take(self, frame: Frame, truth: Box | None, clock: Callable[[], float]) -> None:
        """Give the loop a frame, and count what it does."""
        started = clock()
        boxes = self.loop.take(frame)
        took = clock() - started
        self.camera.give(frame.captured_at, took)
        self.seconds += took
        self.judge(boxes, truth)

    def judge(self, boxes: Sequence[Box], truth: Box | None) -> None:
        """Count a frame's boxes as true or false; of two on the same face one is false."""
        true = [box for box in boxes if truth and box.iou(truth) > TRUE_IOU][:1]
        self.found += len(true)
        self.false_boxes += len(boxes) - len(true)

    def record(self, frames: int, judged: bool) -> LoopRecord:
        """Return what to store of all frames; without `judged` nobody knows where faces are."""
        spent = {name: seconds for name, seconds in self.loop.times.seconds.items() if seconds}
        return LoopRecord(
            name=self.loop.name,
            seconds=self.seconds,
            frames_per_second=frames / self.seconds,
            found=self.found if judged else None,
            false_boxes=self.false_boxes if judged else None,
            dropped=self.camera.dropped,
            stages_ms={name: 1e3 * seconds / frames for name, seconds in spent.items()},
        )


def measure_clip(
    path: Path,
    loops: Sequence[Loop],
    truth: TrueFaces | None,
    clock: Callable[[], float] = time.perf_counter,
) -> ClipRecord:
    """Give every frame of a clip to each loop in turn, so that a bad moment hits all alike.

    OpenCV has one thread meanwhile. Decoding is not counted.

    Args:
        path: The clip.
        loops: What watches it.
        truth: Where its face is; None where nobody knows.
        clock: Tells the time in seconds.

    Raises:
        FerError: The clip cannot be opened, or holds no frame.
    """
    counts = [LoopCount(loop) for loop in loops]
    frames = with_face = 0
    with one_thread(), closing(VideoSource(path)) as source:
        for frame in source.frames(threading.Event()):
            face = truth.at(frame.index) if truth else None
            frames += 1
            with_face += face is not None
            for count in counts:
                count.take(frame, face, clock)
    return ClipRecord(
        clip=path.name,
        frames=frames,
        frames_with_face=with_face if truth else None,
        loops=tuple(count.record(frames, judged=truth is not None) for count in counts),
    )


@contextmanager
def one_thread() -> Iterator[None]:
    """Let OpenCV compute on one thread while the block runs."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)


@dataclass(frozen=True, slots=True)
class ClipPlan:
    """Clips, and where their faces are, by file name."""

    clips: Sequence[Path] = ()
    faces: Mapping[str, TrueFaces] = field(default_factory=dict)

    def check(self) -> None:
        """Make sure that the clips can be watched.

        Raises:
            FerError: One cannot be opened, or its faces lack.
        """
        for clip in self.clips:
            VideoSource(clip).close()
            if self.faces and clip.name not in self.faces:
                raise FerError(
                    f"--faces says nothing of {clip.name}, only of {', '.join(self.faces)}"
                )

    def measure(
        self, makers: Sequence[Callable[[], Loop]], say: Callable[[str], None]
    ) -> list[ClipRecord]:
        """Watch each clip with loops made anew."""
        records = []
        for clip in self.clips:
            say(f"watching {clip.name}")
            loops = [make() for make in makers]
            records.append(measure_clip(clip, loops, self.faces.get(clip.name)))
        return records
