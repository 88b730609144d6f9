"""What the studio's page asks, and what answers it."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from importlib.resources import files
from typing import Any

from fer_core.errors import FerError
from fer_edge.page.door import Door
from fer_edge.page.static_files import StaticFiles
from fer_edge.page.web import Route, WebRequest
from fer_train.studio.collection import AbsentError
from fer_train.studio.shots import MOST_BYTES, read_frame, take_shot
from fer_train.studio.studio import Studio

PICTURES_PER_SECOND, STATES_PER_SECOND = 15.0, 4.0
UPLOAD_SECONDS = 5.0
"""How long a picture waits until those before it are done."""
_PACKAGE = "fer_train.studio"


class BusyError(FerError):
    """More is asked at a time than is done."""


def make_handler(studio: Studio, door: Door) -> type[WebRequest]:
    """Return the class that answers for a studio."""
    get = {
        "/api/state": Route(_json(lambda request: request.studio.state())),
        "/api/events": Route(StudioRequest.events, streams=True),
        "/api/pictures": Route(_json(StudioRequest.pictures)),
        "/api/picture": Route(StudioRequest.picture),
        "/api/camera": Route(StudioRequest.video, streams=True),
    }
    post = {
        "/api/classes/add": Route(_json(StudioRequest.add_class)),
        "/api/classes/rename": Route(_json(StudioRequest.rename_class)),
        "/api/classes/delete": Route(_json(StudioRequest.delete_class)),
        "/api/pictures/move": Route(_json(StudioRequest.move_picture)),
        "/api/pictures/delete": Route(_json(StudioRequest.delete_picture)),
        "/api/shots": Route(_json(StudioRequest.shot), MOST_BYTES),
    }
    routes = {("GET", path): route for path, route in get.items()}
    routes |= {("POST", path): route for path, route in post.items()}
    held = {"studio": studio, "door": door, "routes": routes, "static": page_files()}
    return type("OwnStudioRequest", (StudioRequest,), held)


def page_files() -> StaticFiles:
    """Return the files of the page: index.html as /, the others by their names."""
    folder = files(_PACKAGE).joinpath("static")
    names = sorted(each.name for each in folder.iterdir())
    served = [name for name in names if name.endswith((".html", ".css", ".js"))]
    return StaticFiles(
        {"/" if name == "index.html" else f"/{name}": (_PACKAGE, name) for name in served}
    )


class StudioRequest(WebRequest):
    """Answers one request; `make_handler` gives it its studio."""

    studio: Studio

    def send_text(self, words: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        """Answer with a line, as JSON where the page asks for JSON."""
        if self.asked_path.startswith("/api/"):
            self.send_json({"error": words}, status)
        else:
            super().send_text(words, status)

    def events(self) -> None:
        """Send the state whenever it changes."""
        self.stream("text/event-stream", self._send_states)

    def _send_states(self) -> None:
        changes, closing = self.studio.changes, self.door.closing
        count = -1
        while not closing.is_set():
            if (newest := changes.wait(count, 1.0)) > count:
                count = newest
                self.send_event(self.studio.state())
                closing.wait(1 / STATES_PER_SECOND)
            else:
                self.wfile.write(b":\n\n")  # a comment, which tells whether the viewer is there

    def video(self) -> None:
        """Send the pictures of the computer's camera."""
        if self.studio.camera is None:
            self.send_text("this studio has no camera: --camera 0", HTTPStatus.NOT_FOUND)
        else:
            self.stream("multipart/x-mixed-replace; boundary=frame", self._send_pictures)

    def _send_pictures(self) -> None:
        camera, number = self.studio.camera, -1
        while camera and not self.door.closing.is_set():
            try:
                came = camera.next_jpeg(number)
            except FerError:
                return  # the page asks for the state, which says why
            if came is None:
                continue
            number, jpeg = came
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            self.wfile.write(head.encode() + jpeg + b"\r\n")
            self.door.closing.wait(1 / PICTURES_PER_SECOND)

    def pictures(self) -> list[str]:
        """Return the pictures of a class."""
        return self.studio.collection.pictures(self.query("class"))

    def picture(self) -> None:
        """Send a picture."""
        try:
            file = self.studio.collection.file(self.query("class"), self.query("file"))
            content = file.read_bytes()
        except (FerError, OSError) as error:
            self.send_text(str(error), HTTPStatus.NOT_FOUND)
        else:
            self.send(content, "image/png")

    def add_class(self) -> dict[str, Any]:
        """Make a class."""
        return self._changed({"name": self.studio.collection.add_class(self.query("name"))})

    def rename_class(self) -> dict[str, Any]:
        """Call a class otherwise."""
        name = self.studio.collection.rename_class(self.query("name"), self.query("to"))
        return self._changed({"name": name})

    def delete_class(self) -> dict[str, Any]:
        """Delete a class with all its pictures."""
        self.studio.collection.delete_class(self.query("name"))
        return self._changed({})

    def move_picture(self) -> dict[str, Any]:
        """Put a picture into another class."""
        names = map(self.query, ("class", "file", "to"))
        return self._changed({"file": self.studio.collection.move(*names)})

    def delete_picture(self) -> dict[str, Any]:
        """Delete a picture."""
        self.studio.collection.delete(self.query("class"), self.query("file"))
        return self._changed({})

    def shot(self) -> dict[str, Any]:
        """Keep the crop of a picture that is sent, or of the camera's newest."""
        studio, photo = self.studio, bool(self.query("photo"))
        if not studio.uploads.acquire(timeout=UPLOAD_SECONDS):
            raise BusyError("too many pictures at a time: send this one again")
        try:
            frame = self._camera_frame() if self.query("camera") else read_frame(self.body())
            name, recording = self.query("class"), self.query("recording")
            shot = take_shot(studio.collection, studio.finder, name, recording, frame, photo)
        finally:
            studio.uploads.release()
        return self._changed(shot.to_json()) if shot.file else shot.to_json()

    def _camera_frame(self) -> Any:
        """Return the newest frame of the computer's camera; raise FerError where none comes."""
        camera = self.studio.camera
        if camera is None:
            raise FerError("this studio has no camera: start it with --camera 0")
        frame = camera.next_frame()
        if frame is None:
            raise BusyError("no picture comes from the camera")
        return frame

    def _changed(self, answer: dict[str, Any]) -> dict[str, Any]:
        """Tell all pages that the state is another; return the answer."""
        self.studio.changes.tell()
        return answer


def _json(answer: Callable[[Any], Any]) -> Callable[[Any], None]:
    """Return what sends an answer as JSON, and what the user can mend as {"error": ...}."""

    def answered(request: StudioRequest) -> None:
        status, value = HTTPStatus.OK, None
        try:
            value = answer(request)
        except AbsentError as error:
            status, value = HTTPStatus.NOT_FOUND, {"error": str(error)}
        except BusyError as error:
            status, value = HTTPStatus.SERVICE_UNAVAILABLE, {"error": str(error)}
        except FerError as error:
            status, value = HTTPStatus.BAD_REQUEST, {"error": str(error)}
        request.send_json(value, status)

    return answered
