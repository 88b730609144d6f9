"""Decodes a network camera's stream by PyAV, and notices what is damaged."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from fer_core.opencv import MOST_PIXELS
from fer_core.values import UInt8Array
from fer_edge.sources.h264 import FrameNumbers
from fer_edge.sources.picture_check import Damaged

BUSY_SHARE, BUSY_SECONDS = 0.6, 5.0
"""From which share of this much time on decoding takes all cores; each such time is for itself."""
_SETTLING_PACKETS = 32
"""How many packets a decoder may take before its first picture, with threads or reordering."""
_STRICT = {"mjpeg": {"err_detect": "explode"}}
"""Decoders that say nothing of damage unless they are to fail at it. Others would then also fail
at oddities of good streams."""


class Decoder:
    """The decoder of one stream.

    What refers to a damaged picture is damaged, too, up to the next key frame.
    """

    def __init__(self, av: Any, stream: Any) -> None:
        """Make a decoder.

        Args:
            av: The module.
            stream: The video stream of a container; its own decoder is not used.
        """
        self._av, self._name = av, stream.codec_context.codec.name
        self._extradata = stream.codec_context.extradata
        self._context = self._make(threads=1)
        is_h264 = self._name == "h264"
        self._numbers = FrameNumbers.of(bytes(self._extradata or b"")) if is_h264 else None
        self._order = dict[int | None, int]()
        self._gaps: list[int] = []
        self._is_whole = True
        self._taken, self._began_at, self._busy_seconds = 0, time.monotonic(), 0.0

    def _make(self, threads: int) -> Any:
        """Return a decoder; with several threads it gives each picture some pictures later."""
        context = self._av.CodecContext.create(self._name, "r")
        context.extradata = self._extradata
        context.thread_count = threads
        context.thread_type = "AUTO"
        context.options = {"max_pixels": str(MOST_PIXELS), **_STRICT.get(self._name, {})}
        self._is_single = threads == 1
        return context

    def decode(self, packet: Any) -> UInt8Array | Damaged | None:
        """Return the picture that a packet completes, (h, w, 3) uint8 BGR; None for none."""
        if packet.is_keyframe and self._was_too_slow():
            self._context, self._taken = self._make(threads=0), 0
            self._gaps.clear()
            self._order.clear()
        self._note(packet)
        started = time.monotonic()
        try:
            frames = self._context.decode(packet)
        except self._av.error.FFmpegError:
            self._is_whole = self._name in _STRICT
            return Damaged()
        finally:
            self._busy_seconds += time.monotonic() - started
        if not frames:
            return Damaged() if self._keeps_back else None
        for frame in frames:
            self._judge(frame)
        return self._pixels(frames[-1]) if self._is_whole else Damaged()

    def close(self) -> None:
        """Let the decoder's threads finish.

        PyAV frees a decoder with Python's lock held and waits for its threads, which may need the
        lock to free a packet or to log: without this, both may wait for ever.
        """
        self._context.flush_buffers()

    def _note(self, packet: Any) -> None:
        """Remember where in the stream a packet stands, and whether pictures before it are lost."""
        self._taken += 1
        if len(self._order) > _SETTLING_PACKETS:
            del self._order[next(iter(self._order))]
        self._order[packet.pts] = self._taken
        if self._numbers and self._numbers.misses(bytes(packet)):
            self._gaps.append(self._taken)

    def _judge(self, frame: Any) -> None:
        """Note whether a picture is whole; with several threads it is not the newest packet's."""
        place = self._order.get(frame.pts, self._taken)
        later = [gap for gap in self._gaps if gap > place]
        if frame.is_corrupt or (len(later) < len(self._gaps) and not frame.key_frame):
            self._is_whole = False
        elif frame.key_frame:
            self._is_whole = True
        self._gaps = later

    def _pixels(self, frame: Any) -> UInt8Array:
        started = time.monotonic()
        pixels = np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
        self._busy_seconds += time.monotonic() - started
        return pixels

    @property
    def _keeps_back(self) -> bool:
        """Whether it gives no picture since that lacks what it refers to, as FFmpeg 8 for H.265."""
        return bool(self._gaps) or (self._name == "hevc" and self._taken > _SETTLING_PACKETS)

    def _was_too_slow(self) -> bool:
        """Return whether one thread was too slow for the last BUSY_SECONDS; begin the next."""
        now = time.monotonic()
        took, busy = now - self._began_at, self._busy_seconds
        if not self._is_single or took <= BUSY_SECONDS:
            return False
        self._began_at, self._busy_seconds = now, 0.0
        return busy > BUSY_SHARE * took
