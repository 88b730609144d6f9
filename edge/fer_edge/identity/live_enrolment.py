"""Giving an unknown face a name while a run goes on."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fer_core.errors import FerError
from fer_core.files import make_folder, write_bytes
from fer_core.folder_names import folder_name
from fer_core.opencv import cv2
from fer_core.text import composed, name_key
from fer_core.values import Frame
from fer_edge.faces.detector import FaceDetector
from fer_edge.identity.cut_outs import CutOut
from fer_edge.identity.people import KnownPeople
from fer_edge.identity.unknown import UnknownFaces


@dataclass(frozen=True, slots=True)
class Named:
    """What became of a face: its name, and where its picture lies or why it was not stored."""

    name: str
    stored: str = ""
    why_not: str = ""


class LiveEnrolment:
    """Names unknown faces: for the run at once, and for later runs by one picture in a folder.

    Attributes:
        unknown: The faces that may be named.
        folder: That of --faces.
    """

    def __init__(
        self, unknown: UnknownFaces, known: KnownPeople, folder: Path, detector: FaceDetector
    ) -> None:
        """Take the parts.

        Args:
            unknown: The faces that may be named.
            known: Who is known by now.
            folder: That of --faces.
            detector: What will find the faces of its pictures.
        """
        self.unknown, self.folder = unknown, folder
        self._known, self._detector = known, detector
        self._lock = threading.Lock()

    def name(self, track_id: int, text: str) -> Named:
        """Know a face by a name from now on, and store its picture under that name.

        Other unknown faces that are the same person are dropped.

        Args:
            track_id: The track of the face.
            text: The name, a new one or that of somebody known.

        Raises:
            FerError: Nobody may be called so, or the face is not there any more.
        """
        with self._lock:
            cut = self.unknown.face(track_id).cut
            stored = self._as_stored(folder_name(text, "person"))
            name = composed(stored)
            found = self._detector.detect(Frame(cut.pixels, 0, 0.0))
            face = found[0] if len(found) == 1 else cut.face
            self._known.add(name, self._known.describe(Frame(cut.pixels, 0, 0.0), face))
            self.unknown.forget(track_id)
            self._forget_the_same(name)
            if len(found) != 1:
                return Named(name, why_not=f"--faces would find {len(found)} faces in it, not one")
            return self._stored(name, self.folder / stored, cut)

    def _as_stored(self, name: str) -> str:
        """Return the folder that a name has already, whatever the capitals; else a new one's."""
        there = [path.name for path in self.folder.glob("*") if path.is_dir()]
        return next((each for each in there if name_key(each) == name_key(name)), name)

    def _forget_the_same(self, name: str) -> None:
        for each in self.unknown.faces():
            described = self._known.describe(Frame(each.cut.pixels, 0, 0.0), each.cut.face)
            if self._known.name_of(described) == name:
                self.unknown.forget(each.track_id)

    def _stored(self, name: str, folder: Path, cut: CutOut) -> Named:
        file = folder / f"seen-{datetime.now():%Y%m%d-%H%M%S-%f}.png"
        try:
            make_folder(file.parent)
            write_bytes(file, cv2.imencode(".png", cut.pixels)[1].tobytes())
        except FerError as error:
            return Named(name, why_not=str(error))
        return Named(name, stored=str(file))
