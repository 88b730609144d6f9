"""Network cameras through PyAV, which tells damaged pictures from good ones."""

from __future__ import annotations

import time
from typing import Any

from fer_core.native import native_output_is_shown
from fer_core.values import UInt8Array
from fer_edge.sources.address import no_answer
from fer_edge.sources.decoding import Decoder
from fer_edge.sources.picture_check import Damaged

_RTSP = {
    "rtsp_flags": "prefer_tcp",  # UDP only where a camera knows no other
    "allowed_media_types": "video",
    "fpsprobesize": "0",  # no wait for pictures to count
}
_SILENCE_SECONDS, _SLOW_SILENCE_SECONDS = 2.0, 0.5
"""After which silence a picture of RTSP counts as complete, and where pictures are known as rare.

FFmpeg takes it for complete when the next one begins, or when nothing comes for so long; at one
picture in five seconds each would else come five seconds late. A silence also ends a read
in the middle of a packet when the network stalls, and then FFmpeg no longer knows where packets
begin, so that only a camera of which some pictures came that rarely is opened with the shorter
one."""
_RARE_PICTURES = 3


def has_pyav() -> bool:
    """Return whether PyAV is installed and loads."""
    try:
        import av  # noqa: F401
    except ImportError:
        return False
    return True


class StreamCapture:
    """An RTSP or HTTP stream of any kind that FFmpeg knows."""

    def __init__(
        self, address: str, open_seconds: float, read_seconds: float, is_slow: bool = False
    ) -> None:
        """Open the stream.

        Args:
            address: Where it is.
            open_seconds: How long the connection, and then its description, may take.
            read_seconds: How long each picture may take.
            is_slow: Whether its pictures are known as rare.

        Raises:
            FerError: It does not open, or holds no video.
        """
        import av

        _quiet(av)
        self._read_seconds, self._came_at, self._rare = read_seconds, time.monotonic(), 0
        self._may_be_rare = not _is_rtsp(address) or is_slow
        self._late = (av.error.ExitError, av.error.TimeoutError)
        self._broken = (av.error.FFmpegError, OSError, ValueError)
        try:
            self._container = av.open(
                address,
                options=_options(address, is_slow),
                timeout=(open_seconds, read_seconds),
            )
        except self._broken:
            raise no_answer(address) from None  # its words hold the password
        try:
            videos = self._container.streams.video
            self._stream, *_ = [each for each in videos if each.codec_context]
            self._decoder = Decoder(av, self._stream)
        except self._broken:  # ValueError for no video whose codec is known
            self._container.close()
            raise no_answer(address, " It sends no video that is known.") from None
        self._packets = self._container.demux()

    def read(self) -> UInt8Array | Damaged | None:
        """Return the next picture, None if nothing came in time or the stream has ended.

        What comes for so long without a picture counts as damaged: it refers to pictures that
        never came. None also tells that pictures are rare, so that the stream is opened anew.
        """
        if self._rare >= _RARE_PICTURES and not self._may_be_rare:
            return None
        ends_at, has_come = time.monotonic() + self._read_seconds, False
        while time.monotonic() < ends_at:
            try:
                packet = next(self._packets, None)
                if packet is None or not packet.size:  # its end
                    return None
                if packet.stream_index != self._stream.index:  # sound, over HTTP
                    continue
                has_come = True
                picture = self._decoder.decode(packet)
            except self._late:
                self._packets = self._container.demux()
                continue
            except self._broken:
                return None
            if picture is not None:
                now = time.monotonic()
                self._rare = self._rare + 1 if now - self._came_at > _SILENCE_SECONDS else 0
                self._came_at = now
                return picture
        return Damaged() if has_come else None

    def close(self) -> None:
        """End the connection."""
        self._decoder.close()
        self._container.close()


def _is_rtsp(address: str) -> bool:
    return address.lower().startswith(("rtsp://", "rtsps://"))


def _options(address: str, is_slow: bool) -> dict[str, str]:
    """Return FFmpeg's options for an address."""
    if not _is_rtsp(address):
        return {"fpsprobesize": "0"}
    silence = _SLOW_SILENCE_SECONDS if is_slow else _SILENCE_SECONDS
    return {**_RTSP, "timeout": str(round(silence * 1e6))}


def _quiet(av: Any) -> None:
    """Let PyAV say nothing of each damaged picture; `--verbose` leaves it its words."""
    if not native_output_is_shown() and av.logging.get_level() is not None:  # None: it is silent
        av.logging.set_level(av.logging.PANIC)
