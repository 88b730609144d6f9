"""What the page of a fleet answers."""

from __future__ import annotations

from http import HTTPStatus
from typing import ClassVar

from fer_edge.fleet.fleet import Fleet
from fer_edge.page.door import Door
from fer_edge.page.static_files import FOLLOW, StaticFiles
from fer_edge.page.web import Route, WebRequest

NEWS_SECONDS = 1.0
_PACKAGE = "fer_edge.fleet"
FLEET_FILES = StaticFiles(
    {
        "/": (_PACKAGE, "index.html"),
        **FOLLOW,
        "/fleet.js": (_PACKAGE, "fleet.js"),
        "/fleet.css": (_PACKAGE, "fleet.css"),
    },
    "fer-edge fleet",
    "The token of this page: $FER_EDGE_TOKEN, or token in the settings file.",
)


def make_handler(fleet: Fleet, door: Door) -> type[WebRequest]:
    """Return the class that answers for a fleet."""
    routes = {
        ("GET", "/healthz"): Route(FleetRequest.health, everybody=True),
        ("GET", "/fleet"): Route(FleetRequest.fleet_now),
        ("GET", "/events"): Route(FleetRequest.events, streams=True),
    }
    return type("Request", (FleetRequest,), {"fleet": fleet, "door": door, "routes": routes})


class FleetRequest(WebRequest):
    """Answers one request; `make_handler` gives it its fleet."""

    fleet: ClassVar[Fleet]
    static = FLEET_FILES

    def health(self) -> None:
        """Say whether the broker is there; without it nothing on the page is new."""
        broker = self.fleet.broker()
        since = f"for {broker['seconds']:.0f} s"
        if broker["connected"]:
            self.send_text(f"ok: connected to the broker {since}", HTTPStatus.OK)
        else:
            words = f"no connection to the broker {since}"
            self.send_text(words, HTTPStatus.SERVICE_UNAVAILABLE)

    def fleet_now(self) -> None:
        """Give all that is known, as JSON."""
        self.send_json(self.fleet.news())

    def events(self) -> None:
        """Send what has changed, every second."""
        self.follow(self._send_news)

    def _send_news(self) -> None:
        number = 0
        while not self.door.closing.is_set():
            news = self.fleet.news(number)
            number = news["number"]
            self.send_event(news)
            self.door.closing.wait(NEWS_SECONDS)
