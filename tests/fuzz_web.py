"""Requests for the page of a run, answered without a network."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from fer_core.values import Box, Face, FloatArray, Frame
from fer_edge.history.place import Place
from fer_edge.identity.cut_outs import CutOut
from fer_edge.identity.live_enrolment import LiveEnrolment, Named
from fer_edge.identity.people import KnownPeople
from fer_edge.identity.unknown import UnknownFace, UnknownFaces
from fer_edge.inference.models import ModelFacts
from fer_edge.outputs.clips.folder import INDEX, ClipFolder
from fer_edge.page.access import Access
from fer_edge.page.door import Door
from fer_edge.page.requests import make_handler
from fer_edge.page.site import Site
from fer_edge.page.view import LiveView
from history_rows import looks, saved
from served_page import LABELS, LOOPBACK, TOKEN

RUN = "seed"
CLIP = "20261127-120000-door-happy.mp4"
_MODEL = ModelFacts("test-int8", "ab" * 32, LABELS)


class _Connection:
    """A socket that holds a request and keeps what is answered."""

    def __init__(self, request: bytes) -> None:
        self._request, self.answer = request, bytearray()

    def makefile(self, *mode: object) -> io.BytesIO:
        return io.BytesIO(self._request)

    def sendall(self, content: bytes) -> None:
        self.answer += content

    def settimeout(self, seconds: float) -> None: ...

    def setsockopt(self, *option: object) -> None: ...


class _Server:
    """What a request asks of its server."""

    refused = 0

    def request_has_come(self, request: object) -> None: ...

    def refuse(self) -> None:
        self.refused += 1


class _Grays:
    """Finds one face in each picture and describes it by its first pixel."""

    def detect(self, frame: Frame, known: object = ()) -> tuple[Face, ...]:
        return (Face(Box(0, 0, 8, 8), 1.0),)

    def describe(self, frame: Frame, face: Face) -> FloatArray:
        return np.full(4, frame.pixels[0, 0, 0] / 100, np.float32)


def _handler(folder: Path, token: str, enrolled: bool) -> Any:
    view = LiveView(("", "door"))
    view.close()  # streams end at once
    door = Door(Access(LOOPBACK, token))
    door.closing.set()  # a wrong token costs no time
    now = int(time.time()) // 3600 * 3600
    kept = folder / f"{enrolled}.sqlite"
    history = Place(str(saved(kept, looks(now, 4, "happy", "anna"), looks(now, 2, "<b>odd</b>"))))
    clips = folder / f"clips-{enrolled}"
    clips.mkdir()
    (clips / CLIP).write_bytes(b"a clip" * 20)
    facts = {"file": CLIP, "time": "", "camera": "door", "label": "happy", "person": ""}
    (clips / INDEX).write_text(json.dumps({**facts, "seconds": 2.0}) + "\n")
    enrolment = None
    if enrolled:
        enrolment = _Enrolment(_Faces(run=RUN), _People(_Grays()), folder / "people", _Grays())
    site = Site(
        view, door, lambda: _MODEL, history=history, history_days=30,
        enrolment=enrolment, clips=_Clips(clips, 1 << 30),
    )  # fmt: skip
    return make_handler(site)


class _Faces(UnknownFaces):
    """One unknown face, which is never gone."""

    def faces(self) -> tuple[UnknownFace, ...]:
        cut = CutOut(np.full((8, 8, 3), 90, np.uint8), Face(Box(0, 0, 8, 8), 1.0))
        return (UnknownFace(1, 1, cut, 1.0, 0.0),)


class _People(KnownPeople):
    """Forgets each new name at once, so that a million of them take no memory."""

    def add(self, name: str, described: FloatArray) -> None: ...


class _Enrolment(LiveEnrolment):
    """Writes no picture."""

    def _stored(self, name: str, folder: Path, cut: CutOut) -> Named:
        return Named(name, stored=f"{name}/seen.png")


class _Clips(ClipFolder):
    """Finds what is to be removed, and leaves it there."""

    def remove(self, name: str) -> None:
        self.file(name)


def answer_requests(folder: Path) -> Callable[[bytes], None]:
    """Return what answers the bytes of a connection, asked by a visitor with and without a token.

    None may be answered with status 500, nor leave the handler with another error than the one by
    which a server ends the connection.
    """
    handlers = [_handler(folder, "", True), _handler(folder, TOKEN, False)]

    def read(data: bytes) -> None:
        for handler in handlers:
            connection, server = _Connection(data), _Server()
            try:
                handler(connection, ("127.0.0.1", 9), server)
            except ConnectionAbortedError:
                continue
            answer = bytes(connection.answer)
            assert b" 500 " not in answer.partition(b"\r\n")[0], answer[:99]

    return read


def request_seeds() -> Iterator[bytes]:
    """Yield good requests for every path."""
    key = f"Authorization: Bearer {TOKEN}\r\n"
    asked = [
        "/", "/healthz", "/events?viewer=a", "/metrics", "/about", "/models", "/page.css",
        "/history?period=week&camera=c&person=anna", "/history.csv?period=month&unknown=1",
        f"/unknown/picture?face={RUN}-1", "/clips?most=3", f"/clips/video?file={CLIP}&save=1",
        "/video?camera=door&viewer=x", "/videos?viewer=x",
    ]  # fmt: skip
    for path in asked:
        yield f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{key}\r\n".encode()
    ranged = "Range: bytes=2-9\r\n"
    yield f"GET /clips/video?file={CLIP} HTTP/1.0\r\nHost: [::1]\r\n{ranged}\r\n".encode()
    for path in (f"/unknown/name?face={RUN}-1&name=ben", f"/unknown/forget?face={RUN}-1"):
        yield f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{key}\r\n".encode()
    yield f"POST /clips/delete?file={CLIP} HTTP/1.1\r\nHost: localhost\r\n{key}\r\n".encode()
    yield f"POST /login.html HTTP/1.1\r\nContent-Length: 26\r\n\r\ntoken={TOKEN}".encode()
    yield b"POST /models HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nTFL3"
    cookie = "Cookie: fer_edge_0=abc; a=b\r\nOrigin: http://localhost\r\n"
    yield f"HEAD / HTTP/1.1\r\nHost: localhost:80\r\n{cookie}\r\n".encode()
