"""The people of a studio: cut-outs of their faces, one folder a person, as `--faces` takes them.

What tells the faces apart is worked out anew from the pictures and kept in memory alone.
"""

from __future__ import annotations

import threading
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import numpy as np

from fer_core.errors import FerError
from fer_core.pictures import PICTURE_SUFFIXES, Picture, read_picture
from fer_core.values import Face, FloatArray, Frame, UInt8Array
from fer_edge.identity.descriptors import DlibDescriptor, FaceDescriptor
from fer_edge.identity.people import People
from fer_train.studio.file_facts import FileFacts
from fer_train.studio.finding import FaceFinder
from fer_train.studio.folders import PictureFolders
from fer_train.studio.kind import Kind
from fer_train.studio.names import person_name
from fer_train.studio.quality import NO_FACE, TWO_FACES
from fer_train.studio.shots import box_json
from fer_train.studio.sides import SIDES, side_of
from fer_train.studio.told import AbsentError

PEOPLE = Kind("person", "people", 30, 40, person_name)
WORTH = 12
"""How many pictures of a person are worth it; see docs/decisions/0007-identity.md."""
MOST_NAMED = 4
"""How many faces of a picture are named, the largest; each takes a tenth of a second."""


@dataclass(frozen=True, slots=True, eq=False)
class KnownFace:
    """The face of a cut-out: its descriptor (128,) float32, and from which side it is seen."""

    descriptor: FloatArray
    side: str


class PeopleFolders(PictureFolders):
    """The pictures of people, and in memory what tells them apart; what is deleted is forgotten."""

    def __init__(self, folder: Path, finder: FaceFinder) -> None:
        """Make the folder where it lacks.

        Raises:
            FerError: It cannot be made.
        """
        super().__init__(folder, PEOPLE)
        self._finder = finder
        self._faces = FileFacts(self._face_of_file)
        self._describing = threading.Lock()
        self._descriptor: FaceDescriptor | None = None

    def faces(self, name: str) -> list[KnownFace]:
        """Return the faces of a person's pictures; pictures that --faces leaves out have none.

        Raises:
            AbsentError: There is no such person.
            FerError: dlib is missing.
        """
        return [face for face in self._faces.of(self.paths(name)).values() if face is not None]

    def require_somebody(self) -> None:
        """Make sure that there is a person.

        Raises:
            FerError: There is none, or the folder cannot be read.
        """
        if not self.names():
            raise FerError("there is nobody yet: add a person first")

    def everybody(self) -> People | None:
        """Return all people; None where there is no usable picture.

        Raises:
            FerError: dlib is missing.
        """
        names: list[str] = []
        descriptors: list[FloatArray] = []
        for name in self.names():
            with suppress(AbsentError):  # deleted just now
                found = [face.descriptor for face in self.faces(name)]
                names += [name] * len(found)
                descriptors += found
        return People(tuple(names), np.stack(descriptors)) if names else None

    def describe(self, frame: Frame, face: Face) -> FloatArray:
        """Return the descriptor (128,) float32 of a face of a frame.

        Raises:
            FerError: dlib is missing.
        """
        with self._describing:
            if self._descriptor is None:
                self._descriptor = DlibDescriptor()
            return self._descriptor.describe(frame, face)

    def the_face(self, cut: UInt8Array) -> KnownFace | str:
        """Return the face of a cut-out (h, w, 3) BGR, or why --faces would leave it out.

        Raises:
            FerError: dlib is missing.
        """
        frame = Frame(cut, 0, 0.0)
        found = self._finder.in_photo(frame)
        if len(found) != 1:
            return TWO_FACES if found else NO_FACE
        return KnownFace(self.describe(frame, found[0]), side_of(found[0]))

    def keep_face(self, name: str, recording: str, cut: UInt8Array, face: KnownFace) -> str:
        """Write a cut-out (h, w, 3) BGR of a face; return its file name.

        Raises:
            FerError: There is no such person, there is no room, or the disk is full.
        """
        with self._lock:
            file = self.keep(name, recording, cut)
            self._faces.note(self.folder / name / file, face)
        return file

    def _went(self) -> None:
        """Forget the pictures that are not there any more, and where faces were seen last."""
        self._faces.forget_others(path for name in self.names() for path in self.paths(name))
        self._finder.forget()

    def _face_of_file(self, path: Path) -> KnownFace | None:
        picture = read_picture(path, colour=True)
        face = self.the_face(picture.pixels) if isinstance(picture, Picture) else ""
        return face if isinstance(face, KnownFace) else None


def person_json(people: PeopleFolders, name: str) -> dict[str, Any]:
    """Return what is known of a person, as JSON values.

    Returns:
        `count` of usable pictures, how many `more` are worth it, and how many show the face from
        each of `sides`; these are empty where the detector does not tell.

    Raises:
        FerError: There is no such person, or dlib is missing.
    """
    faces = people.faces(name)
    sides = {side: sum(face.side == side for face in faces) for side in SIDES}
    told = sides if any(face.side for face in faces) else {}
    return {"count": len(faces), "more": max(0, WORTH - len(faces)), "sides": told}


def who_json(people: PeopleFolders, frame: Frame, faces: Sequence[Face]) -> dict[str, Any]:
    """Return who is in a frame by the rule of --faces, as JSON values; "" for nobody known.

    Raises:
        FerError: dlib is missing.
    """
    everybody = people.everybody()
    named = [
        {
            "box": box_json(face.times(frame.reduced)),
            "name": everybody.name_of(people.describe(frame, face)) if everybody else "",
        }
        for face in faces[:MOST_NAMED]
    ]
    return {"faces": named}


def write_people(people: PictureFolders, out: BufferedIOBase) -> None:
    """Write all pictures as a .zip that holds the folder `people`; nothing of it is kept here."""
    with zipfile.ZipFile(out, "w", strict_timestamps=False) as archive:
        for name in people.names():
            for path in _pictures_of(people, name):
                with suppress(FileNotFoundError):  # deleted just now
                    archive.write(path, f"people/{name}/{path.name}")


def _pictures_of(people: PictureFolders, name: str) -> list[Path]:
    """Return where the pictures of a person lie, with those that `--faces` reads from elsewhere."""
    with suppress(AbsentError):  # deleted just now
        pictures, others = people.files(name)
        more = [file for file in others if Path(file).suffix.lower() in PICTURE_SUFFIXES]
        return [people.folder / name / file for file in pictures + more]
    return []
