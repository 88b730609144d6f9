"""Frames from pictures and video files, every one of them, with media time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from fer_core.errors import FerError
from fer_core.files import utf8_name
from fer_core.opencv import MOST_PIXELS, cv2
from fer_core.pictures import (
    NOT_READ,
    TOO_LARGE,
    UNKNOWN,
    FoundPictures,
    Picture,
    animation_note,
    find_pictures,
    read_picture,
)
from fer_core.values import Frame

log = logging.getLogger(__name__)

MOST_MISSING = 0.1
"""Which part of a video may be missing; sound that goes on after the pictures counts, too."""
_SLACK_SECONDS = 1e-3
"""By how much a frame may come early and still be taken."""
FASTEST_FPS, USUAL_FPS = 240.0, 30.0
"""Browsers write 1000 frames a second into a file of thirty: past the first the second is taken."""


def picture_files(paths: Sequence[Path]) -> FoundPictures:
    """Return the pictures that files and folders name.

    Raises:
        FerError: A path is not there, or a folder holds no picture.
    """
    files: list[Path] = []
    others: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = find_pictures(path)
            if not inside.files:
                why = f", only {inside.left_out()}" if inside.others else ""
                raise FerError(f"the folder {path} holds no picture{why}")
            files += inside.files
            others += inside.others
        elif path.exists():
            files.append(path)
        else:
            raise _missing(path)
    return FoundPictures(tuple(files), tuple(others))


class PictureSource:
    """One frame a picture. Unreadable pictures are passed over and named at the end."""

    def __init__(self, files: Sequence[Path], say: Callable[[str], None] | None = None) -> None:
        """Take the pictures; none is read yet.

        Args:
            files: The pictures.
            say: Is told once that of an animation only the first picture is looked at.
        """
        self._files = tuple(files)
        self._say = say

    def frames(self, stop: threading.Event) -> Iterator[Frame]:
        """Yield every readable picture.

        Raises:
            FerError: At the end, if a picture could not be read.
        """
        unreadable = []
        for index, file in enumerate(self._files):
            if stop.is_set():
                return
            picture = read_picture(file, colour=True)
            if isinstance(picture, str):
                unreadable.append(f"{file} is {why_not(file, picture)}")
            else:
                self._tell_of(picture, file)
                yield Frame(picture.pixels, index, 0.0, file.name, reduced=picture.reduced)
        if unreadable:
            more = f" and {len(unreadable) - 5} more" if len(unreadable) > 5 else ""
            raise FerError(
                f"{len(unreadable)} of {len(self._files)} pictures cannot be read: "
                f"{', '.join(unreadable[:5])}{more}",
                see="picture-unreadable",
            )

    def _tell_of(self, picture: Picture, file: Path) -> None:
        if picture.animated and self._say:
            self._say(animation_note(file))
            self._say = None

    def close(self) -> None:
        """Hold nothing open."""


def read_one_picture(file: Path) -> Picture:
    """Return the picture in a file.

    Raises:
        FerError: It is not there, or cannot be read.
    """
    if not file.exists():
        raise _missing(file)
    picture = read_picture(file, colour=True)
    if isinstance(picture, str):
        raise FerError(
            f"{file} is no picture that can be read: it is {why_not(file, picture)}",
            see="picture-unreadable",
        )
    return picture


def _missing(file: Path) -> FerError:
    return FerError(f"there is no picture {file}", see="picture-not-found")


def why_not(file: Path, reason: str) -> str:
    """Return why a picture cannot be read, in the words for files of its suffix."""
    return NOT_READ.get(file.suffix.lower(), reason) if reason == UNKNOWN else reason


class VideoSource:
    """Every frame of a video file, or one now and then; the time is the file's own.

    Attributes:
        fps: Frames a second, as the file says.
        missing: The part of its length that the file says and does not have, 0 to 1; known when
            all frames were read.
    """

    def __init__(self, path: Path, every: float = 0.0) -> None:
        """Open a video.

        Args:
            path: The file.
            every: Seconds from one frame to the next one that is taken, 0 for all frames.

        Raises:
            FerError: There is none that OpenCV can read, or its frames are too large.
        """
        if not path.is_file():
            raise FerError(f"there is no video {path}", see="video-not-found")
        self._path, self._every, self.missing = path, every, 0.0
        self._capture = cv2.VideoCapture(utf8_name(path))
        if not self._capture.isOpened():
            raise FerError(
                f"{path} is no video that OpenCV can read: empty, damaged or of an unknown format",
                see="video-unreadable",
            )
        sides = cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT
        width, height = (int(self._capture.get(side)) for side in sides)
        if width * height > MOST_PIXELS:
            self.close()
            raise FerError(
                f"{path} has frames of {width}x{height} pixels, {TOO_LARGE}",
                see="video-unreadable",
            )
        said = self._capture.get(cv2.CAP_PROP_FPS)
        self.fps = said if 1 <= said <= FASTEST_FPS else USUAL_FPS

    def frames(self, stop: threading.Event) -> Iterator[Frame]:
        """Yield the frames that are to be taken.

        Raises:
            FerError: The file has none.
        """
        index, last, due = 0, -1.0, 0.0
        while not stop.is_set() and self._capture.grab():
            at = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            if at <= last:  # some containers give no times
                at = last + 1 / self.fps if index else 0.0
            if at >= due - _SLACK_SECONDS:
                ok, pixels = self._capture.retrieve()
                if not ok:
                    break
                yield Frame(np.asarray(pixels, np.uint8), index, at, self._path.name)
                while self._every and due <= at + _SLACK_SECONDS:
                    due += self._every
            index, last = index + 1, at
        if stop.is_set():
            return
        if index == 0:
            raise FerError(f"{self._path} holds no frame that can be decoded")
        said = self._said()
        self.missing = max(0.0, 1 - (last + 1 / self.fps) / said) if said else 0.0

    def warn_if_cut_short(self) -> None:
        """Say, after the last frame, that much of the file's length is missing."""
        if self.missing > MOST_MISSING:
            words = "%s is cut short or damaged: %.0f%% of its length is missing"
            log.warning(words, self._path, 100 * self.missing)

    def _said(self) -> float:
        """Return how many seconds the file says that it lasts, 0 where it does not."""
        if self._capture.get(cv2.CAP_PROP_FPS) != self.fps:
            return 0.0
        return max(0.0, self._capture.get(cv2.CAP_PROP_FRAME_COUNT) / self.fps)

    def close(self) -> None:
        """Close the file."""
        self._capture.release()
