"""From a picture to a crop that is kept, or the reason why not."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from fer_core.picture_heads import read_head
from fer_core.pictures import Picture, decode_or_reason
from fer_core.values import Face, Frame
from fer_train.studio.collection import Collection
from fer_train.studio.finding import FaceFinder
from fer_train.studio.names import recording_name
from fer_train.studio.quality import crop_fault, face_fault
from fer_train.studio.told import ToldError

MOST_BYTES, MOST_PIXELS = 20_000_000, 50_000_000
"""What a picture that is sent may have."""


@dataclass(frozen=True, slots=True)
class Shot:
    """What became of a picture: the file of its crop, or the fault why none was kept."""

    file: str = ""
    why: str = ""
    face: Face | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values; the box is [x, y, width, height] in pixels of the picture."""
        box = box_json(self.face) if self.face else None
        if self.file:
            return {"kept": True, "file": self.file, "box": box}
        return {"kept": False, "why": self.why, "box": box}


def box_json(face: Face) -> list[int]:
    """Return the box of a face as JSON: [x, y, width, height]."""
    return [face.box.x, face.box.y, face.box.width, face.box.height]


def read_frame(encoded: bytes, camera: str = "") -> Frame:
    """Return a picture that was sent as a frame of now.

    Args:
        encoded: The picture as a file.
        camera: What tells the camera from others; empty for a file.

    Raises:
        ToldError: It is no picture, or too large a one.
    """
    head = read_head(encoded)
    if head.height * head.width > MOST_PIXELS:
        most = MOST_PIXELS // 10**6
        words = f"the picture is larger than {most} megapixels"
        raise ToldError(words, code="too_many_pixels", most=most)
    picture = decode_or_reason(encoded, colour=True)
    if not isinstance(picture, Picture):
        raise ToldError(f"the picture cannot be read: {picture}", code="unreadable", why=picture)
    return Frame(picture.pixels, 0, time.monotonic(), reduced=picture.reduced, camera=camera)


def take_shot(
    collection: Collection,
    finder: FaceFinder,
    name: str,
    recording: str,
    frame: Frame,
    photo: bool = False,
) -> Shot:
    """Keep the crop of a frame's face in a class, unless the gate refuses it.

    Args:
        collection: What keeps it.
        finder: What finds the face.
        name: The class.
        recording: What the frame is a part of.
        frame: The frame.
        photo: Whether it is a picture for itself, not the next one of a stream.

    Raises:
        FerError: There is no such class, it is full, or the disk is.
    """
    collection.require_room(name)
    recording = recording_name(recording, photo)

    def keep(face: Face) -> Shot:
        crop = collection.spec.pixels(frame, face)
        if why := crop_fault(crop, collection.recent(name)):
            return Shot(why=why)
        return Shot(collection.keep(name, recording, crop))

    return shot_of(finder, "" if photo else recording, frame, keep)


def shot_of(finder: FaceFinder, stream: str, frame: Frame, keep: Callable[[Face], Shot]) -> Shot:
    """Return what became of the one face of a frame, with its box in the picture.

    Args:
        finder: What finds it.
        stream: What tells the frame's stream from others; empty for a picture for itself.
        frame: The frame.
        keep: Keeps a face that can be cropped, or says why not; the box is not up to it.
    """
    faces = finder.in_stream(stream, frame) if stream else finder.in_photo(frame)
    why = face_fault(frame, faces)
    shot = Shot(why=why) if why else keep(faces[0])
    return replace(shot, face=faces[0].times(frame.reduced) if faces else None)
