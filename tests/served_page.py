"""The page of a run on a free port of this computer."""

from __future__ import annotations

import http.client
import socket

from fer_edge.deployment.folder import ModelFolder
from fer_edge.history.place import Place
from fer_edge.identity.live_enrolment import LiveEnrolment
from fer_edge.inference.models import ModelFacts
from fer_edge.outputs.clips.folder import ClipFolder
from fer_edge.page.access import Access, ServeAddress
from fer_edge.page.door import Door
from fer_edge.page.requests import make_handler
from fer_edge.page.server import PageServer
from fer_edge.page.site import Site
from fer_edge.page.view import LiveView

ANSWER_SECONDS = 180
"""A new model may be tried twice, for a minute each (`LIMIT_SECONDS`)."""
TOKEN = "a-token-of-the-tests"
LABELS = ("happy", "<b>odd</b>")
LOOPBACK = ServeAddress("127.0.0.1", 0)


class Served:
    """A page on a free port of this computer."""

    def __init__(
        self,
        token: str = "",
        video: bool = True,
        address: ServeAddress = LOOPBACK,
        stored: tuple[str, ...] = (),
        models: ModelFolder | None = None,
        history: Place | None = None,
        enrolment: LiveEnrolment | None = None,
        view: LiveView | None = None,
        clips: ClipFolder | None = None,
    ) -> None:
        self.view = view or LiveView()
        self.model = ModelFacts("test-int8", "ab" * 32, LABELS)
        door = Door(Access(address, token))
        site = Site(
            self.view,
            door,
            lambda: self.model,
            video,
            stored,
            models=models,
            history=history,
            history_days=30,
            enrolment=enrolment,
            clips=clips,
        )
        self.server = PageServer(make_handler(site), self.view.close)

    def ask(
        self, path: str, method: str = "GET", body: str | bytes | None = None, **headers: str
    ) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.server.port, timeout=ANSWER_SECONDS
        )
        connection.request(method, path, body, headers)
        return connection.getresponse()

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.server.port), timeout=5)
