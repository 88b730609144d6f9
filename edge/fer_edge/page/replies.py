"""How a page of ours answers: texts, JSON, files and streams, each with the same safe headers."""

from __future__ import annotations

import json
import os
import select
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, BinaryIO, ClassVar
from urllib.parse import parse_qs

from fer_core.text import on_paper
from fer_edge.page.bounded import BoundedReader, BoundedServer
from fer_edge.page.door import Door
from fer_edge.page.ranges import part_of
from fer_edge.page.static_files import SAFE_HEADERS

SEND_SECONDS = 10.0
"""How long a viewer may take for what it is sent, and for each part of what it sends."""
PICTURES, PICTURES_PER_SECOND = "multipart/x-mixed-replace; boundary=frame", 15.0
"""The type of a stream of JPEGs."""
EVENTS = "text/event-stream"
"""The type of a stream of server-sent events."""
_MOST_REQUEST_BYTES = 32 * 1024
_PIECE_BYTES = 1 << 16


class Replying(BaseHTTPRequestHandler):
    """One request, with the ways to answer it.

    Attributes:
        door: Who may come in.
    """

    server: BoundedServer
    door: ClassVar[Door]
    server_version, sys_version, timeout = "fer-edge", "", SEND_SECONDS

    def setup(self) -> None:
        """Bound what is read of the request."""
        super().setup()
        self.rfile: Any = BoundedReader(self.rfile, _MOST_REQUEST_BYTES)

    @property
    def asked_path(self) -> str:
        """The path that is asked for, without the query."""
        return self.path.partition("?")[0]

    def query(self, name: str) -> str:
        """Return a value of the query, "" where it lacks."""
        return parse_qs(self.path.partition("?")[2]).get(name, [""])[0]

    def header(self, name: str) -> str:
        """Return a header of the request, "" where it lacks."""
        return str(self.headers.get(name, ""))

    def refuse(self, status: HTTPStatus, words: str) -> None:
        """Answer that it will not be done, and count that."""
        self.server.refuse()
        self.send_text(words, status)

    def send_text(self, words: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        """Answer with a line of text."""
        self.send(f"{on_paper(words)}\n".encode(), "text/plain; charset=utf-8", status)

    def send_json(self, value: Any, status: HTTPStatus = HTTPStatus.OK) -> None:
        """Answer with a JSON value."""
        self.send(json.dumps(value).encode(), "application/json", status)

    def send(
        self,
        body: bytes,
        kind: str,
        status: HTTPStatus = HTTPStatus.OK,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Answer with a body of a content type, and with further headers."""
        sized = {"Content-Type": kind, "Content-Length": str(len(body))}
        self._head(status, {**sized, **SAFE_HEADERS, **(headers or {})})
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_file(self, path: Path, kind: str, headers: Mapping[str, str] | None = None) -> None:
        """Answer with a file, or with the part of it that is asked for.

        Args:
            path: The file; one that grows is sent as long as it is now.
            kind: The content type.
            headers: Further headers.

        Raises:
            OSError: It cannot be read.
        """
        with path.open("rb") as file:
            whole = os.fstat(file.fileno()).st_size
            part = part_of(self.header("Range"), whole)
            if part is None:
                told = {"Content-Range": f"bytes */{whole}"}
                self.send(b"", kind, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, told)
                return
            told = {"Content-Type": kind, "Content-Length": str(part.length)}
            told |= {"Accept-Ranges": "bytes", **SAFE_HEADERS, **(headers or {})}
            status = HTTPStatus.OK
            if part.is_asked:
                status, told["Content-Range"] = HTTPStatus.PARTIAL_CONTENT, part.content_range
            self._head(status, told)
            if self.command != "HEAD":
                self._send_part(file, part.first, part.length)

    def _send_part(self, file: BinaryIO, first: int, length: int) -> None:
        file.seek(first)
        while length > 0 and (piece := file.read(min(length, _PIECE_BYTES))):
            self.wfile.write(piece)
            length -= len(piece)

    def stream(
        self,
        kind: str,
        send: Callable[[], None],
        headers: Mapping[str, str] | None = None,
        places: threading.BoundedSemaphore | None = None,
    ) -> None:
        """Let `send` write until the viewer goes or the door closes; a slow one waits alone.

        Args:
            kind: The content type.
            send: What writes.
            headers: Further headers.
            places: How many there may be; by default the door's for pictures.
        """
        places = places or self.door.viewing
        if not places.acquire(blocking=False):
            self.refuse(HTTPStatus.SERVICE_UNAVAILABLE, "too many viewers")
            return
        try:
            self._head(HTTPStatus.OK, {"Content-Type": kind, **SAFE_HEADERS, **(headers or {})})
            send()
        except (ConnectionError, TimeoutError):
            self.close_connection = True
        finally:
            places.release()

    def follow(self, send: Callable[[], None]) -> None:
        """Let `send` write events until the viewer goes or the door closes."""
        self.stream(EVENTS, send, places=self.door.following)

    def send_event(self, value: Any) -> None:
        """Write one server-sent event, inside a stream of them."""
        self.wfile.write(f"data: {json.dumps(value)}\n\n".encode())

    def send_pictures(
        self, next_jpeg: Callable[[int], tuple[int, bytes] | None], closing: threading.Event
    ) -> None:
        """Write pictures, inside a stream of PICTURES, until the viewer goes or `closing`.

        Args:
            next_jpeg: Waits a while for a picture later than a number, and returns its number and
                JPEG, None where none came.
            closing: Set when every viewer is to go.
        """
        number = -1
        while not closing.is_set():
            came = next_jpeg(number)
            if came is None:
                if self.viewer_has_gone():
                    return
                continue
            number, jpeg = came
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            self.wfile.write(head.encode() + jpeg + b"\r\n")
            closing.wait(1 / PICTURES_PER_SECOND)

    def viewer_has_gone(self) -> bool:
        """Return whether the connection was closed: a viewer of a stream sends nothing else."""
        return bool(select.select([self.connection], [], [], 0)[0])

    def _head(self, status: HTTPStatus, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # http.server's name
        """Keep addresses and requests out of the log."""
