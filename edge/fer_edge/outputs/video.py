"""Annotated videos that browsers and telephones play, whole or cut off by a power failure."""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack
from pathlib import Path

from fer_core.errors import FerError
from fer_core.files import make_folder, patiently, utf8_name, written_beside
from fer_core.values import Frame, UInt8Array
from fer_edge.faces.analysis import Analysis
from fer_edge.outputs import Output
from fer_edge.outputs.encoding import VideoFile, load_pyav
from fer_edge.outputs.overlay import draw_observations
from fer_edge.stages import StageTimes

LONGEST_FILL_SECONDS = 2.0
"""How much of a live camera's silence a recording keeps, unless the camera is slower."""
SLOW_PAUSES, LONGEST_PAUSE_SECONDS = 3.0, 24.0
"""How many of a slow camera's pauses it keeps at once, and how long a pause may be."""
LONGEST_HOLD_SECONDS = 60.0
"""How long a frame of a file may last in a recording: a damaged one may claim hours."""
LONGEST_PART_SECONDS = 6 * 3600.0
"""After how long a live recording begins another file: FFmpeg keeps 72 bytes in memory of
each frame of an MP4, so a week of 30 frames a second would take 1.3 GB."""
_log = logging.getLogger(__name__)


class VideoRecorder(Output):
    """An annotated video. Frames stand at their time, as the camera or file gave them.

    A live recording bears its name from the first frame on, is made of pieces, and stays whole up
    to the last PIECE_SECONDS if the power fails. An earlier file of that name is kept under
    another, also one of this run after LONGEST_PART_SECONDS. The recording of a file is written
    beside its name and renamed at the end. Pictures, which are no `stream`, have no time: each
    lasts `1 / fps` seconds.
    """

    def __init__(
        self,
        path: Path,
        fps: float,
        live: bool = False,
        times: StageTimes | None = None,
        stream: bool = True,
    ) -> None:
        """Take a path; the file begins with the first frame.

        Args:
            path: With a suffix of CODINGS.
            fps: Frames a second.
            live: Whether they are a camera's.
            times: What counts the time of drawing and writing.
            stream: Whether they have a time, or are pictures.

        Raises:
            FerError: PyAV is not installed, or FFmpeg cannot take the name.
        """
        self._av = load_pyav()
        self._broken = (self._av.error.FFmpegError, OSError, ValueError)
        utf8_name(path)
        self._path, self._fps, self._live, self._stream = path, fps, live, stream
        self._times = times or StageTimes()
        self._video: VideoFile | None = None
        self._stack = ExitStack()
        self._offset, self._last, self._pictures = 0.0, 0.0, 0
        self._pause = LONGEST_PAUSE_SECONDS
        self._failure: FerError | None = None

    def write(self, frame: Frame, seen: Analysis) -> None:
        """Draw and append one frame; a frame of another size is fitted to the first one's.

        When the disk is full a live run goes on without its recording, and says so.
        """
        if self._failure:
            return
        with self._times.stage("draw"):
            pixels = draw_observations(frame, seen.observations)
        with self._times.stage("encode"):
            try:
                self._append(frame, pixels)
            except self._broken as error:
                self._fail(error)
            except FerError as error:
                if self._pictures == 1 or not self._live:
                    raise
                self._fail(error)

    def _append(self, frame: Frame, pixels: UInt8Array) -> None:
        at = frame.captured_at if self._stream else self._pictures / self._fps
        self._pictures += 1
        if self._live and self._last >= LONGEST_PART_SECONDS:
            self._end_part()
        if self._video is None:
            self._offset, self._last = at, 0.0
            size = (frame.width, frame.height)
            self._video = VideoFile(self._av, self._place(), size, self._fps, self._live)
        step = at - self._offset - self._last
        longest = self._longest_fill() if self._live else LONGEST_HOLD_SECONDS
        if 0 < step <= LONGEST_PAUSE_SECONDS:
            self._pause = step
        if step < 0:  # a clock was set back: as if the frame came in its turn
            self._offset += step - 1 / self._fps
        elif step > longest:
            self._offset += step - longest
        self._last = at - self._offset
        self._video.write(pixels, self._last)

    def _end_part(self) -> None:
        """Finish the file, so that the next frame begins another."""
        video, self._video, self._last = self._video, None, 0.0
        if video:
            video.close()

    def _longest_fill(self) -> float:
        """Return how much of a silence is kept, after the pause before the newest frame."""
        slow = min(SLOW_PAUSES * self._pause, LONGEST_PAUSE_SECONDS)
        return max(LONGEST_FILL_SECONDS, slow)

    def _place(self) -> Path:
        """Return where the encoder writes."""
        if not self._live:
            return self._stack.enter_context(written_beside(self._path))
        make_folder(self._path.parent)
        place = self._path.resolve()  # a link stays a link
        try:
            kept = patiently(lambda: keep_earlier(place))
        except OSError as error:
            if self._pictures == 1:
                raise
            now = time.strftime("%Y%m%d-%H%M%S")
            other = place.with_name(f"{place.stem}-{now}{place.suffix}")
            _log.warning("%s cannot be renamed: %s; now in %s", place, error.strerror, other)
            return other
        if kept:
            _log.warning("the earlier %s is now %s", self._path, kept)
        return place

    def _fail(self, error: Exception) -> None:
        self._failure = self._not_whole(error)
        if not self._live:
            raise self._failure from error
        _log.warning("%s; the rest continues without it", self._failure)

    def __enter__(self) -> VideoRecorder:
        return self

    def __exit__(self, *raised: object) -> None:
        with self._stack:  # keeps the new video, or the old one when the new one is no good
            if self._video is not None:
                try:
                    self._video.close()
                except self._broken as error:
                    self._failure = self._failure or self._not_whole(error)
            if self._failure:
                raise self._failure

    def _not_whole(self, error: Exception) -> FerError:
        return FerError(f"the video {self._path} could not be written whole: {error}")


def keep_earlier(path: Path) -> Path | None:
    """Rename a file so that a new one can have its name; return the new name, None for no file.

    The name has the time of its last change: rec.mp4 becomes rec-20261126-195742.mp4.

    Raises:
        FerError: It is no file, or no name is free.
    """
    if not path.exists():
        return None
    if not path.is_file():
        raise FerError(f"{path} is no file: choose another name")
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(path.stat().st_mtime))
    for again in ("", *(f"-{number}" for number in range(2, 1000))):
        kept = path.with_name(f"{path.stem}-{stamp}{again}{path.suffix}")
        if not kept.exists():
            path.rename(kept)
            return kept
    raise FerError(f"{path} is there, and so are a thousand earlier ones: choose another name")
