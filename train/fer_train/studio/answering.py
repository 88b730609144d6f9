"""How the studio answers: JSON with plain errors, streams, and pictures in a bounded number."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import Any

from fer_core.errors import FerError
from fer_core.values import Frame
from fer_edge.page.replies import PICTURES
from fer_edge.page.web import WebRequest
from fer_train.studio.deploy import DeviceError
from fer_train.studio.folders import PictureFolders
from fer_train.studio.shots import read_frame
from fer_train.studio.studio import Studio
from fer_train.studio.told import AbsentError, RunningError, ToldError, error_json

STATES_PER_SECOND = 4.0
ALIVE = b"event: alive\ndata:1\n\n"
"""Tells a page that the studio is still there, and the studio whether the page is."""
UPLOAD_SECONDS = 5.0
"""How long a picture waits until those before it are done."""


class BusyError(ToldError):
    """More is asked at a time than is done."""


class Answering(WebRequest):
    """One request to a studio, with the ways to answer it.

    Attributes:
        studio: The studio.
    """

    studio: Studio

    def send_text(self, words: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        """Answer with a line, as JSON where the page asks for JSON."""
        if self.asked_path.startswith("/api/"):
            self.send_json({"error": words}, status)
        else:
            super().send_text(words, status)

    def events(self) -> None:
        """Send the state whenever it changes."""
        self.follow(self._send_states)

    def _send_states(self) -> None:
        changes, closing = self.studio.changes, self.door.closing
        count = -1
        while not closing.is_set():
            if (newest := changes.wait(count, 1.0)) > count:
                count = newest
                self.send_event(self._state_or_error())
                closing.wait(1 / STATES_PER_SECOND)
            else:
                self.wfile.write(ALIVE)

    def _state_or_error(self) -> dict[str, Any]:
        try:
            return self.studio.state()
        except (FerError, OSError) as error:
            return error_json(_told(error))

    def video(self) -> None:
        """Send the pictures of the computer's camera."""
        if self.studio.camera is None:
            self.send_text("this studio has no camera: --camera 0", HTTPStatus.NOT_FOUND)
        else:
            self.stream(PICTURES, self._send_pictures)

    def _send_pictures(self) -> None:
        assert self.studio.camera
        with suppress(FerError):  # where the camera fails; a shot says why
            self.send_pictures(self.studio.camera.next_jpeg, self.door.closing)

    @contextmanager
    def frame(self) -> Iterator[Frame]:
        """Give a picture that is sent, or the camera's newest, in one of the places for it.

        Raises:
            BusyError: Too many are being received, or none comes from the camera.
            FerError: It is no picture, or there is no camera.
        """
        studio = self.studio
        self.server.request_has_come(self.request)  # it waits for us, not we for it
        if not studio.uploads.acquire(timeout=UPLOAD_SECONDS):
            self.skip_body()
            raise BusyError("too many pictures at a time: send this one again", code="busy")
        try:
            if self.query("camera"):
                yield self._camera_frame()
            else:
                yield read_frame(self.body(), self.query("page"))
        finally:
            studio.uploads.release()

    def _camera_frame(self) -> Frame:
        """Return the newest frame of the computer's camera; raise FerError where none comes."""
        camera = self.studio.camera
        if camera is None:
            raise FerError("this studio has no camera: start it with --camera 0")
        frame = camera.next_frame()
        if frame is None:
            raise BusyError("no picture comes from the camera", code="no_picture")
        return frame

    @property
    def folders(self) -> PictureFolders:
        """The people where the query has people=1, else the classes."""
        return self.studio.people if self.query("people") else self.studio.collection

    def changed(self, answer: dict[str, Any]) -> dict[str, Any]:
        """Tell all pages that the state is another; return the answer."""
        self.studio.changes.tell()
        return answer


_STATUS: dict[type[FerError], HTTPStatus] = {
    AbsentError: HTTPStatus.NOT_FOUND,
    RunningError: HTTPStatus.CONFLICT,
    BusyError: HTTPStatus.SERVICE_UNAVAILABLE,
    DeviceError: HTTPStatus.BAD_GATEWAY,
}


def _told(error: FerError | OSError) -> FerError:
    """Return what the system refused as an error that the page tells."""
    if isinstance(error, FerError):
        return error
    return FerError(f"{error.filename or 'a file'}: {error.strerror or error}")


def json_answer(answer: Callable[[Any], Any]) -> Callable[[Any], None]:
    """Return what sends an answer as JSON, and what the user can mend as {"error": ...}."""

    def answered(request: Answering) -> None:
        try:
            value, status = answer(request), HTTPStatus.OK
        except (ConnectionError, TimeoutError):
            raise  # the viewer's
        except (FerError, OSError) as error:
            fault = _told(error)
            value, status = error_json(fault), _STATUS.get(type(fault), HTTPStatus.BAD_REQUEST)
        request.send_json(value, status)

    return answered
