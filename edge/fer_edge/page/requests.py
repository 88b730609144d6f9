"""What the page answers: files, the live picture, states, health and metrics."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs

from fer_edge.outputs.overlay import colour_of
from fer_edge.page.access import COOKIE
from fer_edge.page.bounded import BoundedReader, BoundedServer, address_of
from fer_edge.page.metrics import FORMAT, metrics_text
from fer_edge.page.site import Site
from fer_edge.page.static_files import FILES, SAFE_HEADERS, filled_page, static_file
from fer_edge.page.view import STALE_SECONDS

GUESS_SECONDS = 0.5
"""What a wrong token costs; until then no other from that address is looked at."""
SEND_SECONDS = 10.0
"""How long a viewer may take for what it is sent."""
PICTURES_PER_SECOND, STATES_PER_SECOND = 15.0, 5.0
_MOST_REQUEST_BYTES, _MOST_BODY_BYTES = 32 * 1024, 1024


def make_handler(site: Site) -> type[BaseHTTPRequestHandler]:
    """Return the class that answers for a site."""
    return type("SiteRequest", (PageRequest,), {"site": site})


class PageRequest(BaseHTTPRequestHandler):
    """Answers one request; `make_handler` gives it its site."""

    server: BoundedServer
    site: Site
    server_version, sys_version, timeout = "fer-edge", "", SEND_SECONDS

    def setup(self) -> None:
        """Bound what is read of the request."""
        super().setup()
        self.rfile: Any = BoundedReader(self.rfile, _MOST_REQUEST_BYTES)

    def do_GET(self) -> None:
        """Answer a request for a page, a stream or figures."""
        self.server.request_has_come(self.request)
        path = self._path
        if path == "/healthz":
            self._health()
        elif self._header("Authorization") and not self._may_guess():
            return
        elif not self.site.access.allows(*map(self._header, _ASKED)):
            self._unknown_visitor(path)
        elif path in FILES:
            self._file(*FILES[path])
        elif path in _ROUTES and (path != "/video" or self.site.video):
            _ROUTES[path](self)
        else:
            self._text(HTTPStatus.NOT_FOUND, "there is no such page")

    def do_POST(self) -> None:
        """Take a token and give a session for it."""
        length = self._header("Content-Length")
        if self._path != "/login":
            self._refuse(HTTPStatus.METHOD_NOT_ALLOWED, "only pages here")
            return
        if not length.isdecimal() or len(length) > 6 or int(length) > _MOST_BODY_BYTES:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too much")
            return
        body = self.rfile.read(int(length)).decode("latin-1")
        self.server.request_has_come(self.request)
        if not self._may_guess():
            return
        token = parse_qs(body).get("token", [""])[0].strip()
        session = self.site.access.open_session(token)
        if session is None:
            self._let_guessing_take_long()
            self.server.refuse()
            self._answer(
                *filled_page("login.html", "That was not the token."), HTTPStatus.FORBIDDEN
            )
            return
        cookie = f"{COOKIE}={session}; HttpOnly; SameSite=Strict; Path=/"
        self._answer(
            b"", "text/plain", HTTPStatus.SEE_OTHER, {"Location": "/", "Set-Cookie": cookie}
        )

    @property
    def _path(self) -> str:
        return self.path.partition("?")[0]

    @property
    def _viewer(self) -> str:
        """What a page calls itself, so that it learns whether its picture still comes."""
        return self.path.partition("?viewer=")[2].partition("&")[0][:16]

    def _header(self, name: str) -> str:
        return str(self.headers.get(name, ""))

    def _may_guess(self) -> bool:
        """Return whether a token from this address is looked at; one that was wrong takes a while.

        What is not looked at tells nobody whether it was right.
        """
        if self._address in self.site.guessers:
            self._refuse(HTTPStatus.TOO_MANY_REQUESTS, "a token was wrong just now: wait a little")
            return False
        return True

    def _let_guessing_take_long(self) -> None:
        self.site.guessers.add(self._address)
        try:
            self.site.view.wait_closed(GUESS_SECONDS)
        finally:
            self.site.guessers.discard(self._address)

    @property
    def _address(self) -> str:
        return address_of(self.client_address[0])

    def _unknown_visitor(self, path: str) -> None:
        self.server.refuse()
        if self.site.access.token and self._header("Authorization"):
            self._let_guessing_take_long()
        if self.site.access.token and path in ("/", "/login"):
            self._answer(*filled_page("login.html"), HTTPStatus.UNAUTHORIZED)
        elif self.site.access.token and path == "/page.css":
            self._file(*FILES[path])
        elif self.site.access.token:
            self._text(HTTPStatus.UNAUTHORIZED, "a token is needed")
        else:
            self._text(HTTPStatus.FORBIDDEN, "this page is for localhost")

    def _refuse(self, status: HTTPStatus, words: str) -> None:
        self.server.refuse()
        self._text(status, words)

    def _file(self, name: str, kind: str) -> None:
        self._answer(static_file(name), kind)

    def _text(self, status: HTTPStatus, words: str) -> None:
        self._answer(f"{words}\n".encode(), "text/plain; charset=utf-8", status)

    def _answer(
        self,
        body: bytes,
        kind: str,
        status: HTTPStatus = HTTPStatus.OK,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.send_response(status)
        sized = {"Content-Type": kind, "Content-Length": str(len(body))}
        for name, value in {**sized, **SAFE_HEADERS, **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_HEAD(self) -> None:
        """Answer as to GET, without a body; streams are not begun."""
        if self._path in _STREAMS:
            self.server.request_has_come(self.request)
            self._text(HTTPStatus.METHOD_NOT_ALLOWED, "GET it")
        else:
            self.do_GET()

    def _health(self) -> None:
        silent = self.site.view.silent_seconds
        ill = silent > STALE_SECONDS
        words = f"no frame for {silent:.0f} s" if ill else "ok"
        self._text(HTTPStatus.SERVICE_UNAVAILABLE if ill else HTTPStatus.OK, words)

    def _metrics(self) -> None:
        counters = {**self.site.counters(), "requests_refused": self.server.refused}
        self._answer(metrics_text(self.site.view, counters).encode(), FORMAT)

    def _about(self) -> None:
        colours = {label: _css_colour(label) for label in self.site.labels}
        about = {"colours": colours, "video": self.site.video, "stored": self.site.stored}
        self._answer(json.dumps(about).encode(), "application/json")

    def _stream(self, kind: str, send: Callable[[], None]) -> None:
        """Send until the viewer goes or the view closes; a slow one only waits itself."""
        if not self.site.viewing.acquire(blocking=False):
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "too many viewers")
            return
        try:
            self.send_response(HTTPStatus.OK)
            for name, value in {"Content-Type": kind, **SAFE_HEADERS}.items():
                self.send_header(name, value)
            self.end_headers()
            send()
        except (ConnectionError, TimeoutError):
            self.close_connection = True
        finally:
            self.site.viewing.release()

    def _video(self) -> None:
        self._stream("multipart/x-mixed-replace; boundary=frame", self._send_pictures)

    def _send_pictures(self) -> None:
        view, number = self.site.view, 0
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 17)  # no old pictures
        with view.watched(self._viewer):
            while not view.closed:
                came = view.next_jpeg(number, 1.0)
                if came is None:
                    continue
                number, jpeg = came
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                self.wfile.write(head.encode() + jpeg + b"\r\n")
                view.wait_closed(1 / PICTURES_PER_SECOND)

    def _events(self) -> None:
        self._stream("text/event-stream", self._send_states)

    def _send_states(self) -> None:
        view, number = self.site.view, 0
        while not view.closed:
            state = view.state(number, self._viewer)
            number = max([number, *(event["number"] for event in state["events"])])
            self.wfile.write(f"data: {json.dumps(state)}\n\n".encode())
            view.wait_closed(1 / STATES_PER_SECOND)
            view.wait(1.0)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # http.server's name
        """Keep addresses and requests out of the log."""


_ASKED = ("Host", "Authorization", "Cookie")
_STREAMS: dict[str, Callable[[PageRequest], None]] = {
    "/video": PageRequest._video,
    "/events": PageRequest._events,
}
_ROUTES = {**_STREAMS, "/metrics": PageRequest._metrics, "/about": PageRequest._about}


def _css_colour(label: str) -> str:
    blue, green, red = colour_of(label)
    return f"rgb({red} {green} {blue})"
