"""Annotated pictures, and which recorder a path asks for."""

from __future__ import annotations

import re
from pathlib import Path

from fer_core.errors import ArgumentError, FerError
from fer_core.files import make_folder, write_bytes
from fer_core.opencv import cv2
from fer_core.text import name_key
from fer_core.values import Frame, UInt8Array
from fer_edge.faces.analysis import Analysis
from fer_edge.outputs import Output
from fer_edge.outputs.encoding import CODINGS
from fer_edge.outputs.overlay import draw_observations
from fer_edge.outputs.video import VideoRecorder
from fer_edge.stages import StageTimes

SAVED_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".webp"}
SAVED_END = "-seen.jpg"


class PictureRecorder(Output):
    """Annotated pictures in a folder: NAME-seen.jpg, and NAME-000012-seen.jpg for frame 12."""

    def __init__(self, folder: Path, stream: bool, times: StageTimes | None = None) -> None:
        """Make the folder.

        Args:
            folder: Where the pictures go.
            stream: Whether frames follow each other in time, and have a number in their names.
            times: What counts the time of drawing and writing.

        Raises:
            FerError: The folder cannot be made.
        """
        self._folder, self._stream = make_folder(folder), stream
        self._times = times or StageTimes()
        self._names: set[str] = set()

    def write(self, frame: Frame, seen: Analysis) -> None:
        """Write one annotated picture; two of one name are told apart by their number.

        Names that differ in capitals alone are one file on Windows and macOS.
        """
        name = re.sub(r"[^\w.-]+", "_", Path(frame.source).stem) or "frame"
        if self._stream or name_key(name) in self._names:
            name = f"{name}-{frame.index:06d}"
        if not self._stream:  # of a camera there would be ever more
            self._names.add(name_key(name))
        with self._times.stage("draw"):
            picture = draw_observations(frame, seen.observations)
        with self._times.stage("encode"):
            save_picture(self._folder / f"{name}{SAVED_END}", picture)


class BestPicture(Output):
    """The annotated picture of the frame whose face is surest, written at the end."""

    def __init__(self, path: Path, times: StageTimes | None = None) -> None:
        self._path, self._times = path, times or StageTimes()
        self._confidence = -1.0
        self._picture: UInt8Array | None = None

    def write(self, frame: Frame, seen: Analysis) -> None:
        """Keep the frame if its surest face is surer than any before."""
        surest = max((face.confidence for face in seen.observations), default=0.0)
        if surest > self._confidence:
            self._confidence = surest
            with self._times.stage("draw"):
                self._picture = draw_observations(frame, seen.observations)

    def finish(self, seen: Analysis) -> None:
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
    """Return the output for a path: a video, one picture, or a folder of pictures by its suffix.

    Args:
        where: The path.
        fps: Frames a second of the video.
        stream: Whether frames follow each other in time, or each is a picture for itself.
        live: Whether they are a camera's.
        times: What counts the time of drawing and writing.

    Raises:
        FerError: The folder cannot be made, or PyAV, which writes videos, is not installed.
        ArgumentError: The suffix is that of no video and no picture.
    """
    check_saved_name(where)
    suffix = where.suffix.lower()
    if suffix in CODINGS:
        return VideoRecorder(where, fps, live, times, stream)
    if suffix in SAVED_SUFFIXES:
        return BestPicture(where, times)
    return PictureRecorder(where, stream, times)


def check_saved_name(where: Path) -> None:
    """Make sure that a name is that of a folder, a video or a picture.

    Raises:
        ArgumentError: Its suffix is that of no video and no picture.
    """
    suffix, known = where.suffix.lower(), {*CODINGS, *SAVED_SUFFIXES}
    if suffix and suffix not in known and not where.is_dir():
        raise ArgumentError(
            f"cannot save {where}: give a folder, or a name that ends in {', '.join(sorted(known))}"
        )


def save_picture(path: Path, pixels: UInt8Array) -> None:
    """Write a picture (h, w, 3) BGR whole or not at all, in the format of its suffix.

    Raises:
        FerError: OpenCV or the system cannot write it.
    """
    if path.suffix.lower() not in SAVED_SUFFIXES:
        known = ", ".join(sorted(SAVED_SUFFIXES))
        raise FerError(f"cannot write {path}: the name must end in {known}")
    ok, encoded = cv2.imencode(path.suffix, pixels)
    if not ok:
        raise FerError(f"OpenCV cannot write the picture {path}")
    write_bytes(path, encoded.tobytes())
