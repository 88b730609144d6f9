"""Network cameras through PyAV, which tells damaged pictures from good ones."""

from __future__ import annotations

import time
from importlib.util import find_spec
from typing import Any

from fer_core.errors import FerError
from fer_core.native import native_output_is_shown
from fer_core.values import UInt8Array
from fer_edge.sources.address import no_answer
from fer_edge.sources.decoding import Decoder
from fer_edge.sources.picture_check import Damaged

_OPTIONS = {"rtsp_flags": "prefer_tcp", "fpsprobesize": "0"}
"""RTSP over TCP, by UDP only where a camera knows no other; no wait for pictures to count."""

_NEXT_SECONDS = 0.5
"""FFmpeg takes a picture of RTSP for complete when the next one begins, or when none has begun for
so long. At a picture in five seconds each would else come five seconds late."""


def has_pyav() -> bool:
    """Return whether PyAV is installed."""
    return find_spec("av") is not None


class StreamCapture:
    """An RTSP or HTTP stream of any kind that FFmpeg knows."""

    def __init__(self, address: str, open_seconds: float, read_seconds: float) -> None:
        """Open the stream.

        Args:
            address: Where it is.
            open_seconds: How long the connection may take.
            read_seconds: How long its description, and later each picture, may take.

        Raises:
            FerError: It does not open, or holds no video.
        """
        import av

        _silence(av)
        self._late, self._read_seconds = av.error.ExitError, read_seconds
        self._broken = (av.error.FFmpegError, OSError, ValueError)
        is_rtsp = address.lower().startswith(("rtsp://", "rtsps://"))
        waits = min(_NEXT_SECONDS, read_seconds) if is_rtsp else read_seconds
        try:
            self._container = av.open(
                address, options=dict(_OPTIONS), timeout=(open_seconds, waits)
            )
        except self._broken:
            raise FerError(no_answer(address)) from None  # its words hold the password
        try:
            self._stream = self._container.streams.video[0]
            self._decoder = Decoder(av, self._stream)
        except (IndexError, *self._broken):
            self._container.close()
            raise FerError(f"{no_answer(address)} It sends no video that is known.") from None
        self._packets = self._container.demux(self._stream)

    def read(self) -> UInt8Array | Damaged | None:
        """Return the next picture, None if none came in time or the stream has ended."""
        ends_at = time.monotonic() + self._read_seconds
        while True:
            try:
                return self._next()
            except self._late:
                if time.monotonic() >= ends_at:
                    return None
                self._packets = self._container.demux(self._stream)
            except self._broken:
                return None

    def _next(self) -> UInt8Array | Damaged | None:
        for packet in self._packets:
            if not packet.size:  # its end
                return None
            picture = self._decoder.decode(packet)
            if picture is not None:
                return picture
        return None

    def close(self) -> None:
        """End the connection."""
        self._container.close()


def _silence(av: Any) -> None:
    """Let PyAV say nothing of each damaged picture; `--verbose` leaves it its words."""
    if not native_output_is_shown() and av.logging.get_level() is not None:  # None: it is silent
        av.logging.set_level(av.logging.PANIC)
