"""Unknown faces: kept in memory only where that is switched on, named or forgotten on the page."""

from __future__ import annotations

import gc
import json
import time
import types
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from fer_core.errors import ArgumentError, FerError
from fer_core.values import Box, Face, FloatArray, Frame, Prediction
from fer_edge.faces.analysis import StreamAnalyzer
from fer_edge.faces.detectors import DETECTORS
from fer_edge.identity import people as people_module
from fer_edge.identity import unknown
from fer_edge.identity.cut_outs import cut_out
from fer_edge.identity.live_enrolment import LiveEnrolment
from fer_edge.identity.naming import TrackNaming
from fer_edge.identity.people import KnownPeople, enrol
from fer_edge.identity.unknown import MOST_UNKNOWN, UNKNOWN_SECONDS, UnknownFaces
from fer_edge.session.config import EdgeConfig
from fer_edge.session.options import read_options
from fer_edge.session.watch import _live_enrolment, _people
from served_page import TOKEN, Served

KEY = {"Authorization": f"Bearer {TOKEN}"}


class Coloured:
    """Finds a face at each of these places, and describes it by its blue in hundredths."""

    def __init__(self, *places: int) -> None:
        self.places, self.in_cut_outs = places, 1

    def detect(self, frame: Frame, known: Sequence[Face] = ()) -> tuple[Face, ...]:
        if frame.width < 200:  # a cut-out
            return (Face(Box(20, 20, 40, 40), 1.0),) * self.in_cut_outs
        return tuple(Face(Box(place, 30, 40, 40), 1.0) for place in self.places)

    def classify(self, frame: Frame, faces: Sequence[Face]) -> tuple[Prediction, ...]:
        return (Prediction(np.array([1.0], np.float32), ("calm",)),) * len(faces)

    def describe(self, frame: Frame, face: Face) -> FloatArray:
        box = face.box
        return np.array([frame.pixels[box.y + 20, box.x + 20, 0] / 100], np.float32)


def picture(places: Sequence[int], blues: Sequence[int], noise: float = 0.0) -> np.ndarray:
    """Return a frame with a square of a colour at each place."""
    pixels = np.full((100, 1200, 3), 90, np.uint8)
    for place, blue in zip(places, blues, strict=True):
        pixels[30:70, place : place + 40] = (blue, 90, 90)
    if noise:
        pixels[:, :, 1] += np.random.default_rng(0).normal(0, noise, (100, 1200)).astype(np.uint8)
    return pixels


class Watching:
    """A stream whose faces are squares of colours, and what names them."""

    def __init__(self, folder: Path, *places: int, kept: bool = True) -> None:
        self.now, self.index = 0.0, 0
        self.faces, self.places = Coloured(*places), places
        self.known = KnownPeople(self.faces)
        self.unknown = UnknownFaces(lambda: self.now)
        self.enrolment = LiveEnrolment(self.unknown, self.known, folder, self.faces)
        naming = TrackNaming(self.known.who, hear=self.unknown.hear if kept else None)
        self.analyzer = StreamAnalyzer(self.faces, self.faces, naming=naming)

    def watch(self, seconds: float, *blues: int, noise: float = 0.0) -> list[str]:
        """Show these colours for a while; return the names of the faces at the end."""
        for _ in range(round(4 * seconds)):
            self.now, self.index = self.now + 0.25, self.index + 1
            frame = Frame(picture(self.places, blues, noise), self.index, self.now)
            seen = self.analyzer.analyze(frame)
        return [each.person for each in seen.observations]

    def tracks(self) -> list[int]:
        return [each.track_id for each in self.unknown.faces()]


def test_an_unknown_face_is_kept_once_and_named(tmp_path: Path) -> None:
    run = Watching(tmp_path / "people", 100, 500)
    run.watch(0.5, 20, 200)
    assert run.tracks() == []  # one answer each is none
    run.watch(3, 20, 200)
    assert sorted(run.tracks()) == [1, 2]
    cut = run.unknown.face(1).cut
    assert cut.pixels.shape == (80, 80, 3)
    assert cut.face.box == Box(20, 20, 40, 40)
    named = run.enrolment.name(1, " Änna ")
    assert (named.name, named.why_not) == ("Änna", "")
    assert Path(named.stored).parent == tmp_path / "people" / "Änna"
    assert run.tracks() == [2]
    assert run.watch(12, 20, 200) == ["Änna", ""]
    assert run.tracks() == [2]  # whoever has a name is kept no longer
    enrolment = enrol(tmp_path / "people", run.faces, run.faces)  # as the next start does
    assert (enrolment.people.names, enrolment.skipped) == (("Änna",), ())
    assert run.enrolment.name(2, "änna").name == "Änna"  # in whatever capitals
    assert [path.name for path in (tmp_path / "people").iterdir()] == ["Änna"]
    assert len(list((tmp_path / "people").rglob("*.png"))) == 2


def test_a_folder_of_a_mac_is_that_of_the_name_one_types(tmp_path: Path) -> None:
    run = Watching(tmp_path, 100)
    there = tmp_path / unicodedata.normalize("NFD", "Zoë")
    there.mkdir()
    run.watch(3, 20)
    typed = unicodedata.normalize("NFC", "zoë")
    named = run.enrolment.name(1, typed)
    assert named.name == typed.capitalize()
    assert Path(named.stored).parent == there
    assert [path.name for path in tmp_path.iterdir()] == [there.name]


def test_naming_drops_the_other_pictures_of_that_person(tmp_path: Path) -> None:
    run = Watching(tmp_path, 100, 500, 900)
    run.watch(3, 20, 40, 200)
    assert sorted(run.tracks()) == [1, 2, 3]
    run.enrolment.name(1, "anna")
    assert run.tracks() == [3]


def test_the_sharpest_picture_of_a_track_stays(tmp_path: Path) -> None:
    run = Watching(tmp_path, 100)
    run.watch(2, 20)
    (dull,) = run.unknown.faces()
    run.watch(6, 20, noise=9)
    (sharp,) = run.unknown.faces()
    assert sharp.picture > dull.picture
    run.watch(6, 20)
    (still,) = run.unknown.faces()
    assert (still.picture, still.cut) == (sharp.picture, sharp.cut)
    assert still.seen_at > sharp.seen_at


def test_faces_are_forgotten_when_asked_in_time_and_when_they_are_many(tmp_path: Path) -> None:
    places = tuple(range(20, 1180, 80))[: MOST_UNKNOWN + 2]
    run = Watching(tmp_path, *places)
    run.watch(20, *[20] * len(places))
    assert len(run.tracks()) == MOST_UNKNOWN
    first = run.tracks()[0]
    run.unknown.forget(first)
    with pytest.raises(FerError, match="not there any more"):
        run.unknown.face(first)
    run.watch(12, *[20] * len(places))
    assert first not in run.tracks()  # though it is still in sight
    run.now += UNKNOWN_SECONDS
    assert run.tracks() == []


def test_faces_are_forgotten_where_nobody_comes_and_nobody_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unknown, "_LOOK_SECONDS", 0.01)
    run = Watching(tmp_path, 100)
    run.watch(12, 20)
    assert len(run.unknown._faces) == 1
    run.now += UNKNOWN_SECONDS
    ends = time.monotonic() + 10
    while run.unknown._faces and time.monotonic() < ends:
        time.sleep(0.01)
    assert not run.unknown._faces


def test_a_folder_that_cannot_be_written_makes_a_face_known_for_the_run(tmp_path: Path) -> None:
    run = Watching(tmp_path / "people", 100, 500)
    run.watch(3, 20, 200)
    (tmp_path / "people").write_text("no folder")
    named = run.enrolment.name(1, "anna")
    assert (named.stored, str(tmp_path) in named.why_not) == ("", True)
    (tmp_path / "people").unlink()
    run.faces.in_cut_outs = 2
    assert "2 faces in it, not one" in run.enrolment.name(2, "ben").why_not
    run.faces.in_cut_outs = 1
    assert run.watch(12, 20, 200) == ["anna", "ben"]
    assert not (tmp_path / "people").exists()


@pytest.mark.parametrize("name", ["", "..", "a/b", "a\nb", "x" * 41])
def test_what_is_no_name_is_refused_and_the_face_stays(tmp_path: Path, name: str) -> None:
    run = Watching(tmp_path / "people", 100)
    run.watch(3, 20)
    with pytest.raises(FerError):
        run.enrolment.name(1, name)
    assert run.tracks() == [1]
    assert not (tmp_path / "people").exists()


def pictures_in_memory_of(start: object) -> list[np.ndarray]:
    """Return the arrays that hang together with an object and could show a face."""
    found, waiting = {id(start): start}, [start]
    code = (types.ModuleType, type, types.FunctionType, types.CodeType, types.FrameType)
    while waiting:
        for each in gc.get_referents(waiting.pop()):
            if id(each) not in found and not isinstance(each, code):
                found[id(each)] = each
                waiting.append(each)
    arrays = [each for each in found.values() if isinstance(each, np.ndarray)]
    return [array for array in arrays if array.nbytes > 12 * 12]  # of tracks, to tell scene cuts


def test_where_it_is_off_no_picture_of_an_unknown_face_is_kept(tmp_path: Path) -> None:
    off, on = (Watching(tmp_path, 100, kept=kept) for kept in (False, True))
    for run in (off, on):
        run.watch(8, 20)
    assert pictures_in_memory_of(off.analyzer) == []
    assert off.tracks() == []
    assert pictures_in_memory_of(on.analyzer) != []
    assert list(tmp_path.iterdir()) == []


def options_of(**asked: Any) -> Any:
    given = dict.fromkeys(each.name for each in fields(EdgeConfig))
    return read_options({**given, "camera": "0", **asked})


def test_it_is_off_by_default_and_goes_with_people_and_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DETECTORS, "squares", lambda request: Coloured())
    monkeypatch.setattr(people_module, "DlibDescriptor", Coloured)
    folder = str(tmp_path / "people")
    for asked in ({}, {"faces": folder}, {"serve": "8080"}):
        with pytest.raises(ArgumentError, match="--serve 8080 --faces people --name-unknown"):
            options_of(name_unknown=True, **asked)
    both = {"faces": folder, "serve": "8080", "detector": "squares"}
    with pytest.raises(ArgumentError, match="--no-video"):
        options_of(name_unknown=True, serve_video=False, **both)
    on = options_of(name_unknown=True, **both)
    assert f"one picture of each face that is named on this page in {folder}" in on.stored()
    people = _people(on)  # an absent folder is nobody yet
    assert _live_enrolment(on, people) is not None
    cut = cut_out(Frame(picture([100], [20]), 0, 0.0), Face(Box(100, 30, 40, 40), 1.0))
    (tmp_path / "people" / "anna").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "people" / "anna" / "1.png"), cut.pixels)
    off = options_of(**both)
    assert _live_enrolment(off, _people(off)) is None
    assert not any("named on this page" in each for each in off.stored())


@pytest.fixture
def page(tmp_path: Path) -> Iterator[tuple[Served, Watching]]:
    run = Watching(tmp_path / "people", 100, 500)
    run.watch(3, 20, 200)
    served = Served(TOKEN, enrolment=run.enrolment)
    with served.server:
        yield served, run


def test_the_page_shows_names_and_forgets_faces(
    page: tuple[Served, Watching], tmp_path: Path
) -> None:
    served, run = page
    about = json.loads(served.ask("/about", **KEY).read())["unknown"]
    assert about == {"folder": str(tmp_path / "people"), "most": 12, "minutes": 10}
    events = served.ask("/events", **KEY)
    state = json.loads(events.readline().removeprefix(b"data: "))
    events.close()
    assert sorted(each["track"] for each in state["unknown"]) == [1, 2]
    one, two = (f"{run.unknown.run}-{track}" for track in (1, 2))
    assert sorted(each["face"] for each in state["unknown"]) == [one, two]
    answer = served.ask(f"/unknown/picture?face={one}", **KEY)
    shown = cv2.imdecode(np.frombuffer(answer.read(), np.uint8), cv2.IMREAD_COLOR)
    assert (shown == run.unknown.face(1).cut.pixels).all()
    assert answer.headers["Cache-Control"] == "no-store"
    answer = served.ask(f"/unknown/name?face={one}&name=anna", "POST", **KEY)
    assert json.loads(answer.read())["name"] == "anna"
    answer = served.ask(f"/unknown/forget?face={two}", "POST", **KEY)
    assert (answer.status, run.tracks()) == (200, [])
    gone_faces = (f"/unknown/name?face={one}&name=x", f"/unknown/forget?face={two}")
    for gone in (*gone_faces, "/unknown/forget"):
        answer = served.ask(gone, "POST", **KEY)
        assert (answer.status, "not there" in json.loads(answer.read())["error"]) == (400, True)
    assert served.ask(f"/unknown/picture?face={two}", **KEY).status == 404


def test_a_page_of_the_run_before_names_nobody(
    page: tuple[Served, Watching], tmp_path: Path
) -> None:
    served, run = page
    shown = f"{UnknownFaces().run}-1"  # what a page still shows after a restart
    for asked in (f"/unknown/name?face={shown}&name=anna", f"/unknown/forget?face={shown}"):
        answer = served.ask(asked, "POST", **KEY)
        assert (answer.status, "not there" in json.loads(answer.read())["error"]) == (400, True)
    assert served.ask(f"/unknown/picture?face={shown}", **KEY).status == 404
    assert sorted(run.tracks()) == [1, 2]
    assert not (tmp_path / "people").exists()


def test_only_who_may_look_may_name(page: tuple[Served, Watching]) -> None:
    served, run = page
    face = f"{run.unknown.run}-1"
    asked = f"/unknown/name?face={face}&name=anna"
    assert served.ask(f"/unknown/picture?face={face}").status == 401
    assert served.ask(asked, "POST").status == 401
    assert served.ask(asked, "POST", **KEY, Origin="http://evil.example").status == 403
    assert served.ask(asked, **KEY).status == 404  # no GET changes anything
    assert sorted(run.tracks()) == [1, 2]
    health = served.ask("/healthz").read()
    assert b"anna" not in health


def test_without_it_the_page_knows_nothing_of_unknown_faces() -> None:
    served = Served(TOKEN)
    with served.server:
        assert json.loads(served.ask("/about", **KEY).read())["unknown"] is None
        assert served.ask("/unknown/picture?face=1", **KEY).status == 404
        assert served.ask("/unknown/name?face=1&name=x", "POST", **KEY).status == 405
