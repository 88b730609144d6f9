"""What the page answers about unknown faces: which there are, and what became of one's name."""

from __future__ import annotations

from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from fer_core.errors import FerError
from fer_core.opencv import cv2
from fer_edge.identity.live_enrolment import LiveEnrolment
from fer_edge.identity.unknown import MOST_UNKNOWN, UNKNOWN_SECONDS

Answer = tuple[dict[str, Any], HTTPStatus]


def about_unknown(enrolment: LiveEnrolment | None) -> dict[str, Any] | None:
    """Return where names go and how long faces are kept; None where they are not."""
    if enrolment is None:
        return None
    minutes = round(UNKNOWN_SECONDS / 60)
    return {"folder": str(enrolment.folder), "most": MOST_UNKNOWN, "minutes": minutes}


def told_unknown(enrolment: LiveEnrolment | None) -> list[dict[str, str | int]]:
    """Return the faces that may be named: what requests call each, its track and its picture."""
    if enrolment is None:
        return []
    unknown = enrolment.unknown
    return [
        {
            "face": f"{unknown.run}-{each.track_id}",
            "track": each.track_id,
            "picture": each.picture,
        }
        for each in unknown.faces()
    ]


def unknown_picture(enrolment: LiveEnrolment, face: str) -> bytes:
    """Return the picture of a face as PNG.

    Raises:
        FerError: It is not there, or no longer.
    """
    cut = enrolment.unknown.face(_track(enrolment, face)).cut
    return cv2.imencode(".png", cut.pixels)[1].tobytes()


def named_face(enrolment: LiveEnrolment, face: str, name: str) -> Answer:
    """Name a face; return what is answered."""
    try:
        return asdict(enrolment.name(_track(enrolment, face), name)), HTTPStatus.OK
    except FerError as error:
        return error.to_json(), HTTPStatus.BAD_REQUEST


def forgotten_face(enrolment: LiveEnrolment, face: str) -> Answer:
    """Forget a face; return what is answered."""
    try:
        enrolment.unknown.forget(enrolment.unknown.face(_track(enrolment, face)).track_id)
    except FerError as error:
        return error.to_json(), HTTPStatus.BAD_REQUEST
    return {}, HTTPStatus.OK


def _track(enrolment: LiveEnrolment, face: str) -> int:
    """Return the track of a face of this run, that of none for any other text."""
    run, _, number = face.rpartition("-")
    is_known = run == enrolment.unknown.run and number.isdecimal() and len(number) < 12
    return int(number) if is_known else -1
