"""Annotated pictures and videos, complete when the sink is left."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from fer_core.errors import FerError
from fer_core.files import make_folder, write_bytes, written_beside
from fer_core.opencv import cv2, name_for_opencv
from fer_core.values import Frame, Observation, UInt8Array
from fer_edge.events import ExpressionEvent
from fer_edge.overlay import draw_observations
from fer_edge.sinks import Sink
from fer_edge.stages import StageTimes

LONGEST_FILL_SECONDS = 2.0
"""How much of a live camera's silence a recording keeps."""
LONGEST_HOLD_SECONDS = 60.0
"""How long a frame of a file may last in a recording: a damaged one may claim hours."""
SAVED_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".webp"}
VIDEO_SUFFIXES = {".mp4": "mp4v", ".avi": "MJPG", ".mkv": "mp4v"}


class VideoRecorder(Sink):
    """An annotated video, written beside its name and renamed when it is left.

    Frames stand at their time: a camera's rate is not known beforehand, and files of telephones
    and browsers have none. One that lasts is written again, of two in one place the first stays.
    Pictures, which are no `stream`, have no time and stand one after another.
    """

    def __init__(
        self,
        path: Path,
        fps: float,
        live: bool = False,
        times: StageTimes | None = None,
        stream: bool = True,
    ) -> None:
        """Take a path with one of VIDEO_SUFFIXES; the file begins with the first frame."""
        self._path, self._fps, self._live, self._stream = path, fps, live, stream
        self._times = times or StageTimes()
        self._writer: cv2.VideoWriter | None = None
        self._beside, self._size = path, (0, 0)
        self._started_at, self._written = 0.0, 0
        self._stack = ExitStack()

    def write(
        self,
        frame: Frame,
        observations: Sequence[Observation],
        events: Sequence[ExpressionEvent],
    ) -> None:
        """Draw and append one frame; a frame of another size is fitted to the first one's."""
        with self._times.stage("draw"):
            pixels = draw_observations(frame, observations)
        with self._times.stage("encode"):
            self._append(frame, pixels)

    def _append(self, frame: Frame, pixels: UInt8Array) -> None:
        if self._writer is None:
            self._size, self._started_at = (frame.width, frame.height), frame.captured_at
            self._writer = self._opened()
        if (frame.width, frame.height) != self._size:
            pixels = cv2.resize(pixels, self._size).astype(pixels.dtype)
        for _ in range(self._missing(frame)):
            self._writer.write(pixels)
            self._written += 1

    def _missing(self, frame: Frame) -> int:
        """Return how often to write a frame: up to its time, a long silence cut short."""
        if not self._stream:
            return 1
        due = round((frame.captured_at - self._started_at) * self._fps) + 1
        missing = max(due - self._written, 0)
        fill = LONGEST_FILL_SECONDS if self._live else LONGEST_HOLD_SECONDS
        longest = round(fill * self._fps)
        if missing > longest:
            self._started_at += (missing - longest) / self._fps
        return min(missing, longest)

    def _opened(self) -> cv2.VideoWriter:
        name_for_opencv(self._path)
        self._beside = self._stack.enter_context(written_beside(self._path))
        code = cv2.VideoWriter.fourcc(*VIDEO_SUFFIXES[self._path.suffix.lower()])
        writer = cv2.VideoWriter(str(self._beside), code, self._fps, self._size)
        if not writer.isOpened():
            with self._stack:
                raise FerError(f"OpenCV cannot write the video {self._path}")
        return writer

    def __enter__(self) -> VideoRecorder:
        return self

    def __exit__(self, *raised: object) -> None:
        if self._writer is None:
            return
        self._writer.release()
        with self._stack:  # keeps the new video, or the old one when the new one is no good
            if _frames_in(self._beside) != self._written:
                raise FerError(
                    f"the video {self._path} could not be written whole: is the disk full?"
                )


def _frames_in(video: Path) -> int:
    """Count the frames that can be read back: a full disk makes no error, only fewer of them."""
    capture = cv2.VideoCapture(str(video))
    count = 0
    while capture.grab():
        count += 1
    capture.release()
    return count


class PictureRecorder(Sink):
    """Annotated pictures in a folder: NAME-seen.jpg, and NAME-000012-seen.jpg for frame 12."""

    def __init__(self, folder: Path, stream: bool, times: StageTimes | None = None) -> None:
        """Make the folder; raise FerError when that cannot be done."""
        self._folder, self._stream = make_folder(folder), stream
        self._times = times or StageTimes()
        self._names: set[str] = set()

    def write(
        self,
        frame: Frame,
        observations: Sequence[Observation],
        events: Sequence[ExpressionEvent],
    ) -> None:
        """Write one annotated picture; two of one name are told apart by their number."""
        name = re.sub(r"[^\w.-]+", "_", Path(frame.source).stem) or "frame"
        if self._stream or name in self._names:
            name = f"{name}-{frame.index:06d}"
        self._names.add(name)
        with self._times.stage("draw"):
            picture = draw_observations(frame, observations)
        with self._times.stage("encode"):
            save_picture(self._folder / f"{name}-seen.jpg", picture)


class BestPicture(Sink):
    """The annotated picture of the frame whose face is surest, written at the end."""

    def __init__(self, path: Path, times: StageTimes | None = None) -> None:
        self._path, self._times = path, times or StageTimes()
        self._confidence = -1.0
        self._picture: UInt8Array | None = None

    def write(
        self,
        frame: Frame,
        observations: Sequence[Observation],
        events: Sequence[ExpressionEvent],
    ) -> None:
        """Keep the frame if its surest face is surer than any before."""
        surest = max((seen.confidence for seen in observations), default=0.0)
        if surest > self._confidence:
            self._confidence = surest
            with self._times.stage("draw"):
                self._picture = draw_observations(frame, observations)

    def finish(self, events: Sequence[ExpressionEvent]) -> None:
        """Write the picture."""
        if self._picture is not None:
            with self._times.stage("encode"):
                save_picture(self._path, self._picture)


Recorder = VideoRecorder | PictureRecorder | BestPicture


def make_recorder(
    where: Path,
    fps: float,
    stream: bool = True,
    live: bool = False,
    times: StageTimes | None = None,
) -> Recorder:
    """Return the sink for a path: a video, one picture, or a folder of pictures by its suffix."""
    suffix = where.suffix.lower()
    if suffix in VIDEO_SUFFIXES:
        return VideoRecorder(where, fps, live, times, stream)
    if suffix in SAVED_SUFFIXES:
        return BestPicture(where, times)
    if suffix and not where.is_dir():
        known = ", ".join(sorted({*VIDEO_SUFFIXES, *SAVED_SUFFIXES}))
        raise FerError(f"cannot save {where}: give a folder, or a name that ends in {known}")
    return PictureRecorder(where, stream, times)


def save_picture(path: Path, pixels: UInt8Array) -> None:
    """Write a picture (h, w, 3) BGR whole or not at all, in the format of its suffix."""
    ok, encoded = cv2.imencode(path.suffix, pixels)
    if not ok:
        raise FerError(f"OpenCV cannot write the picture {path}")
    write_bytes(path, encoded.tobytes())
