"""Annotated pictures, and which recorder a path asks for."""

from __future__ import annotations

import logging
import re
from datetime import datetime
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

log = logging.getLogger(__name__)
SAVED_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".webp"}
SAVED_END = "-seen.jpg"


class PictureRecorder(Output):
    """Annotated pictures in a folder: NAME-seen.jpg, and NAME-000012-seen.jpg for frame 12.

    Those of a live camera have the time of day in their names, NAME-20261126-195742-250-seen.jpg:
    the next run begins at frame 0 again. `dropped` counts those that could not be written.
    """

    def __init__(
        self, folder: Path, stream: bool, times: StageTimes | None = None, live: bool = False
    ) -> None:
        """Make the folder.

        Args:
            folder: Where the pictures go.
            stream: Whether frames follow each other in time, and have a number in their names.
            times: What counts the time of drawing and writing.
            live: Whether they are a camera's. Then one that cannot be written is counted and
                reported once, as a full disk may have room again, and nothing waits for the disk.

        Raises:
            FerError: The folder cannot be made.
        """
        self._folder, self._stream = make_folder(folder), stream
        self._times = times or StageTimes()
        self._live, self._names = live, set[str]()
        self.dropped = self._dropped_lately = 0

    def write(self, frame: Frame, seen: Analysis) -> None:
        """Write one annotated picture.

        Raises:
            FerError: It cannot be written, and the frames are not a live camera's.
        """
        path = self._path(frame)
        with self._times.stage("draw"):
            picture = draw_observations(frame, seen.observations)
        with self._times.stage("encode"):
            try:
                save_picture(path, picture, sync=not self._live)
            except FerError as error:
                if not self._live:
                    raise
                self._drop(error)
            else:
                self._tell_of_recovery()

    def _path(self, frame: Frame) -> Path:
        """Return a name that no other picture of this run has, or of any run of a camera.

        Names that differ in capitals alone are one file on Windows and macOS.
        """
        name = re.sub(r"[^\w.-]+", "_", Path(frame.source).stem).strip(".") or "frame"
        if self._live and frame.wall_clock is not None:
            taken = datetime.fromtimestamp(frame.wall_clock)
            return self._unused(f"{name}-{taken:%Y%m%d-%H%M%S}-{taken.microsecond // 1000:03d}")
        if self._stream or name_key(name) in self._names:
            name = f"{name}-{frame.index:06d}"
        if not self._stream:
            self._names.add(name_key(name))
        return self._folder / f"{name}{SAVED_END}"

    def _unused(self, name: str) -> Path:
        """Return the file for a time of day, which may come again where the clock is set back."""
        path, again = self._folder / f"{name}{SAVED_END}", 1
        while path.exists():
            again += 1
            path = self._folder / f"{name}-{again}{SAVED_END}"
        return path

    def _drop(self, error: FerError) -> None:
        if not self._dropped_lately:
            log.warning("%s; pictures are dropped", error)
        self.dropped, self._dropped_lately = self.dropped + 1, self._dropped_lately + 1

    def _tell_of_recovery(self) -> None:
        if self._dropped_lately:
            words = "can write pictures into %s again; %d were dropped"
            log.warning(words, self._folder, self._dropped_lately)
        self._dropped_lately = 0


class BestPicture(Output):
    """The annotated picture of the frame whose face is surest, written at the end."""

    def __init__(self, path: Path, times: StageTimes | None = None) -> None:
        """Take a path; at the end of a run it would be too late to miss its folder.

        Args:
            path: With a suffix of SAVED_SUFFIXES.
            times: What counts the time of drawing and writing.

        Raises:
            FerError: Its folder is not there.
        """
        if not path.parent.is_dir():
            raise FerError(f"cannot write {path}: there is no folder {path.parent}; make it first")
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
        """Write the picture.

        Raises:
            FerError: It cannot be written.
        """
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
        FerError: The folder of a picture is not there, another one cannot be made, or PyAV, which
            writes videos, is not installed.
        ArgumentError: The suffix is that of no video and no picture.
    """
    check_saved_name(where)
    suffix = where.suffix.lower()
    if suffix in CODINGS:
        return VideoRecorder(where, fps, live, times, stream)
    if suffix in SAVED_SUFFIXES:
        return BestPicture(where, times)
    return PictureRecorder(where, stream, times, live)


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


def wrong_picture_name(path: Path) -> str:
    """Return what is wrong with a name whose suffix is that of no picture, else nothing."""
    if path.suffix.lower() in SAVED_SUFFIXES:
        return ""
    return f"the name must end in {', '.join(sorted(SAVED_SUFFIXES))}"


def save_picture(path: Path, pixels: UInt8Array, sync: bool = True) -> None:
    """Write a picture (h, w, 3) BGR whole or not at all, in the format of its suffix.

    Args:
        path: The file.
        pixels: The picture.
        sync: Whether to wait until the disk has it, see `written_beside`.

    Raises:
        FerError: OpenCV or the system cannot write it.
    """
    if wrong := wrong_picture_name(path):
        raise FerError(f"cannot write {path}: {wrong}")
    ok, encoded = cv2.imencode(path.suffix, pixels)
    if not ok:
        raise FerError(f"OpenCV cannot write the picture {path}")
    write_bytes(path, encoded.tobytes(), sync)
