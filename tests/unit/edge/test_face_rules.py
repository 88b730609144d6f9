"""The rules for boxes, tracks and expressions, with numbers chosen by hand."""

from __future__ import annotations

import json
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from fer_core.errors import ArgumentError
from fer_core.values import Box, Face, Frame, Observation, Prediction, UInt8Array
from fer_edge.faces import detectors
from fer_edge.faces.detector import (
    DetectorRequest,
    SearchPlan,
    is_one_of,
    show_one_face,
    surest_apart,
)
from fer_edge.faces.detectors import detector_problem, make_detector, require_detector
from fer_edge.faces.events import NONE, ExpressionEvent
from fer_edge.faces.seconds import ExpressionSeconds, counted_faces
from fer_edge.faces.shrinking import THUMBNAIL_PX, resized, shrunk, thumbnail
from fer_edge.faces.smoothing import Expression, Smoothing, with_class_on_top
from fer_edge.faces.tracks import Track, Tracks
from fer_edge.stages import StageTimes

GRAY = np.full((480, 640, 3), 90, np.uint8)


def frame(at: float, pixels: UInt8Array = GRAY) -> Frame:
    return Frame(pixels, 0, at)


def face(x: int, y: int, side: int = 100, score: float = 1.0) -> Face:
    return Face(Box(x, y, side, side), score)


@pytest.mark.parametrize(
    ("other", "one_face"),
    [
        (Box(0, 0, 100, 100), True),
        (Box(50, 0, 100, 100), False),  # just half
        (Box(49, 0, 100, 100), True),
        (Box(0, 49, 100, 100), True),
        (Box(0, 50, 100, 100), False),
        (Box(20, 20, 10, 10), True),  # all of the smaller one
        (Box(-4, -4, 10, 10), False),
        (Box(-2, -2, 10, 10), True),
        (Box(200, 200, 100, 100), False),
        (Box(-200, -200, 100, 100), False),
        (Box(200, 0, 100, 100), False),
    ],
)
def test_boxes_that_share_more_than_half_of_the_smaller_show_one_face(
    other: Box, one_face: bool
) -> None:
    assert show_one_face(Box(0, 0, 100, 100), other) == one_face
    assert show_one_face(other, Box(0, 0, 100, 100)) == one_face


def test_of_those_that_show_one_face_the_surest_stays() -> None:
    near, sure, apart = face(0, 0, score=0.5), face(20, 0, score=0.9), face(300, 0, score=0.7)
    assert surest_apart([near, sure, apart]) == [sure, apart]
    assert surest_apart([]) == []
    assert is_one_of(near, [apart, sure])
    assert not is_one_of(near, [apart])


def test_a_picture_is_shrunk_and_never_enlarged() -> None:
    pixels = np.zeros((30, 60, 3), np.uint8)
    pixels[:, ::3] = 255
    assert shrunk(pixels, 1.0) is pixels
    assert shrunk(pixels, 2.0) is pixels
    third = shrunk(pixels, 1 / 3)
    assert third.shape == (10, 20, 3)
    assert (third == 85).all()  # the mean
    assert shrunk(pixels[:, :, 0], 0.001).shape == (1, 1)
    assert resized(pixels, 2.0).shape == (60, 120, 3)
    ramp = np.array([[0, 100]], np.uint8)
    assert resized(ramp, 2.0)[0].tolist() == [0, 25, 75, 100]


def test_a_thumbnail_is_what_lies_within_the_box() -> None:
    pixels = GRAY.copy()
    pixels[100:160, 200:230], pixels[100:160, 230:260] = (255, 0, 0), (0, 255, 0)
    seen = thumbnail(frame(0, pixels), Box(200, 100, 60, 60))
    assert seen.shape == (THUMBNAIL_PX, THUMBNAIL_PX)
    assert (seen[:, :6] == 29).all()  # blue as gray
    assert (seen[:, 6:] == 150).all()
    assert (thumbnail(frame(0), Box(-50, -50, 60, 60)) == 90).all()
    outside = thumbnail(frame(0), Box(700, 0, 60, 60))
    assert not outside.any()
    assert seen.dtype == outside.dtype == np.uint8
    pixels[100:160, 200:260] = 0
    pixels[100:160, 200:260:5] = 255
    assert (thumbnail(frame(0, pixels), Box(200, 100, 60, 60)) == 51).all()  # means


def test_a_face_continues_the_track_that_it_overlaps_most() -> None:
    tracks = Tracks()
    tracks.update(frame(0.0), [face(0, 0), face(60, 0)])
    tracks.update(frame(0.1), [face(55, 0), face(5, 0)])
    assert {t.track_id: t.face.box.x for t in tracks.in_sight} == {1: 5, 2: 55}
    tracks.update(frame(0.2), [face(55, 66)])  # hardly more than a fifth of both
    (continued,) = [t for t in tracks.in_sight if t.missed == 0]
    assert continued.track_id == 2


def test_what_overlaps_less_is_another_face() -> None:
    for right, ids in ((66, {1}), (67, {1, 2})):  # 34 / 166 and 33 / 167 of the union
        tracks = Tracks()
        tracks.update(frame(0.0), [face(100, 0)])
        tracks.update(frame(0.1), [face(100 + right, 0)])
        assert {t.track_id for t in tracks._tracks.values()} == ids


def test_the_pace_is_learned_and_tells_where_a_face_went() -> None:
    track = Track(1, face(100, 50), 0.0, thumbnail(frame(0), Box(0, 0, 9, 9)))
    track.see(face(110, 45), frame(0.5))
    assert track.pace == (20.0, -10.0)  # the first step is taken whole
    track.see(face(110, 45), frame(0.5))  # no time has passed
    assert track.pace == (20.0, -10.0)
    assert track.sightings == 3
    track.see(face(110, 45), frame(1.0))
    step = 1 - np.exp(-0.5)  # more than a third
    assert track.pace == pytest.approx((20 - step * 20, -10 + step * 10))
    track.pace = (100.0, 40.0)
    assert track.likeness(face(210, 85), 2.0) == 1.0
    assert track.likeness(face(110, 45), 2.0) == 1.0  # or it stayed
    assert track.likeness(face(110, 145), 1.0) == 0.0


def test_a_missed_face_stays_in_sight_for_a_moment() -> None:
    def missed(*times: float, others: tuple[Face, ...] = (), pixels: UInt8Array = GRAY) -> Track:
        track = Track(1, face(100, 100), 8.0, thumbnail(frame(0), Box(100, 100, 100, 100)))
        for at in times:
            track.miss(frame(8 + at, pixels), others)
        return track

    assert missed(5.0).in_sight  # one frame
    assert missed(0.05, 0.1, 0.149).in_sight  # or 0.15 s
    assert not missed(0.05, 0.16).in_sight
    assert missed(0.05, 0.16, 0.17).missed == 3
    assert not missed(0.05, 0.16, 0.1).in_sight  # once gone, gone
    assert missed(0.1, others=(face(160, 100),)).in_sight
    assert not missed(0.1, others=(face(400, 0), face(140, 100))).in_sight
    assert missed(0.1, pixels=GRAY + 29).in_sight
    assert not missed(0.1, pixels=GRAY + 30).in_sight


def test_a_track_ends_by_seconds_and_by_frames() -> None:
    def after(*times: float) -> tuple[int, int]:
        tracks = Tracks()
        tracks.update(frame(0.0), [face(100, 100)])
        ended = [len(tracks.update(frame(at), [])) for at in times]
        return sum(ended), len(tracks.finish())

    assert after(1.0, 1.5, 2.0) == (0, 1)
    assert after(1.0, 1.5, 2.01) == (1, 0)
    assert after(5.0, 9.0) == (0, 1)  # two frames
    assert after(5.0, 9.0, 9.1) == (1, 0)


def test_a_silence_counts_as_frames_at_the_pace_of_the_source() -> None:
    def ends(pace: float, silence: float) -> bool:
        tracks = Tracks()
        for index in range(4):
            tracks.update(frame(index * pace), [face(100, 100)])
        ended = bool(tracks.idle(3 * pace + silence))
        assert tracks.in_sight == ()
        return ended

    assert not ends(0.1, 2.0)
    assert ends(0.1, 2.01)
    assert not ends(5.0, 14.9)
    assert ends(5.0, 15.0)
    assert not ends(20.0, 29.0)  # no more than ten seconds are a pace
    assert ends(20.0, 30.0)


def test_faces_are_expected_where_they_were_and_told_ones_stay_present() -> None:
    tracks = Tracks()
    tracks.update(frame(0.0), [face(0, 0, 50), face(200, 200, 90), face(400, 0, 70)])
    assert [t.face.box.width for t in tracks.in_sight] == [90, 70, 50]
    assert len(tracks.expected) == 3
    tracks.idle(0.5)
    assert len(tracks.expected) == 3  # no frame has lacked them
    tracks.update(frame(0.6), [face(0, 0, 50)])
    assert [each.box.width for each in tracks.expected] == [50]
    tracks._tracks[2].announced = True
    assert [t.track_id for t in tracks.announced] == [2]


def test_a_larger_frame_moves_boxes_and_paces() -> None:
    tracks = Tracks()
    tracks.update(frame(0.0), [face(10, 20)])
    tracks._tracks[1].pace = (3.0, -4.0)
    tracks.scale(2.0)
    (track,) = tracks.in_sight
    assert track.face.box == Box(20, 40, 200, 200)
    assert track.pace == (6.0, -8.0)


def test_tracks_that_are_renewed_are_those_in_sight_under_new_ids() -> None:
    tracks = Tracks(iter([7, 8, 9]))
    tracks.update(frame(0.0), [face(0, 0), face(300, 0)])
    first = tracks._tracks[7]
    first.identity.name, first.pace, first.announced = "Ada", (1.0, 2.0), True
    tracks._tracks[8].in_sight = False
    assert [t.track_id for t in tracks.renew()] == [7, 8]
    (new,) = tracks.finish()
    assert (new.track_id, new.identity.name, new.pace) == (9, "Ada", (1.0, 2.0))
    assert new.identity is not first.identity
    assert (new.announced, new.seen_at, new.face) == (False, 0.0, first.face)


def told(*shares: float) -> Prediction:
    labels = ("calm", "glad", "mad", "sad")[: len(shares)]
    return Prediction(np.array(shares, np.float32), labels)


def test_the_average_moves_by_its_time_constant() -> None:
    seen = Expression.first(told(1, 0), 10.0)
    seen.update(told(0, 1), 10.5, 0.5)
    assert seen.average.tolist() == pytest.approx([np.exp(-1), 1 - np.exp(-1)])
    assert seen.average.dtype == np.float32
    seen.update(told(1, 0), 9.0, 0.5)  # a clock that fell back moves nothing
    assert seen.average.tolist() == pytest.approx([np.exp(-1), 1 - np.exp(-1)])
    assert seen.classified_at == 9.0


def settled(shares: list[float], *times: float, **settings: Any) -> tuple[list[bool], Expression]:
    """Show "calm" and let another average stand; return who took over when."""
    seen = Expression.first(told(0.7, 0.1, 0.1, 0.1), 0.0)
    seen.average = np.array(shares, np.float32)
    free = settings.pop("free", False)
    return [seen.settle(at, Smoothing(**settings), free) for at in times], seen


def test_a_label_takes_over_after_its_time_by_its_margin() -> None:
    lead = [0.375, 0.5, 0.125, 0.0]
    took, seen = settled(lead, 1.0, 1.2, 1.25, 1.3, margin=0.125)
    assert took == [False, False, True, False]
    assert seen.shown.label == "glad"
    took, seen = settled(lead, 1.0, 2.0, 3.0, margin=0.126)
    assert took == [False] * 3
    assert seen.shown.label == "calm"
    assert seen.shown.probabilities.tolist() == pytest.approx([0.4375, 0.4375, 0.125, 0])
    took, seen = settled(lead, 1.0, free=True)
    assert (took, seen.shown.label) == ([False], "glad")
    took, _ = settled([0.25, 0.5, 0.125, 0.125], 1.0, 1.2, margin=0.1)  # just half of the leader
    assert took == [False, False]
    took, seen = settled([0.24, 0.5, 0.13, 0.13], 1.0, margin=0.1)
    assert (took, seen.shown.label) == ([True], "glad")


def test_a_challenger_that_falls_back_begins_anew() -> None:
    seen = Expression.first(told(0.7, 0.1, 0.1, 0.1), 0.0)
    took = []
    for at, shares in (
        (1.0, [0.3, 0.5, 0.1, 0.1]),
        (1.2, [0.5, 0.3, 0.1, 0.1]),  # behind
        (1.4, [0.3, 0.5, 0.1, 0.1]),
        (1.6, [0.3, 0.1, 0.5, 0.1]),  # another one
        (1.8, [0.3, 0.1, 0.5, 0.1]),
        (1.85, [0.3, 0.1, 0.5, 0.1]),
    ):
        seen.average = np.array(shares, np.float32)
        took.append(seen.settle(at, Smoothing()))
        assert seen.challenger == {1.2: "", 1.85: ""}.get(at, seen.shown.labels[np.argmax(shares)])
    assert took == [False] * 5 + [True]
    assert (seen.shown.label, seen.challenger) == ("mad", "")


def test_a_class_is_put_on_top_by_pooling() -> None:
    shares = np.array([0.1, 0.5, 0.3, 0.1], np.float32)
    assert with_class_on_top(shares, 1) is shares
    assert with_class_on_top(shares, 2).tolist() == pytest.approx([0.1, 0.4, 0.4, 0.1])
    first = with_class_on_top(shares, 0)
    assert first.tolist() == pytest.approx([0.3, 0.3, 0.3, 0.1])
    assert (first.argmax(), with_class_on_top(shares, 3).argmax()) == (0, 3)
    level = np.array([0.25] * 4, np.float32)
    assert with_class_on_top(level, 2).argmax() == 2
    assert shares.tolist() == pytest.approx([0.1, 0.5, 0.3, 0.1])  # its own is not changed


def test_an_event_is_rounded_and_leaves_out_what_is_empty() -> None:
    event = ExpressionEvent("changed", 3, "glad", 0.123456, 1.23456)
    assert json.loads(event.to_json()) == {
        "kind": "changed", "track_id": 3, "label": "glad", "confidence": 0.1235, "at": 1.235,
    }  # fmt: skip
    named = ExpressionEvent("ended", 3, NONE, 0.0, 2.0, "Ada", "door")
    line = named.to_json({"time": "now"})
    assert line.startswith('{"time": "now", "kind": "ended"')
    assert json.loads(line)["person"] == "Ada"
    assert json.loads(line)["camera"] == "door"
    assert json.loads(line)["label"] == "none"
    with pytest.raises(ValueError, match="kind must be one of"):
        ExpressionEvent("began", 1, "glad", 1.0, 0.0)


def seen_as(track: int | None, label: int, person: str = "") -> Observation:
    shares = np.eye(2, dtype=np.float32)[label]
    prediction = Prediction(shares, ("glad", "sad"))
    return Observation(0, 0.0, face(0, 0), prediction, track, person)


def test_seconds_go_to_the_expression_that_a_face_had() -> None:
    seconds = ExpressionSeconds()
    assert seconds.count(10.0, [seen_as(1, 0), seen_as(2, 0), seen_as(None, 1)]) == {}
    added = seconds.count(10.5, [seen_as(1, 1), seen_as(2, 1, "Ada"), seen_as(3, 0)])
    assert added == {("", "glad"): 1.0}  # half a second of two faces
    assert seconds.count(10.75, [seen_as(1, 1), seen_as(2, 0, "Ada")]) == {
        ("", "sad"): 0.25,
        ("Ada", "sad"): 0.25,
    }
    assert seconds.count(13.0, [seen_as(1, 1)]) == {("", "sad"): 1.0}  # no more than a second
    assert seconds.count(13.0, [seen_as(1, 1)]) == {}  # no time has passed
    assert seconds.count(12.0, [seen_as(1, 1)]) == {}  # a clock that fell back
    assert seconds.count(12.5, [seen_as(1, 1)]) == {("", "sad"): 0.5}
    assert seconds.count(13.0, [seen_as(1, 0)]) == {("", "sad"): 0.5}


def test_only_faces_that_were_announced_count() -> None:
    faces = [seen_as(1, 0), seen_as(2, 0), seen_as(None, 0)]
    seen: Any = SimpleNamespace(present=(SimpleNamespace(track_id=2),), observations=faces)
    assert counted_faces(seen) == [faces[1]]


def test_a_detector_is_made_as_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[Any, ...]] = []

    def stand_in(name: str) -> Any:
        return lambda *given, **named: (made.append((name, *given, *named.values())), name)[1]

    for place in (
        "haar.HaarDetector",
        "haar_stream.HaarStream",
        "yunet_search.YuNetDetector",
        "yunet_stream.YuNetStream",
        "following.FollowingDetector",
    ):
        name = place.partition(".")[2]
        monkeypatch.setattr(f"fer_edge.faces.{place}", stand_in(name))
    plan, times, threads = SearchPlan(min_size_px=33), StageTimes(), Executor()
    stream = DetectorRequest(True, plan, times, threads)
    picture = replace(stream, stream=False)
    file = Path("Net.onnx")
    for name, request, expected in (
        ("haar", picture, [("HaarDetector", times)]),
        ("YUNET", picture, [("YuNetDetector", None, times)]),
        ("Net.onnx", picture, [("YuNetDetector", file, times)]),
        ("Haar", stream, [("HaarStream", 33), ("HaarStream", plan, times, threads)]),
        ("yunet", stream, [("YuNetStream", 33, None), ("YuNetStream", plan, times, threads)]),
        ("Net.onnx", stream, [("YuNetStream", 33, file), ("YuNetStream", plan, times, threads)]),
    ):
        made.clear()
        assert make_detector(name, request) == made[-1][0]
        assert [each for each in made if each[0] != "FollowingDetector"] == expected[:1]
        followed = [each[1:] for each in made if each[0] == "FollowingDetector"]
        assert followed == expected[1:]
    with pytest.raises(ArgumentError, match="no detector 'dlib'"):
        make_detector("dlib", picture)


def test_a_detector_goes_by_its_name_in_any_case_or_by_its_file() -> None:
    for name in ("haar", "HAAR", "YuNet", "my/net.onnx", "MY.ONNX"):
        assert detector_problem(name) == ""
    assert detector_problem("yunnet") == (
        "no detector 'yunnet'; there are haar, yunet, or FILE.onnx; did you mean yunet?"
    )
    assert detector_problem("YUNE").endswith("did you mean yunet?")
    assert detector_problem("yolonet").endswith("FILE.onnx")  # too far from yunet
    assert detector_problem("dlib") == "no detector 'dlib'; there are haar, yunet, or FILE.onnx"
    with pytest.raises(ArgumentError, match="no detector 'dlib'"):
        require_detector("dlib")


def test_only_yunet_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr("fer_edge.faces.yunet_file.require_yunet", asked.append)
    for name in ("Haar", "yunet", "net.onnx"):
        require_detector(name)
    assert [each and each.name for each in asked] == [None, "net.onnx"]
    assert detectors.DEFAULT_DETECTOR in detectors.DETECTORS
