"""What the page of a run answers: the live picture, states, health and metrics."""

from __future__ import annotations

import socket
from base64 import b64encode
from collections.abc import Mapping
from contextlib import ExitStack
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fer_core.bundle import MOST_MODEL_BYTES
from fer_core.errors import FerError
from fer_core.text import on_paper
from fer_edge.outputs.overlay import css_colour
from fer_edge.page.clips import removed_clip, told_clips
from fer_edge.page.metrics import FORMAT, metrics_text
from fer_edge.page.models import taken_model, told_models
from fer_edge.page.replies import EVENTS, PICTURES, PICTURES_PER_SECOND
from fer_edge.page.site import Site
from fer_edge.page.static_files import PAGE_FILES
from fer_edge.page.unknown import (
    about_unknown,
    forgotten_face,
    named_face,
    told_unknown,
    unknown_picture,
)
from fer_edge.page.web import Route, WebRequest

STATES_PER_SECOND = 5.0


def make_handler(site: Site) -> type[WebRequest]:
    """Return the class that answers for a site."""
    routes = {
        ("GET", "/healthz"): Route(PageRequest.health, everybody=True),
        ("GET", "/events"): Route(PageRequest.events, streams=True),
        ("GET", "/metrics"): Route(PageRequest.metrics),
        ("GET", "/about"): Route(PageRequest.about),
        ("GET", "/models"): Route(PageRequest.models),
        ("POST", "/models"): Route(PageRequest.take_model, MOST_MODEL_BYTES),
    }
    if site.history:
        routes["GET", "/history"] = Route(PageRequest.history)
        routes["GET", "/history.csv"] = Route(PageRequest.history_csv)
    if site.enrolment:
        routes["GET", "/unknown/picture"] = Route(PageRequest.unknown_picture)
        routes["POST", "/unknown/name"] = Route(PageRequest.name_unknown)
        routes["POST", "/unknown/forget"] = Route(PageRequest.forget_unknown)
    if site.clips and site.video:
        routes["GET", "/clips"] = Route(PageRequest.clips)
        routes["GET", "/clips/video"] = Route(PageRequest.clip)
        routes["POST", "/clips/delete"] = Route(PageRequest.delete_clip)
    if site.video:
        routes["GET", "/video"] = Route(PageRequest.video, streams=True)
        routes["GET", "/videos"] = Route(PageRequest.videos, streams=True)
    return type("SiteRequest", (PageRequest,), {"site": site, "door": site.door, "routes": routes})


class PageRequest(WebRequest):
    """Answers one request; `make_handler` gives it its site."""

    site: Site
    static = PAGE_FILES

    def health(self) -> None:
        """Say whether frames come, and which model runs; ill is a run that no camera serves."""
        states = self.site.view.camera_states()
        lines = [_health(state) for state in states]
        ill = all(state["ill"] for state in states)
        words = "\n".join([*lines, f"model {self.site.model().mark}"])
        self.send_text(words, HTTPStatus.SERVICE_UNAVAILABLE if ill else HTTPStatus.OK)

    def metrics(self) -> None:
        """Give the figures in the format of Prometheus."""
        counters = {**self.site.counters(), "requests_refused": {"": self.server.refused}}
        text = metrics_text(self.site.view, counters, self.site.model())
        self.send(on_paper(text).encode(), FORMAT)

    def about(self) -> None:
        """Give what changes with the model alone: colours, its name, and what is kept."""
        model = self.site.model()
        colours = {label: css_colour(label) for label in model.labels}
        about = {"colours": colours, "video": self.site.video, "stored": self.site.stored}
        about |= {"cameras": self.site.view.cameras, "history": self.site.history is not None}
        about["clips"] = self.site.clips is not None and self.site.video
        unknown = about_unknown(self.site.enrolment)
        self.send_json({**about, "model": model.mark, "unknown": unknown})

    def history(self) -> None:
        """Give a chart of the last days."""
        from fer_edge.page.history import told_history

        assert self.site.history
        self.send_json(*told_history(self.site.history, self.site.history_days, self.query))

    def history_csv(self) -> None:
        """Give the hours of a chart as a file of CSV."""
        from fer_edge.page.history import exported_history

        assert self.site.history
        text, name, status = exported_history(self.site.history, self.query)
        if status != HTTPStatus.OK:
            self.send_text(text, status)
            return
        attached = {"Content-Disposition": f'attachment; filename="{name}"'}
        self.send(on_paper(text).encode(), "text/csv; charset=utf-8", status, attached)

    def clips(self) -> None:
        """Tell which clips of moments there are."""
        assert self.site.clips
        self.send_json(told_clips(self.site.clips, self.query("most")))

    def clip(self) -> None:
        """Send a clip to be played, or saved where `save` is asked for."""
        assert self.site.clips
        name = self.query("file")
        saved = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}"}
        try:
            path = self.site.clips.file(name)
            self.send_file(path, "video/mp4", saved if self.query("save") else None)
        except (FerError, FileNotFoundError, PermissionError):
            self.send_text("there is no such clip", HTTPStatus.NOT_FOUND)

    def delete_clip(self) -> None:
        """Remove a clip."""
        assert self.site.clips
        self.send_json(*removed_clip(self.site.clips, self.query("file")))

    def models(self) -> None:
        """Tell which model runs, and what became of the newest one."""
        self.send_json(*told_models(self.site.model(), self.site.models))

    def take_model(self) -> None:
        """Check a bundle and put it on trial."""
        content = self.body()  # who sends reads no answer before
        answer, status = taken_model(self.site.models, content)
        if status != HTTPStatus.OK:
            self.server.refuse()
        self.send_json(answer, status)

    def unknown_picture(self) -> None:
        """Send the picture of an unknown face."""
        assert self.site.enrolment
        try:
            self.send(unknown_picture(self.site.enrolment, self.query("face")), "image/png")
        except FerError as error:
            self.send_text(str(error), HTTPStatus.NOT_FOUND)

    def name_unknown(self) -> None:
        """Know an unknown face by a name from now on."""
        assert self.site.enrolment
        self.send_json(*named_face(self.site.enrolment, self.query("face"), self.query("name")))

    def forget_unknown(self) -> None:
        """Forget an unknown face."""
        assert self.site.enrolment
        self.send_json(*forgotten_face(self.site.enrolment, self.query("face")))

    def video(self) -> None:
        """Send a camera's live picture, as fast as the viewer takes it."""
        if self.query("camera") not in self.site.view.cameras:
            self.send_text("there is no such camera", HTTPStatus.NOT_FOUND)
            return
        self.stream(PICTURES, self._send_pictures)

    @property
    def _viewer(self) -> str:
        """What a page calls itself, so that it learns whether its picture still comes."""
        return self.query("viewer")[:16]

    def _send_pictures(self) -> None:
        view, camera = self.site.view, self.query("camera")
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 17)  # no old pictures
        with view.watched(self._viewer, camera):
            self.send_pictures(lambda after: view.next_jpeg(after, 1.0, camera), view.closing)

    def videos(self) -> None:
        """Send the live pictures of all cameras as events: a browser has six connections to us."""
        self.stream(EVENTS, self._send_all_pictures)

    def _send_all_pictures(self) -> None:
        view = self.site.view
        numbers = dict.fromkeys(view.cameras, -1)
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 17)  # no old pictures
        with ExitStack() as stack:
            for camera in numbers:
                stack.enter_context(view.watched(self._viewer, camera))
            while not view.closing.is_set():
                newer = {each: view.next_jpeg(after, 0.0, each) for each, after in numbers.items()}
                came = {camera: picture for camera, picture in newer.items() if picture}
                if not came and self.viewer_has_gone():
                    return
                for camera, (number, jpeg) in came.items():
                    numbers[camera] = number
                    self.send_event({"camera": camera, "jpeg": b64encode(jpeg).decode()})
                view.closing.wait(1 / PICTURES_PER_SECOND)
                view.wait(1.0)

    def events(self) -> None:
        """Send what is seen, whenever it changes."""
        self.follow(self._send_states)

    def _send_states(self) -> None:
        view, number = self.site.view, 0
        while not view.closing.is_set():
            state = view.state(number, self._viewer)
            number = max([number, *(event["number"] for event in state["events"])])
            unknown = told_unknown(self.site.enrolment)
            self.send_event({**state, "model": self.site.model().mark, "unknown": unknown})
            view.closing.wait(1 / STATES_PER_SECOND)
            view.wait(1.0)


def _health(state: Mapping[str, Any]) -> str:
    words = f"no frame for {state['silent_seconds']:.0f} s" if state["ill"] else "ok"
    return f"camera {state['camera']}: {words}" if state["camera"] else words
