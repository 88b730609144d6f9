"""Streams of Motion JPEG for the fuzzer, cut into pieces as a network may cut them."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable, Iterator
from email.message import Message
from pathlib import Path
from unittest import mock

import cv2

from drawn_faces import draw_face
from fer_core.errors import FerError
from fer_edge.sources.mjpeg import MjpegCapture

MOST_PICTURES = 50


class _Answer:
    """What a camera answers: its headers, then a body that comes in pieces of one size."""

    def __init__(self, kind: str, body: bytes, piece: int) -> None:
        self.headers = Message()
        self.headers["Content-Type"] = kind
        self._body, self._piece = body, piece

    def read1(self, most: int) -> bytes:
        size = min(self._piece, most)
        came, self._body = self._body[:size], self._body[size:]
        return came

    def close(self) -> None:
        self._body = b""


def _pictures(kind: str, body: bytes, piece: int) -> list[str]:
    """Return the shape of each picture of a stream, or what it is instead."""
    answer = _Answer(kind, body, piece)
    with mock.patch.object(urllib.request, "urlopen", return_value=answer):
        capture = MjpegCapture("http://camera/", 60.0)
    shapes = []
    while (picture := capture.read()) is not None:
        shapes.append(str(getattr(picture, "shape", type(picture).__name__)))
        assert len(shapes) <= len(body)
    return shapes


def feed_mjpeg(folder: Path) -> Callable[[bytes], None]:
    """Return what reads a stream: a line with its content type, then its body.

    Its pictures have to be the same, however the network cuts it.
    """
    del folder

    def read(data: bytes) -> None:
        kind, _, body = data.partition(b"\n")
        text = "".join(each for each in kind.decode("latin-1") if each.isprintable())
        try:
            found = _pictures(text, body, 1 << 14)
        except FerError:
            return
        if len(found) < MOST_PICTURES and len(body) < 2048:
            assert _pictures(text, body, 7) == found

    return read


def mjpeg_seeds() -> Iterator[bytes]:
    """Yield good streams."""
    jpeg = cv2.imencode(".jpg", draw_face("sad", 8), [cv2.IMWRITE_JPEG_QUALITY, 20])[1].tobytes()
    head = b"--a\r\nContent-Type: image/jpeg\r\n\r\n"
    yield b"multipart/x-mixed-replace; boundary=a\n" + (head + jpeg + b"\r\n") * 2
    yield b"multipart/mixed\n" + jpeg + b"rubbish" + jpeg[:40]
