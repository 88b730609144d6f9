"""What a worker does with a piece, in a process of this computer or of a cluster."""

from __future__ import annotations

import errno
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from fer_core.bundle import ModelBundle
from fer_core.errors import FerError
from fer_core.native import quiet_native_code
from fer_core.opencv import cv2, silence_opencv
from fer_core.pictures import decode_or_reason, read_picture
from fer_core.sharpness import sharpness
from fer_core.values import Frame
from fer_edge.faces.analysis import PictureAnalyzer
from fer_edge.faces.detector import DetectorRequest
from fer_edge.faces.detectors import make_detector
from fer_edge.inference.classifier import TfliteClassifier
from fer_edge.inference.interpreter import TfliteModel
from fer_edge.score.manifest import Result
from fer_edge.score.plan import Piece
from fer_edge.score.remote import fetch, read_bytes
from fer_edge.score.shards import Row, shard_file, write_faces
from fer_edge.score.sources import Source, suffix_of
from fer_edge.sources.files import MOST_MISSING, VideoSource, why_not

MODEL = "model.tflite"
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True)
class Scoring:
    """How every piece of a folder of results is read.

    Attributes:
        out: The folder, an absolute path; all workers see it there.
        detector: A name, or a file that all workers see.
        every: Seconds from one frame of a video to the next one that is taken.
    """

    out: str
    detector: str
    every: float

    def begin(self) -> None:
        """Load detector and network, once in a process.

        Raises:
            FerError: One of them does not load, or the folder is not seen from here.
        """
        _reader(self)

    def score(self, piece: Piece) -> Result:
        """Read a piece and write its shard.

        Raises:
            FerError: The shard cannot be written, or there is no room for a video.
        """
        reader, rows = _reader(self), list[Row]()
        errors: list[tuple[str, str]] = []
        frames = empty = 0
        for source in piece.sources:
            before = len(rows)
            try:
                for frame in reader.frames(source):
                    frames += 1
                    rows += reader.faces(source, frame)
            except Exception as error:
                if isinstance(error, OSError) and error.errno in _NO_ROOM:
                    raise FerError(f"no room for a copy of {source.name}: {error}") from error
                if not isinstance(error, _CutShortError):
                    del rows[before:]  # whole or not at all
                errors.append((source.name, _reason(error)))
            else:
                empty += len(rows) == before
        count, size = len(piece.sources), 0
        if rows:
            size = write_faces(shard_file(Path(self.out), piece.first, count), rows, reader.labels)
        return Result(piece.first, count, frames, len(rows), empty, size, tuple(errors))


class _CutShortError(FerError):
    """A video ends before its time; the frames until there were yielded."""


class _Reader:
    """Detector and network as `fer-edge PICTURES` has them."""

    def __init__(self, how: Scoring) -> None:
        silence_opencv()
        cv2.setNumThreads(1)  # a worker a core
        file = Path(how.out, MODEL)
        if not file.is_file():
            raise FerError(
                f"a worker does not see {file}: --out must be a folder that all nodes share"
            )
        bundle = ModelBundle.load(file)
        self.labels, self._every = bundle.manifest.labels, how.every
        self._crop = bundle.manifest.input.pixels
        detector = make_detector(how.detector, DetectorRequest(stream=False))
        self._analyzer = PictureAnalyzer(detector, TfliteClassifier(TfliteModel(bundle, 1)))

    def frames(self, source: Source) -> Iterator[Frame]:
        """Yield the picture, or frames of the video."""
        if not source.is_video:
            yield _picture(source)
        elif source.is_remote:
            with tempfile.TemporaryDirectory(prefix="fer-edge-") as folder:
                file = Path(folder, f"video{suffix_of(source.address)}")
                fetch(source.address, file)
                try:
                    yield from self._of_video(file)
                except FerError as error:
                    raise type(error)(str(error).replace(str(file), source.name)) from error
        else:
            yield from self._of_video(Path(source.address))

    def _of_video(self, file: Path) -> Iterator[Frame]:
        with closing(_opened(file, self._every)) as video:
            yield from video.frames(threading.Event())
            if video.missing > MOST_MISSING:
                raise _CutShortError(
                    f"the video is cut short or damaged: {video.missing:.0%} of its length is "
                    "missing; the faces before are in the result"
                )

    def faces(self, source: Source, frame: Frame) -> Iterator[Row]:
        """Yield what a frame shows, with boxes in pixels of the file."""
        for seen in self._analyzer.analyze(frame).observations:
            crop = self._crop(frame, seen.face)
            in_the_file = replace(seen, face=seen.face.times(frame.reduced))
            yield Row(source.name, in_the_file, sharpness(crop))


def _opened(file: Path, every: float) -> VideoSource:
    """Open a video; what OpenCV writes to stderr about a damaged one helps nobody."""
    with quiet_native_code():
        try:
            return VideoSource(file, every)
        except FerError as error:
            why = error
    raise why


@lru_cache(maxsize=1)
def _reader(how: Scoring) -> _Reader:
    return _Reader(how)


def _picture(source: Source) -> Frame:
    """Return the one frame of a picture; raise FerError where there is none."""
    file = Path(source.name)
    if source.is_remote:
        read = decode_or_reason(read_bytes(source.address), colour=True)
    else:
        read = read_picture(file, colour=True)
    if isinstance(read, str):
        raise FerError(why_not(file, read))
    return Frame(read.pixels, 0, 0.0, file.name, reduced=read.reduced)


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, FerError) else f"{type(error).__name__}: {error}"
