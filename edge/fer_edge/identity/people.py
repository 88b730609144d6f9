"""The people who were enrolled, and who is nearest to a face."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fer_core.errors import ArgumentError, FerError
from fer_core.pictures import PICTURE_SUFFIXES, left_out, read_picture
from fer_core.text import composed, is_plain_name, printable_name
from fer_core.values import Face, FloatArray, Frame
from fer_edge.faces.detector import FaceDetector
from fer_edge.identity.descriptors import DlibDescriptor, FaceDescriptor

UNKNOWN_DISTANCE = 0.5
"""From this Euclidean distance on a face is nobody's; see docs/decisions/0007-identity.md."""


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """A name and a descriptor for each picture.

    Attributes:
        names: (n,), who is in each picture.
        descriptors: (n, d) float32.

    Raises:
        ValueError: There are not as many of both.
    """

    names: tuple[str, ...]
    descriptors: FloatArray

    def __post_init__(self) -> None:
        if len(self.names) != len(self.descriptors) or not self.names:
            raise ValueError(f"{len(self.names)} names for {len(self.descriptors)} descriptors")

    def nearest(self, descriptor: FloatArray) -> tuple[str, float]:
        """Return whose picture is nearest, and how far it is."""
        distances = np.linalg.norm(self.descriptors - descriptor, axis=1)
        index = int(distances.argmin())
        return self.names[index], float(distances[index])

    def name_of(self, descriptor: FloatArray) -> str:
        """Return who it is, empty for nobody of these."""
        name, distance = self.nearest(descriptor)
        return name if distance < UNKNOWN_DISTANCE else ""


class NobodyError(FerError):
    """A folder enrols nobody; names may come later.

    Attributes:
        skipped: The files that were left out, with the reason.
    """

    def __init__(self, message: str, skipped: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.skipped = skipped


@dataclass(frozen=True, slots=True)
class Enrolment:
    """The people found in a folder, and the pictures that were left out, with the reason."""

    people: People
    skipped: tuple[str, ...]

    def text(self) -> str:
        """Return who was enrolled, and a line for every picture that was not."""
        counts = Counter(self.people.names)
        who = ", ".join(f"{name} ({count})" for name, count in counts.items())
        return _with_left_out(f"enrolled {who}", self.skipped)


def _with_left_out(text: str, skipped: Sequence[str]) -> str:
    return "\n".join([text, *(f"left out {line}" for line in skipped)])


def enrol(folder: Path, detector: FaceDetector, describe: FaceDescriptor) -> Enrolment:
    """Enrol one person a folder, whose name it bears, from pictures of exactly one face each.

    Args:
        folder: The folder that holds a folder a person.
        detector: What finds the faces.
        describe: What tells them apart.

    Raises:
        NobodyError: There is no such folder, or it holds no usable picture.
        FerError: The name of a person's folder is none.
    """
    if not folder.is_dir():
        raise NobodyError(f"there is no folder {folder}: --faces takes one with a folder a person")
    names: list[str] = []
    found: list[FloatArray] = []
    skipped: list[str] = []
    for file in sorted(each for each in folder.rglob("*") if each.is_file()):
        place = file.relative_to(folder)
        why, descriptor = _described(file, place, detector, describe)
        if descriptor is None:
            skipped.append(f"{place}: {why}")
            continue
        if not is_plain_name(file.parent.name):
            raise FerError(f"{file.parent.name!r} in {folder} is no name: rename the folder")
        names.append(composed(file.parent.name))
        found.append(descriptor)
    if not found:
        reasons = "".join(f"\n  {line}" for line in skipped)
        raise NobodyError(
            f"{folder} enrols nobody: it must hold a folder a person with pictures of one face "
            f"each{reasons}",
            skipped,
        )
    return Enrolment(People(tuple(names), np.stack(found)), tuple(skipped))


def _described(
    file: Path, place: Path, detector: FaceDetector, describe: FaceDescriptor
) -> tuple[str, FloatArray | None]:
    """Return the descriptor of a picture's one face, or why there is none."""
    if len(place.parts) != 2:
        return "it does not lie in a person's folder", None
    if file.suffix.lower() not in PICTURE_SUFFIXES:
        return left_out([file]).removeprefix("1 "), None
    picture = read_picture(file, colour=True)
    if isinstance(picture, str):
        return f"it is {picture}", None
    frame = Frame(picture.pixels, 0, 0.0, file.name)
    faces = detector.detect(frame)
    if len(faces) != 1:
        return f"{len(faces)} faces in it, not one", None
    return "", describe.describe(frame, faces[0])


class KnownPeople:
    """The people whom a run knows, and who a face is; may be used by several threads.

    Args:
        describe: What tells faces apart.
        people: Who is enrolled; None for nobody yet.
    """

    def __init__(self, describe: FaceDescriptor, people: People | None = None) -> None:
        self._describe, self._people = describe, people
        self._describing = threading.Lock()

    @property
    def names(self) -> tuple[str, ...]:
        """Who is known, each once."""
        return tuple(dict.fromkeys(self._people.names)) if self._people else ()

    def describe(self, frame: Frame, face: Face) -> FloatArray:
        """Return the descriptor (n,) float32 of a face."""
        with self._describing:
            return self._describe.describe(frame, face)

    def name_of(self, descriptor: FloatArray) -> str:
        """Return who it is, empty for nobody known."""
        people = self._people
        return people.name_of(descriptor) if people else ""

    def who(self, frame: Frame, face: Face) -> str:
        """Return who a face is, empty for nobody known."""
        return self.name_of(self.describe(frame, face)) if self._people else ""

    def add(self, name: str, descriptor: FloatArray) -> None:
        """Know a face by a name from now on."""
        with self._describing:
            before = self._people
            names = before.names if before else ()
            rows = [*(before.descriptors if before else ()), descriptor]
            self._people = People((*names, name), np.stack(rows))


def enrolled(
    folder: Path,
    detector: FaceDetector,
    say: Callable[[str], None],
    nobody_yet: bool = False,
    asked_for: str = "",
) -> KnownPeople:
    """Return the people of a folder; say who was enrolled.

    Args:
        folder: The folder that holds a folder a person.
        detector: What finds the faces of its pictures.
        say: What tells who was enrolled.
        nobody_yet: Whether there may be nobody, or no such folder: names come later.
        asked_for: Whom --person names; empty for nobody.

    Raises:
        ArgumentError: Nobody of that name is enrolled, and no name comes later.
        FerError: Nobody can be enrolled, see `enrol`.
    """
    describe = DlibDescriptor()
    try:
        enrolment = enrol(folder, detector, describe)
    except NobodyError as nobody:
        if not nobody_yet:
            raise
        say(_with_left_out(f"nobody is enrolled yet in {folder}", nobody.skipped))
        return KnownPeople(describe)
    say(enrolment.text())
    names = dict.fromkeys(enrolment.people.names)
    if asked_for and not nobody_yet and composed(asked_for) not in names:
        known = ", ".join(map(printable_name, names))
        raise ArgumentError(f"nobody in {folder} is called {asked_for}; it has {known}")
    return KnownPeople(describe, enrolment.people)
