"""Encoding video by PyAV, in pieces that play by themselves."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from io import BufferedRandom
from pathlib import Path
from typing import Any

import numpy as np

from fer_core.errors import FerError
from fer_core.opencv import cv2
from fer_core.values import UInt8Array

PIECE_SECONDS = 2.0
"""What a power cut may cost: a recording is made of pieces that play by themselves."""
_TICKS = 1000
"""Times are in milliseconds."""
_FFMPEG_7_1 = (61, 7)
"""The libavformat from which on a finished recording becomes an ordinary MP4."""


@dataclass(frozen=True, slots=True)
class Coding:
    """How a kind of file is written: FFmpeg's encoder with its options, those of the container."""

    encoder: str
    options: Mapping[str, str]
    container: Mapping[str, str]


_H264 = {"preset": "veryfast", "tune": "zerolatency", "crf": "23"}
_PIECES = {"cluster_time_limit": str(int(PIECE_SECONDS * 1000)), "flush_packets": "1"}
CODINGS = {
    ".mp4": Coding("libx264", _H264, {"flush_packets": "1"}),
    ".mkv": Coding("libx264", _H264, _PIECES),
    ".webm": Coding(
        "libvpx-vp9",
        {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "crf": "32", "b": "0"},
        _PIECES,
    ),
}
"""By the suffix of the file's name. H.264 and VP9 are what browsers and telephones play."""


def load_pyav() -> Any:
    """Return the module `av`.

    Raises:
        FerError: It is not installed; the message says where to get it.
    """
    try:
        import av
    except ImportError as error:
        raise FerError(
            f"saving a video needs PyAV ({error}): pip install av; on Raspberry Pi OS sudo apt "
            "install python3-av, and a venv with --system-site-packages",
            see="pyav-missing",
        ) from error
    return av


class VideoFile:
    """An encoder and its container, fed with pictures at times in seconds that only grow."""

    def __init__(
        self,
        av: Any,
        path: Path,
        size: tuple[int, int],
        fps: float,
        synced: bool,
        threads: int = 0,
    ) -> None:
        """Open the file.

        Args:
            av: PyAV.
            path: With a suffix of CODINGS.
            size: Width and height in pixels.
            fps: Frames a second.
            synced: Whether each piece is put on the disk once it is whole.
            threads: Those of the encoder; 0 leaves them to it. Each costs megabytes.
        """
        coding = CODINGS[path.suffix.lower()]
        options = dict(coding.container)
        if path.suffix.lower() == ".mp4":
            whole = av.library_versions["libavformat"] >= _FFMPEG_7_1
            pieces = "frag_keyframe+empty_moov+default_base_moof"
            options["movflags"] = "hybrid_fragmented" if whole else pieces
        self._av, self._size = av, size
        self._even = (size[0] + size[0] % 2, size[1] + size[1] % 2)  # which 4:2:0 colour needs
        self._container = av.open(str(path), "w", options=options)
        self._stream = self._container.add_stream(
            coding.encoder, rate=Fraction(fps).limit_denominator(1001), options=dict(coding.options)
        )
        self._stream.codec_context.thread_count = threads
        self._stream.width, self._stream.height = self._even
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = Fraction(1, _TICKS)
        self._last, self._piece_began = -1, -PIECE_SECONDS
        self._disk = _Disk(path) if synced else None

    def write(self, pixels: UInt8Array, at: float) -> None:
        """Append a picture (h, w, 3) BGR."""
        if pixels.shape[1::-1] != self._size:
            pixels = np.asarray(cv2.resize(pixels, self._size), np.uint8)
        if self._even != self._size:
            right, below = self._even[0] - self._size[0], self._even[1] - self._size[1]
            pixels = np.asarray(
                cv2.copyMakeBorder(pixels, 0, below, 0, right, cv2.BORDER_REPLICATE), np.uint8
            )
        frame = self._av.VideoFrame.from_ndarray(pixels, format="bgr24")
        self._last = max(round(at * _TICKS), self._last + 1)
        frame.pts, frame.time_base = self._last, Fraction(1, _TICKS)
        begins = at - self._piece_began >= PIECE_SECONDS
        if begins:
            frame.pict_type = self._av.video.frame.PictureType.I
            self._piece_began = at
        self._container.mux(self._stream.encode(frame))
        if begins and self._disk:
            self._disk.sync()

    def close(self) -> None:
        """Finish the file, in a time that does not depend on its length."""
        with ExitStack() as stack:
            if self._disk:
                stack.callback(self._disk.close)
            stack.callback(self._container.close)
            self._container.mux(self._stream.encode())


class _Disk:
    """Has what was written to a file put on the disk, beside the camera loop."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, "sync")
        self._running: Future[None] | None = None
        self._file: BufferedRandom | None = None

    def sync(self) -> None:
        """Begin, unless the last time still lasts: cards may take seconds. Raises its OSError."""
        if self._running is not None:
            if not self._running.done():
                return
            self._running.result()
        self._running = self._thread.submit(self._sync)

    def close(self) -> None:
        """Put the rest there."""
        self._thread.shutdown()
        try:
            self._sync()
        finally:
            if self._file:
                self._file.close()

    def _sync(self) -> None:
        self._file = self._file or self._path.open("r+b")  # it may be renamed meanwhile
        os.fsync(self._file)
