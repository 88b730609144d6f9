"""Writes the frames of clips beside the camera loop."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fer_core.errors import FerError
from fer_core.opencv import cv2
from fer_core.values import UInt8Array
from fer_edge.outputs.clips.folder import ClipFacts, ClipFolder
from fer_edge.outputs.encoding import VideoFile, load_pyav
from fer_edge.outputs.freed_memory import give_back_freed_memory
from fer_edge.outputs.stamp import local_time

log = logging.getLogger(__name__)

MOST_WAITING, MOST_WAITING_BYTES = 900, 16 << 20
"""How many frames may wait for the encoder, a minute of 15 a second, and how much memory they may
take, of all cameras together."""
FPS = 15.0
AGAIN_SECONDS = 5.0
"""After what time a clip that could not be written is begun anew."""
TIDY_SECONDS = 60.0
"""How often memory that encoders have freed is given back."""
CLOSING_SECONDS = 20.0
"""How long the end of a run waits for what is still to be written."""


@dataclass(frozen=True, slots=True, eq=False)
class KeptFrame:
    """An encoded picture and when it was taken: seconds of the frames' clock, and since 1970."""

    at: float
    wall: float | None
    jpeg: bytes


class ClipWriter:
    """Takes frames of clips, by the camera's name, and writes them on a thread of its own.

    Attributes:
        dropped: Frames that could not be written.
    """

    def __init__(self, folder: ClipFolder) -> None:
        """Take the folder.

        Raises:
            FerError: PyAV is not installed.
        """
        self._av, self._folder = load_pyav(), folder
        self._broken = (self._av.error.FFmpegError, OSError, ValueError, FerError)
        self._open: dict[str, _Clip] = {}
        self._work: queue.Queue[Callable[[], None] | None] = queue.Queue()
        self._is_told, self._waiting_bytes, self._counting = False, 0, threading.Lock()
        self._tidied_at = time.monotonic()
        self.dropped = 0
        self._thread = threading.Thread(target=self._run, name="clips", daemon=True)
        self._thread.start()

    def begin(self, camera: str, label: str, person: str) -> None:
        """Begin a clip; its file comes with its first frame."""
        self._work.put(lambda: self._begin(camera, label, person))

    def write(self, camera: str, frame: KeptFrame) -> bool:
        """Append a frame to a camera's clip; return whether there is room for it now."""
        size = len(frame.jpeg)
        if self._work.qsize() >= MOST_WAITING or self._waiting_bytes + size > MOST_WAITING_BYTES:
            return False
        self._count_waiting(size)
        self._work.put(lambda: self._write(camera, frame))
        return True

    def end(self, camera: str) -> None:
        """Finish a camera's clip."""
        self._work.put(lambda: self._end(camera))

    def __enter__(self) -> ClipWriter:
        return self

    def __exit__(self, *raised: object) -> None:
        """Finish every clip, in CLOSING_SECONDS at most."""
        self._work.put(self._end_all)
        self._work.put(None)
        self._thread.join(CLOSING_SECONDS)
        if self._thread.is_alive():
            log.warning("a clip is not finished in time: its end is missing")

    def _count_waiting(self, size: int) -> None:
        with self._counting:
            self._waiting_bytes += size

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            try:
                work()
            except self._broken as error:
                self.dropped += 1
                if not self._is_told:
                    log.warning("a clip cannot be written: %s; the run continues without it", error)
                self._is_told = True
            self._tidy()

    def _begin(self, camera: str, label: str, person: str) -> None:
        self._open[camera] = _Clip(ClipFacts("", "", camera, label, person, 0.0))

    def _write(self, camera: str, frame: KeptFrame) -> None:
        self._count_waiting(-len(frame.jpeg))
        clip = self._open.get(camera)
        if clip and clip.is_broken and frame.at - clip.began_at - clip.last >= AGAIN_SECONDS:
            with contextlib.suppress(*self._broken):  # what it holds plays up to its last piece
                self._end(camera)
            self._begin(camera, clip.facts.label, clip.facts.person)
            clip = self._open[camera]
        if clip is None or clip.is_broken:
            self.dropped += 1
            return
        pixels = np.asarray(cv2.imdecode(np.frombuffer(frame.jpeg, np.uint8), 1), np.uint8)
        clip.is_broken = True  # unless all goes well
        if clip.video is None:
            clip.start(self._folder, frame)
            clip.video = self._video(self._folder.path / clip.facts.file, pixels)
            self._folder.begin(clip.facts)
        clip.last = frame.at - clip.began_at
        clip.video.write(pixels, clip.last)
        clip.is_broken = self._is_told = False

    def _video(self, path: Path, pixels: UInt8Array) -> VideoFile:
        height, width = pixels.shape[:2]
        return VideoFile(self._av, path, (width, height), FPS, synced=True, threads=1)

    def _end(self, camera: str) -> None:
        clip = self._open.pop(camera, None)
        if clip is None or clip.video is None:
            return
        facts = replace(clip.facts, whole=False)  # unless its end could be written
        try:
            clip.video.close()
            facts = replace(facts, seconds=round(clip.last, 3), whole=not clip.is_broken)
        finally:
            self._folder.end(facts)

    def _tidy(self) -> None:
        if time.monotonic() - self._tidied_at >= TIDY_SECONDS:
            give_back_freed_memory()
            self._tidied_at = time.monotonic()

    def _end_all(self) -> None:
        for camera in list(self._open):
            self._end(camera)


class _Clip:
    """A clip that is being written."""

    def __init__(self, facts: ClipFacts) -> None:
        self.facts = facts
        self.video: VideoFile | None = None
        self.began_at = self.last = 0.0
        self.is_broken = False

    def start(self, folder: ClipFolder, first: KeptFrame) -> None:
        """Name the clip by its first frame."""
        self.began_at = first.at
        time = "" if first.wall is None else local_time(first.wall)
        name = folder.new_name(first.wall, first.at, self.facts.camera, self.facts.label)
        self.facts = replace(self.facts, file=name, time=time)
