"""Annotated pictures and videos, complete when the sink is left."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import cv2
from fer_core.errors import FerError
from fer_core.files import make_folder, write_bytes, written_beside
from fer_core.readers import PICTURE_SUFFIXES
from fer_core.values import Frame, Observation, UInt8Array

from fer_edge.events import ExpressionEvent
from fer_edge.overlay import draw_observations

VIDEO_SUFFIXES = {".mp4": "mp4v", ".avi": "MJPG", ".mkv": "mp4v"}


class VideoRecorder:
    """An annotated video, written beside its name and renamed when it is left."""

    def __init__(self, path: Path, fps: float) -> None:
        """Take a path with one of VIDEO_SUFFIXES; the file begins with the first frame."""
        self._path, self._fps = path, fps
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)
        self._stack = ExitStack()

    def write(
        self,
        frame: Frame,
        observations: Sequence[Observation],
        events: Sequence[ExpressionEvent],
    ) -> None:
        """Draw and append one frame; a frame of another size is fitted to the first one's."""
        pixels = draw_observations(frame, observations)
        if self._writer is None:
            self._size = (frame.width, frame.height)
            self._writer = self._opened()
        if (frame.width, frame.height) != self._size:
            pixels = cv2.resize(pixels, self._size).astype(pixels.dtype)
        self._writer.write(pixels)

    def finish(self, events: Sequence[ExpressionEvent]) -> None:
        """Write nothing: a video shows frames."""

    def _opened(self) -> cv2.VideoWriter:
        beside = self._stack.enter_context(written_beside(self._path))
        code = cv2.VideoWriter.fourcc(*VIDEO_SUFFIXES[self._path.suffix.lower()])
        writer = cv2.VideoWriter(str(beside), code, self._fps, self._size)
        if not writer.isOpened():
            raise FerError(f"OpenCV cannot write the video {self._path}")
        return writer

    def __enter__(self) -> VideoRecorder:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._writer is not None:
            self._writer.release()
        self._stack.close()


class PictureRecorder:
    """Annotated pictures in a folder: NAME.jpg a picture, NAME-FRAME.jpg a frame of a stream."""

    def __init__(self, folder: Path) -> None:
        """Make the folder; raise FerError when that cannot be done."""
        self._folder = make_folder(folder)

    def write(
        self,
        frame: Frame,
        observations: Sequence[Observation],
        events: Sequence[ExpressionEvent],
    ) -> None:
        """Write one annotated picture."""
        followed = any(seen.track_id is not None for seen in observations)
        name = Path(frame.source).stem or "frame"
        number = f"-{frame.index:06d}" if followed else ""
        save_picture(self._folder / f"{name}{number}.jpg", draw_observations(frame, observations))

    def finish(self, events: Sequence[ExpressionEvent]) -> None:
        """Write nothing: there is no further picture."""


class BestPicture:
    """The annotated picture of the frame whose face is surest, written at the end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._confidence = -1.0
        self._picture: UInt8Array | None = None

    def write(
        self,
        frame: Frame,
        observations: Sequence[Observation],
        events: Sequence[ExpressionEvent],
    ) -> None:
        """Keep the frame if its surest face is surer than any before."""
        surest = max((seen.prediction.confidence for seen in observations), default=0.0)
        if surest > self._confidence:
            self._confidence = surest
            self._picture = draw_observations(frame, observations)

    def finish(self, events: Sequence[ExpressionEvent]) -> None:
        """Write the picture."""
        if self._picture is not None:
            save_picture(self._path, self._picture)


Recorder = VideoRecorder | PictureRecorder | BestPicture


def make_recorder(where: Path, fps: float) -> Recorder:
    """Return the sink for a path: a video, one picture, or a folder of pictures by its suffix."""
    suffix = where.suffix.lower()
    if suffix in VIDEO_SUFFIXES:
        return VideoRecorder(where, fps)
    if suffix in PICTURE_SUFFIXES:
        return BestPicture(where)
    if suffix and not where.is_dir():
        known = ", ".join(sorted({*VIDEO_SUFFIXES, *PICTURE_SUFFIXES}))
        raise FerError(f"cannot save {where}: give a folder, or a name that ends in {known}")
    return PictureRecorder(where)


def save_picture(path: Path, pixels: UInt8Array) -> None:
    """Write a picture (h, w, 3) BGR whole or not at all, in the format of its suffix."""
    ok, encoded = cv2.imencode(path.suffix, pixels)
    if not ok:
        raise FerError(f"OpenCV cannot write the picture {path}")
    write_bytes(path, encoded.tobytes())
