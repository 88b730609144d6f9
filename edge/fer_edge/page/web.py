"""What every page of ours does with a request: it asks who comes, and finds what answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, ClassVar
from urllib.parse import parse_qs

from fer_edge.page.bounded import address_of
from fer_edge.page.replies import Replying
from fer_edge.page.static_files import LOGIN, STYLE, StaticFiles

GUESS_SECONDS = 0.5
"""What a wrong token costs; until then no other from that address is looked at."""
BODY_SECONDS = 60.0
_MOST_LOGIN_BYTES = 1024
_LOGIN_PATHS = ("/", LOGIN)
"""Where the login stands. Its form posts to the address of the page with the part after #, which
browsers keep through the redirect."""


@dataclass(frozen=True, slots=True)
class Route:
    """What answers a path.

    Attributes:
        answer: Gets the request.
        most_bytes: How large the body of a POST may be.
        everybody: Whether no token is asked for.
        streams: Whether it answers until the viewer goes.
    """

    answer: Callable[[Any], None]
    most_bytes: int = 0
    everybody: bool = False
    streams: bool = False


class WebRequest(Replying):
    """Answers a request by the routes of its class, once it is clear who may ask.

    Attributes:
        static: The files of the page.
        routes: What answers, by method and path, such as ("GET", "/about").
    """

    static: ClassVar[StaticFiles]
    routes: ClassVar[Mapping[tuple[str, str], Route]]

    def do_GET(self) -> None:  # noqa: N802  # http.server's name
        """Answer a request for a page, a stream or figures."""
        self.server.request_has_come(self.request)
        route = self.routes.get(("GET", self.asked_path))
        if route is not None and route.everybody:
            route.answer(self)
        elif not self._is_let_in():
            return
        elif self.asked_path in self.static:
            self.send(*self.static.file(self.asked_path))
        elif route is not None:
            route.answer(self)
        else:
            self.send_text("there is no such page", HTTPStatus.NOT_FOUND)

    def do_HEAD(self) -> None:  # noqa: N802  # http.server's name
        """Answer as to GET, without a body; streams are not begun."""
        route = self.routes.get(("GET", self.asked_path))
        if route is not None and route.streams:
            self.server.request_has_come(self.request)
            self.send_text("GET it", HTTPStatus.METHOD_NOT_ALLOWED)
        else:
            self.do_GET()

    def do_POST(self) -> None:  # noqa: N802  # http.server's name
        """Take a token and give a session for it, or let a route take what is sent."""
        route = self.routes.get(("POST", self.asked_path))
        if self.asked_path in _LOGIN_PATHS:
            self._login()
        elif route is None:
            self.refuse(HTTPStatus.METHOD_NOT_ALLOWED, "only pages here")
        elif not self._is_let_in():
            return
        elif not self._is_asked_by_own_page():
            self.refuse(HTTPStatus.FORBIDDEN, "another page asked for this")
        elif self._length_is_within(route.most_bytes):
            if not route.most_bytes:  # nothing more comes
                self.server.request_has_come(self.request)
            route.answer(self)

    def body(self) -> bytes:
        """Return what a visitor who was let in has sent, up to the bytes of its route.

        Raises:
            ConnectionAbortedError: It did not come whole in time.
        """
        return b"".join(self._body_parts())

    def skip_body(self) -> None:
        """Read what was sent and drop it: who still sends reads no answer.

        Raises:
            ConnectionAbortedError: It did not come whole in time.
        """
        for _ in self._body_parts():
            pass

    def _body_parts(self) -> Iterator[bytes]:
        self.server.request_has_come(self.request)
        left = int(self.header("Content-Length") or 0)
        self.rfile.allow(left)
        ends = time.monotonic() + BODY_SECONDS
        while left:
            part = self.rfile.read1(min(left, 1 << 16))  # `read` waits for all of it
            if not part or time.monotonic() > ends:
                raise ConnectionAbortedError("what was sent did not come whole")
            yield part
            left -= len(part)

    def _length_is_within(self, most_bytes: int) -> bool:
        """Return whether the body is of a known length up to that; refuse it otherwise."""
        length = self.header("Content-Length") or "0"
        chunked = bool(self.header("Transfer-Encoding"))
        if chunked or not length.isdecimal() or len(length) > 12 or int(length) > most_bytes:
            self.close_connection = True
            self.refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too much")
            return False
        return True

    def _is_asked_by_own_page(self) -> bool:
        """Return whether no page of another site makes this browser ask (CSRF)."""
        origin = self.header("Origin")
        return not origin or origin.partition("://")[2] == self.header("Host")

    def _login(self) -> None:
        if not self._length_is_within(_MOST_LOGIN_BYTES):
            return
        body = self.rfile.read(int(self.header("Content-Length") or 0)).decode("latin-1")
        self.server.request_has_come(self.request)
        if not self._may_guess():
            return
        token = parse_qs(body).get("token", [""])[0].strip()
        session = self.door.access.open_session(token)
        if session is None:
            self._let_guessing_take_long()
            self.server.refuse()
            page = self.static.file(LOGIN, "That was not the token.")
            self.send(*page, HTTPStatus.FORBIDDEN)
            return
        secure = "; Secure" if self.door.certificate else ""
        cookie = f"{self.door.access.cookie}={session}; HttpOnly; SameSite=Strict; Path=/{secure}"
        headers = {"Location": "/", "Set-Cookie": cookie}
        self.send(b"", "text/plain", HTTPStatus.SEE_OTHER, headers)

    def _is_let_in(self) -> bool:
        """Return whether this visitor may see anything; answer one who may not."""
        if self.header("Authorization") and not self._may_guess():
            return False
        if self.door.access.allows(*map(self.header, ("Host", "Authorization", "Cookie"))):
            return True
        self._answer_unknown_visitor()
        return False

    def _may_guess(self) -> bool:
        """Return whether a token from this address is looked at; one that was wrong takes a while.

        What is not looked at tells nobody whether it was right.
        """
        if self._address in self.door.guessers:
            self.refuse(HTTPStatus.TOO_MANY_REQUESTS, "a token was wrong just now: wait a little")
            return False
        return True

    def _let_guessing_take_long(self) -> None:
        self.door.guessers.add(self._address)
        try:
            self.door.closing.wait(GUESS_SECONDS)
        finally:
            self.door.guessers.discard(self._address)

    @property
    def _address(self) -> str:
        return address_of(self.client_address[0])

    def _answer_unknown_visitor(self) -> None:
        self.server.refuse()
        reads = self.command != "POST"
        if not self.door.access.token:
            self.send_text("this page is for localhost", HTTPStatus.FORBIDDEN)
            return
        if self.header("Authorization"):
            self._let_guessing_take_long()
        if reads and self.asked_path in _LOGIN_PATHS:
            self.send(*self.static.file(LOGIN), HTTPStatus.UNAUTHORIZED)
        elif reads and self.asked_path == STYLE:
            self.send(*self.static.file(STYLE))
        else:
            self.send_text("a token is needed", HTTPStatus.UNAUTHORIZED)
