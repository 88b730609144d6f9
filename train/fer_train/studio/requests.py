"""What the studio's page asks, and what answers it."""

from __future__ import annotations

from contextlib import suppress
from http import HTTPStatus
from typing import Any

from fer_core.errors import FerError
from fer_edge.page.door import Door
from fer_edge.page.web import Route, WebRequest
from fer_train.studio.answering import json_answer
from fer_train.studio.listing import version_of
from fer_train.studio.people import person_json, who_json, write_people
from fer_train.studio.person_shots import take_person_shot
from fer_train.studio.run_requests import RunRequest
from fer_train.studio.shots import MOST_BYTES, take_shot
from fer_train.studio.static_files import page_files
from fer_train.studio.studio import Studio
from fer_train.studio.telephones import address_json, address_svg

_MOST_DEPLOY_BYTES = 4096


def make_handler(studio: Studio, door: Door) -> type[WebRequest]:
    """Return the class that answers for a studio."""
    get = {
        "/api/state": Route(json_answer(lambda request: request.studio.state())),
        "/api/events": Route(StudioRequest.events, streams=True),
        "/api/pictures": Route(json_answer(StudioRequest.pictures)),
        "/api/uses": Route(json_answer(StudioRequest.uses)),
        "/api/picture": Route(StudioRequest.picture),
        "/api/camera": Route(StudioRequest.video, streams=True),
        "/api/person": Route(json_answer(StudioRequest.person)),
        "/api/people": Route(StudioRequest.people_zip, streams=True),
        "/api/run": Route(json_answer(StudioRequest.run)),
        "/api/bundle": Route(StudioRequest.bundle),
        "/api/address": Route(json_answer(lambda request: address_json(request.door))),
        "/api/qr": Route(StudioRequest.qr),
    }
    post = {
        "/api/classes/add": Route(json_answer(StudioRequest.add_class)),
        "/api/classes/rename": Route(json_answer(StudioRequest.rename_class)),
        "/api/classes/delete": Route(json_answer(StudioRequest.delete_class)),
        "/api/pictures/move": Route(json_answer(StudioRequest.move_picture)),
        "/api/pictures/delete": Route(json_answer(StudioRequest.delete_picture)),
        "/api/shots": Route(json_answer(StudioRequest.shot), MOST_BYTES),
        "/api/train": Route(json_answer(StudioRequest.train)),
        "/api/stop": Route(json_answer(StudioRequest.stop)),
        "/api/runs/delete": Route(json_answer(StudioRequest.delete_run)),
        "/api/who": Route(json_answer(StudioRequest.who), MOST_BYTES),
        "/api/look": Route(json_answer(StudioRequest.look), MOST_BYTES),
        "/api/deploy": Route(json_answer(StudioRequest.deploy), _MOST_DEPLOY_BYTES),
        "/api/deployed": Route(json_answer(StudioRequest.deployed), _MOST_DEPLOY_BYTES),
    }
    routes = {("GET", path): route for path, route in get.items()}
    routes |= {("POST", path): route for path, route in post.items()}
    held = {"studio": studio, "door": door, "routes": routes, "static": page_files()}
    return type("OwnStudioRequest", (StudioRequest,), held)


class StudioRequest(RunRequest):
    """Answers one request; `make_handler` gives it its studio."""

    def pictures(self) -> list[dict[str, str]]:
        """Return the pictures of a class or a person, each with its version."""
        versions = self.folders.versions(self.query("class"))
        return [{"file": file, "version": version} for file, version in versions.items()]

    def uses(self) -> dict[str, Any]:
        """Return which training and which runs use the pictures of a class."""
        return self.studio.uses(self.query("class"))

    def picture(self) -> None:
        """Send a picture."""
        try:
            file = self.folders.file(*map(self.query, ("class", "file", "version")))
            content = file.read_bytes()
        except (FerError, OSError) as error:
            self.send_text(str(error), HTTPStatus.NOT_FOUND)
        else:
            self.send(content, "image/png")

    def add_class(self) -> dict[str, Any]:
        """Make a class or a person."""
        return self.changed({"name": self.folders.add(self.query("name"))})

    def rename_class(self) -> dict[str, Any]:
        """Call a class or a person otherwise."""
        name = self.folders.rename(self.query("name"), self.query("to"))
        return self.changed({"name": name})

    def delete_class(self) -> dict[str, Any]:
        """Delete a class or a person with all pictures, as many as `count` if the query has one."""
        asked = self.query("count")
        count = int(asked) if asked.isdecimal() else None
        if self.query("people"):
            self.studio.people.remove(self.query("name"), count)
        else:
            self.studio.delete_class(self.query("name"), count)
        return self.changed({})

    def move_picture(self) -> dict[str, Any]:
        """Put a picture into another class, or give it to another person."""
        names = map(self.query, ("class", "file", "to", "version"))
        return self.changed({"file": self.folders.move(*names)})

    def delete_picture(self) -> dict[str, Any]:
        """Delete a picture."""
        names = map(self.query, ("class", "file", "version"))
        if self.query("people"):
            self.studio.people.delete(*names)
        else:
            self.studio.delete_picture(*names)
        return self.changed({})

    def shot(self) -> dict[str, Any]:
        """Keep the face of a picture that is sent, or of the camera's newest."""
        studio, photo = self.studio, bool(self.query("photo"))
        asked = self.query("class"), self.query("recording")
        people = self.query("people")
        if people:
            self.look_at_people(asked[0])
        with self.frame() as frame:
            if people:
                shot = take_person_shot(studio.people, studio.finder, *asked, frame, photo)
            else:
                shot = take_shot(studio.collection, studio.finder, *asked, frame, photo)
        if not shot.file:
            return shot.to_json()
        version = version_of(self.folders.folder / asked[0] / shot.file)
        version = version or "moved"  # meanwhile: no other picture is meant
        return self.changed({**shot.to_json(), "version": version})

    def person(self) -> dict[str, Any]:
        """Return what is known of a person."""
        return person_json(self.studio.people, self.query("name"))

    def who(self) -> dict[str, Any]:
        """Return who is in a picture."""
        stream = "who/camera" if self.query("camera") else "who/browser"
        self.look_at_people()
        with self.frame() as frame:
            faces = self.studio.finder.in_stream(stream, frame)
            return who_json(self.studio.people, frame, faces)

    def look_at_people(self, name: str = "") -> None:
        """Have the pictures of a person, or of all, looked at before a place is taken for one.

        The first time that takes a tenth of a second each. What is wrong is told later, when the
        picture that is sent was read.
        """
        self.server.request_has_come(self.request)
        people = self.studio.people
        with suppress(FerError):
            _ = people.faces(name) if name else people.everybody()

    def people_zip(self) -> None:
        """Send all pictures of people as a download."""
        people = self.studio.people
        try:
            people.require_somebody()
        except FerError as error:
            self.send_text(str(error), HTTPStatus.NOT_FOUND)
            return
        headers = {"Content-Disposition": "attachment; filename=people.zip"}
        self.stream("application/zip", lambda: write_people(people, self.wfile), headers)

    def look(self) -> dict[str, Any]:
        """Return the faces of a picture with the answers of the new network and the old one."""
        stream = "camera" if self.query("camera") else "browser"
        with self.frame() as frame:
            return self.studio.comparison.look(self.query("model"), stream, frame)

    def qr(self) -> None:
        """Send the address as a QR code."""
        try:
            self.send(address_svg(self.door), "image/svg+xml")
        except FerError as error:
            self.send_text(str(error), HTTPStatus.NOT_FOUND)
