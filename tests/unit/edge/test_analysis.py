import json
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from drawn_faces import draw_scene
from fer_core.values import Box, Face, Frame, Gap, Prediction
from fer_edge.faces.analysis import Analysis, PictureAnalyzer, StreamAnalyzer
from fer_edge.faces.events import ExpressionEvent
from fer_edge.faces.following import FollowingDetector
from fer_edge.faces.haar_stream import HaarStream
from fer_edge.faces.smoothing import TIME_CONSTANT_SECONDS, Smoothing, with_class_on_top
from fer_edge.faces.tracks import MEMORY_SECONDS, Track, Tracks
from fer_edge.outputs.line_file import LineFile
from fer_edge.outputs.lines import JsonOutput
from fer_edge.outputs.mqtt.home_assistant import FaceState
from fer_edge.outputs.stamp import Stamp
from fer_edge.page.view import LiveView

LABELS = ("calm", "glad")
PIXELS = np.zeros((100, 100, 3), np.uint8)
CALM, GLAD = 0.1, 0.9


def face_at(x: int) -> Face:
    return Face(Box(x, 10, 30, 30), 1.0)


def glad(share: float) -> Prediction:
    return Prediction(np.array([1 - share, share], np.float32), LABELS)


class Saying:
    """Finds the faces and says the predictions that it was told to; counts the faces classified."""

    def __init__(self) -> None:
        self.faces: list[Face] = []
        self.predictions: list[Prediction] = []
        self.asked = 0
        self.frames: list[Frame] = []

    def detect(self, frame: Frame, known: Sequence[Box] = ()) -> tuple[Face, ...]:
        self.frames.append(frame)
        return tuple(self.faces)

    def classify(self, frame: Frame, faces: Sequence[Face]) -> tuple[Prediction, ...]:
        self.asked += len(faces)
        return tuple(self.predictions[: len(faces)])


class Stream:
    """An analyzer that is shown faces which say what the test wants."""

    def __init__(self, rate_hz: float = 0.0, **smoothing: float) -> None:
        self.saying, self.index = Saying(), 0
        self.analyzer = StreamAnalyzer(self.saying, self.saying, rate_hz, Smoothing(**smoothing))

    def show(self, at: float, faces: Sequence[Face], *shares: float) -> Analysis:
        """Return what a frame at a time shows, whose faces are glad by these shares."""
        self.saying.faces = list(faces)
        self.saying.predictions = [glad(s) for s in shares] or self.saying.predictions
        self.index += 1
        return self.analyzer.analyze(Frame(PIXELS, self.index, at))

    def play(self, shares: Sequence[float | None], fps: float = 10.0) -> list[ExpressionEvent]:
        """Show one face with these shares of `glad`, one a frame; None: no face."""
        events: list[ExpressionEvent] = []
        for share in shares:
            seen = () if share is None else (share,)
            events += self.show(self.index / fps, [face_at(20)] * len(seen), *seen).events
        return events


def kinds(events: Sequence[ExpressionEvent]) -> list[tuple[str, str]]:
    return [(event.kind, event.label) for event in events]


def test_a_face_starts_changes_and_ends() -> None:
    stream = Stream()
    events = stream.play([CALM] * 10 + [GLAD] * 10 + [None] * 25)
    assert kinds(events) == [("started", "calm"), ("changed", "glad"), ("ended", "none")]
    assert events[1].at == pytest.approx(1.4, abs=0.25)


def test_a_false_alarm_of_two_frames_makes_no_event() -> None:
    stream = Stream()
    assert stream.play([CALM, CALM] + [None] * 20) == []
    assert stream.analyzer.finish().events == ()


def test_an_event_carries_the_confidence_of_its_own_label() -> None:
    stream = Stream(time_constant_seconds=0.01, dwell_seconds=0.15)
    events = stream.play([0.4, 0.4, 0.4, 0.9, 0.9, 0.9])
    assert kinds(events) == [("started", "calm"), ("changed", "glad")]
    assert events[0].confidence == pytest.approx(0.6, abs=0.01)
    assert events[1].confidence == pytest.approx(0.9, abs=0.01)


def test_a_face_starts_with_what_it_looks_like_by_then() -> None:
    events = Stream(time_constant_seconds=0.05).play([0.4, 0.9, 0.9, 0.9])
    assert kinds(events) == [("started", "glad")]


def test_a_face_that_is_classified_seldom_still_starts_at_once() -> None:
    events = Stream(rate_hz=0.5).play([CALM] * 19)
    assert [(event.kind, event.at) for event in events] == [("started", pytest.approx(0.2))]


def test_what_is_shown_is_what_was_told() -> None:
    stream, shown, told = Stream(), list[str](), list[str]()
    for index, share in enumerate([CALM] * 5 + [GLAD] * 2 + [CALM] * 2 + [GLAD] * 8):
        seen = stream.show(index / 10, [face_at(20)], share)
        told += [event.label for event in seen.events]
        shown.append(seen.observations[0].label)
    assert told == ["calm", "glad"]
    assert shown == sorted(shown)


def test_every_output_shows_the_label_that_was_told(tmp_path: Path) -> None:
    """JSON, page and MQTT in every frame, also while another label leads without a margin."""
    stream, view, state, told, held = Stream(), LiveView(), FaceState("edge"), "", 0
    with LineFile(str(tmp_path / "seen.jsonl")) as lines:
        output = JsonOutput(lines, Stamp("desk"))
        for index, share in enumerate([CALM] * 5 + [0.5] * 3 + [0.53] * 10 + [GLAD] * 8):
            seen = stream.show(index / 10, [face_at(20)], share)
            frame = Frame(PIXELS, index, index / 10)
            output.write(frame, seen)
            view.write(frame, seen)
            told = seen.events[-1].label if seen.events else told
            line = json.loads((tmp_path / "seen.jsonl").read_text().splitlines()[-1])
            (page,) = view.state()["faces"]
            if told:
                assert line["label"] == page["label"] == told
                assert state.payloads(seen)["edge/state"] == told
            for shown in (line, page):
                probabilities = shown["probabilities"]
                assert shown["confidence"] == probabilities[shown["label"]]
                assert shown["confidence"] == max(probabilities.values())
                assert sum(probabilities.values()) == pytest.approx(1, abs=2e-3)
            held += told == "calm" and share > 0.5
    assert (told, held) == ("glad", 11)


def test_a_label_that_is_held_is_shown_level_with_those_that_lead() -> None:
    def on_top(*shares: float, index: int = 0) -> list[float]:
        return with_class_on_top(np.array(shares, np.float32), index).tolist()

    assert on_top(0.6, 0.3, 0.1) == pytest.approx([0.6, 0.3, 0.1])
    assert on_top(0.2, 0.7, 0.1) == pytest.approx([0.45, 0.45, 0.1])
    assert on_top(0.1, 0.5, 0.4) == pytest.approx([1 / 3, 1 / 3, 1 / 3])
    assert on_top(0.5, 0.4, 0.1, index=2) == pytest.approx([1 / 3, 1 / 3, 1 / 3])
    assert np.argmax(on_top(0.5, 0.3, 0.2, index=1)) == 1
    assert np.argmax(on_top(0.4, 0.4, 0.2, index=1)) == 1


def test_a_flicker_changes_nothing() -> None:
    stream = Stream()
    assert kinds(stream.play([CALM] * 5 + [GLAD] + [CALM] * 5)) == [("started", "calm")]


def test_a_label_that_leads_by_little_does_not_take_over() -> None:
    events = Stream().play([0.46] * 5 + [0.54] * 30)
    assert kinds(events) == [("started", "calm")]
    events = Stream().play([0.46] * 5 + [0.56] * 30)
    assert kinds(events) == [("started", "calm"), ("changed", "glad")]


def test_a_label_that_is_far_behind_is_not_shown() -> None:
    stream = Stream(dwell_seconds=5.0)
    stream.play([CALM] * 5)
    for index in range(5, 30):
        (seen,) = stream.show(index / 10, [face_at(20)], 0.95).observations
        average = 0.95 - 0.85 * np.exp(-(index - 4) / 10 / TIME_CONSTANT_SECONDS)
        assert seen.label == ("glad" if 1 - average < 0.5 * average else "calm")


def test_a_short_miss_keeps_the_track() -> None:
    stream = Stream()
    events = stream.play([CALM] * 5 + [None] * 5 + [CALM] * 5)
    assert {event.track_id for event in events} == {1}
    assert kinds(events) == [("started", "calm")]


def test_the_end_of_the_source_ends_every_told_track() -> None:
    stream = Stream()
    stream.play([CALM] * 5)
    assert kinds(stream.analyzer.finish().events) == [("ended", "none")]
    assert stream.analyzer.finish().events == ()


@pytest.mark.parametrize("fps", [5.0, 30.0])
def test_smoothing_does_not_depend_on_the_frame_rate(fps: float) -> None:
    stream = Stream(time_constant_seconds=0.5)
    stream.play([0.0], fps)
    for index in range(1, round(fps) + 1):  # one second of gladness: 1 - exp(-1 / 0.5)
        (seen,) = stream.show(index / fps, [face_at(20)], 1.0).observations
    expected = 1 - np.exp(-2.0)
    assert seen.prediction.probabilities[1] == pytest.approx(expected, abs=1e-4)


def test_a_face_is_classified_at_most_so_often_and_shown_every_frame() -> None:
    stream, shown = Stream(rate_hz=5.0), list[int]()
    for index in range(31):
        faces = [face_at(20)] if index < 15 else [face_at(20), face_at(70)]
        shown.append(len(stream.show(index / 30, faces, 0.8, 0.2).observations))
    assert stream.saying.asked == 6 + 3  # every 0.2 s from 0 to 1, and from 0.5 for the second
    assert shown == [1] * 15 + [2] * 16


def test_a_slow_machine_ends_nothing() -> None:
    """At 1.6 frames a second, and when one frame took five, faces that are there go on."""
    for fps in (1.6, 0.2):
        assert kinds(Stream().play([CALM] * 12, fps)) == [("started", "calm")]
    events = Stream().play([CALM] * 5 + [None] + [CALM] * 5, fps=1.6)
    assert kinds(events) == [("started", "calm")]
    gone = Stream().play([CALM] * 5 + [None] * 5, fps=1.6)
    assert kinds(gone) == [("started", "calm"), ("ended", "none")]


def test_a_silent_camera_ends_faces_by_its_own_pace() -> None:
    quick, slow = Stream(), Stream()
    quick.play([CALM] * 5, fps=10)
    waiting = quick.analyzer.idle(Gap(2.3))
    assert (waiting.events, [face.track_id for face in waiting.present]) == ((), [1])
    assert kinds(quick.analyzer.idle(Gap(2.5)).events) == [("ended", "none")]
    slow.play([CALM] * 5, fps=0.2)
    assert kinds(slow.analyzer.idle(Gap(24.0)).events) == []
    assert kinds(slow.analyzer.idle(Gap(34.0)).events) == []
    assert kinds(slow.analyzer.idle(Gap(36.0)).events) == [("ended", "none")]


class Later(Executor):
    """Does its work when it is told to."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Future[Any], Callable[[], Any]]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.waiting.append((future, lambda: fn(*args)))
        return future

    def run(self) -> None:
        while self.waiting:
            future, work = self.waiting.pop()
            future.set_result(work())


def test_a_slow_camera_keeps_its_face_between_two_pictures() -> None:
    """One picture in two seconds, a gap between, and searches that end a frame later."""
    later, calm, scene = Later(), Saying(), draw_scene("happy")
    calm.predictions = [glad(CALM)]
    analyzer = StreamAnalyzer(FollowingDetector(HaarStream(40), executor=later), calm)
    seen, events = list[int](), list[ExpressionEvent]()
    for index in range(8):
        analysis = analyzer.analyze(Frame(scene, index, 2.0 * index))
        later.run()
        seen.append(len(analysis.observations))
        events += [*analysis.events, *analyzer.idle(Gap(2.0 * index + 1)).events]
    assert seen == [0] + [1] * 7
    assert kinds(events) == [("started", "calm")]


@pytest.mark.parametrize("fps", [0.2, 240.0])
def test_a_change_of_label_is_told_by_time_at_any_rate_of_pictures(fps: float) -> None:
    before, after = max(3, round(fps)), max(3, round(2 * fps))
    events = Stream().play([CALM] * before + [GLAD] * after, fps)
    assert kinds(events) == [("started", "calm"), ("changed", "glad")]
    changed_at = before / fps
    assert changed_at <= events[1].at <= changed_at + max(0.5, 1 / fps)


@pytest.mark.parametrize("factor", [0.5, 1.5])
def test_pictures_of_another_size_show_the_same_face(factor: float) -> None:
    later, calm, scene = Later(), Saying(), draw_scene("happy")
    other = cv2.resize(scene, None, fx=factor, fy=factor)
    calm.predictions = [glad(CALM)]
    detector = FollowingDetector(HaarStream(40), executor=later)
    analyzer = StreamAnalyzer(detector, calm)
    events, boxes = list[ExpressionEvent](), list[Box]()
    for index in range(40):
        is_other = 10 <= index < 30
        frame = Frame(other if is_other else scene, index, index / 10)
        analysis = analyzer.analyze(frame)
        if index % 2:  # searches begin in pictures of one size, and end with those of the other
            later.run()
        events += analysis.events
        for each in analysis.observations:
            boxes.append(each.face.box.times(1 / factor) if is_other else each.face.box)
    assert len(boxes) >= 37
    assert all(box.iou(boxes[0]) > 0.6 for box in boxes)
    assert kinds(events) == [("started", "calm")]


def test_what_a_search_found_in_a_picture_of_another_size_is_not_taken() -> None:
    later, scene = Later(), draw_scene("happy")
    detector = FollowingDetector(HaarStream(40), executor=later)
    detector.detect(Frame(scene, 0, 0.0))
    later.run()
    larger = cv2.copyMakeBorder(scene, 0, 100, 0, 100, cv2.BORDER_REPLICATE)
    assert detector.detect(Frame(larger, 1, 0.1)) == ()
    detector.detect(Frame(larger, 2, 5.0))
    later.run()
    assert len(detector.detect(Frame(larger, 3, 5.1))) == 1


def test_a_place_without_a_face_is_not_classified() -> None:
    stream = Stream()
    stream.play([GLAD] * 5)
    asked = stream.saying.asked
    (seen,) = stream.show(0.5, [], CALM).observations
    assert (stream.saying.asked, seen.label) == (asked, "glad")


def test_faces_that_are_out_of_sight_stay_present_until_they_end() -> None:
    stream = Stream()
    stream.play([CALM] * 5)
    assert len(stream.show(0.7, []).observations) == 1  # one frame may miss it
    for at in (0.8, 0.9):
        seen = stream.show(at, [])
        assert (len(seen.observations), [face.track_id for face in seen.present]) == (0, [1])
    for at in (2.5, 2.6):
        seen = stream.show(at, [])
    assert seen.present == ()


def test_with_other_labels_a_face_ends_and_begins_anew_where_it_is() -> None:
    stream = Stream()
    stream.play([GLAD] * 5)
    (ended,) = stream.analyzer.relabel()
    assert (ended.kind, ended.track_id, ended.at) == ("ended", 1, 0.4)
    expected = stream.analyzer._tracks.expected
    assert [face.box for face in expected] == [face_at(20).box]  # it need not be searched for
    shown = stream.show(0.5, [face_at(20)], CALM)
    assert [(each.track_id, each.label) for each in shown.observations] == [(2, "calm")]
    assert kinds(stream.play([CALM] * 3)) == [("started", "calm")]
    assert stream.analyzer.relabel()[0].track_id == 2
    assert stream.analyzer.relabel() == ()  # nobody was told of the third


def test_a_face_that_is_missed_just_when_the_labels_change_is_not_classified() -> None:
    stream = Stream()
    stream.play([GLAD] * 5)
    stream.analyzer.relabel()
    asked = stream.saying.asked
    seen = stream.show(0.5, [])
    assert (seen.observations, seen.events, seen.present) == ((), (), ())
    assert stream.saying.asked == asked
    assert stream.show(0.6, [face_at(20)], GLAD).observations[0].track_id == 2


def ids_of(tracks: Tracks, at: float, *places: int) -> dict[int, int]:
    """Show faces at these places; return the place of each id in sight."""
    tracks.update(Frame(PIXELS, 0, at), [face_at(place) for place in places])
    return {track.track_id: track.face.box.x for track in tracks.in_sight}


def test_two_faces_keep_their_ids_when_they_swap_order() -> None:
    tracks = Tracks()
    assert ids_of(tracks, 0.0, 0, 60) == {1: 0, 2: 60}
    assert ids_of(tracks, 0.1, 60, 0) == {1: 0, 2: 60}
    assert ids_of(tracks, 0.2, 62, 2, 31) == {1: 2, 2: 62, 3: 31}


def test_ids_are_never_used_again() -> None:
    tracks = Tracks()
    assert ids_of(tracks, 0.0, 0) == {1: 0}
    for at in (1.0, 2.0, 3.0):
        ids_of(tracks, at)
    assert ids_of(tracks, 4.0, 0) == {2: 0}


def test_a_face_that_comes_back_after_its_memory_continues_if_no_frame_has_ended_it() -> None:
    tracks = Tracks()
    for at in (0.0, *(MEMORY_SECONDS * share for share in (0.3, 0.6, 0.9))):
        ids_of(tracks, at, *([0] if at == 0 else []))
    assert ids_of(tracks, 1.1 * MEMORY_SECONDS, 0) == {1: 0}


def test_a_face_that_shrinks_and_stops_as_it_is_covered_keeps_its_id() -> None:
    """It walks to the right and goes behind something that covers it from the right."""
    tracks, empty = Tracks(), np.full((480, 720, 3), 90, np.uint8)
    ids = set[int]()
    for index in range(50):
        width = 100 - 8 * min(4, max(0, index - 20))
        box = Box(4 * index, 100, width if index < 45 else 100, 100)
        seen = [] if 25 <= index < 45 else [Face(box, 1.0)]
        tracks.update(Frame(empty, index, index / 25), seen)
        ids |= {track.track_id for track in tracks.in_sight}
    assert ids == {1}


def test_pictures_stand_alone() -> None:
    saying = Saying()
    saying.faces, saying.predictions = [face_at(0), face_at(50)], [glad(0.9), glad(0.2)]
    analyzer = PictureAnalyzer(saying, saying, who=lambda frame, face: f"at {face.box.x}")
    frame = Frame(PIXELS, 3, 0.5)
    seen = analyzer.analyze(frame)
    assert saying.frames == [frame]
    assert {(face.frame_index, face.captured_at) for face in seen.observations} == {(3, 0.5)}
    assert [(face.label, face.person) for face in seen.observations] == [
        ("glad", "at 0"),
        ("calm", "at 50"),
    ]
    assert {face.track_id for face in seen.observations} == {None}
    assert (seen.events, seen.present, analyzer.finish()) == ((), (), Analysis())


def test_a_picture_with_a_face_that_is_not_classified_is_a_fault() -> None:
    saying = Saying()
    saying.faces, saying.predictions = [face_at(0), face_at(50)], [glad(0.9)]
    with pytest.raises(ValueError, match="shorter"):
        PictureAnalyzer(saying, saying).analyze(Frame(PIXELS, 0, 0.0))


class Called:
    """Gives every face in sight the name that the test says."""

    name = ""

    def ask(self, frame: Frame, tracks: Sequence[Track]) -> None:
        for track in tracks:
            track.identity.name = self.name


def test_a_name_is_told_once_and_shown_with_its_camera_in_every_frame() -> None:
    saying, called, events = Saying(), Called(), list[tuple[str, str, str]]()
    saying.faces, saying.predictions = [face_at(20)], [glad(0.9)]
    analyzer = StreamAnalyzer(saying, saying, naming=called)
    for index in range(8):
        called.name = "Ada" if index >= 4 else ""
        seen = analyzer.analyze(Frame(PIXELS, index, index / 10, camera="door"))
        (face,) = seen.observations
        assert (face.person, face.camera) == (called.name, "door")
        events += [(each.kind, each.person, each.camera) for each in seen.events]
    assert events == [("started", "", "door"), ("changed", "Ada", "door")]
    assert saying.asked == 8  # without a rate, every face of every frame is classified


def test_an_event_is_one_json_line() -> None:
    line = ExpressionEvent("changed", 4, "glad", 0.876543, 1.23456).to_json()
    assert json.loads(line) == {
        "kind": "changed",
        "track_id": 4,
        "label": "glad",
        "confidence": 0.8765,
        "at": 1.235,
    }
    with pytest.raises(ValueError, match="kind must be one of"):
        ExpressionEvent("vanished", 1, "glad", 0.5, 0.0)


@pytest.mark.parametrize("hidden", [range(0), range(13, 19)])
def test_two_people_who_cross_keep_their_ids(hidden: range) -> None:
    """One walks to the right, the other to the left, for some frames hidden behind the first."""
    tracks, empty = Tracks(), np.full((480, 720, 3), 90, np.uint8)
    for index in range(32):
        right, left = Box(20 * index, 100, 80, 80), Box(640 - 20 * index, 104, 76, 76)
        faces = [Face(right, 1.0), *([Face(left, 1.0)] if index not in hidden else [])]
        tracks.update(Frame(empty, index, index / 25), faces)
        ids = {track.face.box: track.track_id for track in tracks.in_sight}
        assert ids[right] == 1
        assert ids.get(left, 2) == 2
