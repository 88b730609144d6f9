"""Motion JPEG over HTTP, as cameras send it whose stream FFmpeg does not take."""

from __future__ import annotations

import base64
import http.client
import time
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.error import URLError
from urllib.parse import unquote, urlsplit, urlunsplit

import numpy as np

from fer_core.errors import FerError
from fer_core.opencv import cv2
from fer_core.values import UInt8Array
from fer_edge.sources.picture_check import Damaged

START, END = b"\xff\xd8\xff", b"\xff\xd9"
"""How a JPEG begins and ends (ITU T.81, B.1.1.3)."""
LARGEST_BYTES = 16 * 2**20
"""What no picture of a camera is larger than; more without an end is no stream of pictures."""
_READ_BYTES = 1 << 14
_BROKEN = (OSError, http.client.HTTPException)


class MjpegCapture:
    """The pictures of a stream, found by how a JPEG begins and ends, whatever stands between.

    ESP32-CAM firmware before 2020 sends the header of a part before its boundary.
    """

    def __init__(self, address: str, timeout_seconds: float) -> None:
        """Open the stream.

        Args:
            address: Begins with http:// or https://, and may hold a user and a password.
            timeout_seconds: How long an answer, and later each picture, may take.

        Raises:
            FerError: It is no stream of pictures, or does not answer in time.
        """
        try:
            self._answer: Any = urllib.request.urlopen(_request(address), timeout=timeout_seconds)
        except (URLError, ValueError, *_BROKEN) as error:
            raise FerError(f"no stream: {error}") from error
        kind = self._answer.headers.get_content_type()
        if not kind.startswith("multipart/"):
            self._answer.close()
            raise FerError(f"no stream of pictures: {kind}")
        self._timeout_seconds, self._ends_at = timeout_seconds, 0.0
        self._pictures = self._split()

    def read(self) -> UInt8Array | Damaged | None:
        """Return the next picture, None if none came in time or the stream has ended."""
        self._ends_at = time.monotonic() + self._timeout_seconds
        try:
            encoded = next(self._pictures, None)
        except _BROKEN:
            return None
        if encoded is None:
            return None
        try:
            picture = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
        except cv2.error:  # its head declares more than MOST_PIXELS
            return Damaged()
        return Damaged() if picture is None else np.asarray(picture, np.uint8)

    def _split(self) -> Iterator[bytes]:
        """Yield each picture as it is complete; end with the stream or with a bad one."""
        held = bytearray()
        while len(held) <= LARGEST_BYTES:
            start = held.find(START)
            end = held.find(END, start) if start >= 0 else -1
            if end >= 0:
                yield bytes(held[start : end + len(END)])
                del held[: end + len(END)]
                continue
            del held[: start if start >= 0 else max(0, len(held) - len(START))]
            came = self._answer.read1(_READ_BYTES)
            if not came or time.monotonic() > self._ends_at:
                return
            held += came

    def close(self) -> None:
        """End the connection."""
        self._answer.close()


def _request(address: str) -> urllib.request.Request:
    """Return a request for an address, its user and password as a header."""
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    request = urllib.request.Request(urlunsplit(parts._replace(netloc=host)))
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        request.add_header("Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}")
    return request
