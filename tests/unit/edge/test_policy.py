import json
from collections.abc import Sequence

import numpy as np
import pytest

from fer_core.values import Box, Face, Frame, Prediction
from fer_edge.faces.events import ExpressionEvent
from fer_edge.faces.policy import PicturePolicy, StreamPolicy
from fer_edge.faces.tracking import IouTracker

LABELS = ("calm", "glad")
PIXELS = np.zeros((100, 100, 3), np.uint8)
CALM, GLAD = 0.1, 0.9


def face_at(x: int) -> Face:
    return Face(Box(x, 10, 30, 30), 1.0)


def glad(share: float) -> Prediction:
    return Prediction(np.array([1 - share, share], np.float32), LABELS)


class Saying:
    """A classifier that says what it was told to, and counts the faces it was asked about."""

    def __init__(self, *predictions: Prediction) -> None:
        self._predictions, self.asked = predictions, 0

    def classify(self, frame: Frame, faces: Sequence[Face]) -> tuple[Prediction, ...]:
        self.asked += len(faces)
        return self._predictions[: len(faces)]


def play(
    policy: StreamPolicy, shares: Sequence[float | None], fps: float = 10.0, start: int = 0
) -> list[ExpressionEvent]:
    """Show one face with these shares of `glad`, one a frame; None: no face."""
    events: list[ExpressionEvent] = []
    for index, share in enumerate(shares, start):
        seen = [] if share is None else [share]
        frame = Frame(PIXELS, index, index / fps)
        events += policy.update(frame, [face_at(20)] * len(seen), Saying(*map(glad, seen)))[1]
    return events


def kinds(events: Sequence[ExpressionEvent]) -> list[tuple[str, str]]:
    return [(event.kind, event.label) for event in events]


def test_a_face_starts_changes_and_ends() -> None:
    policy = StreamPolicy(IouTracker())
    events = play(policy, [CALM] * 10 + [GLAD] * 10 + [None] * 15)
    assert kinds(events) == [("started", "calm"), ("changed", "glad"), ("ended", "none")]
    assert events[1].at == pytest.approx(1.4, abs=0.25)


def test_a_false_alarm_of_two_frames_makes_no_event() -> None:
    policy = StreamPolicy(IouTracker())
    assert play(policy, [CALM, CALM] + [None] * 20) == []
    assert policy.finish() == ()


def test_an_event_carries_the_confidence_of_its_own_label() -> None:
    policy = StreamPolicy(IouTracker(), time_constant_seconds=0.01, dwell_seconds=0.15)
    events = play(policy, [0.4, 0.4, 0.4, 0.9, 0.9, 0.9])
    assert kinds(events) == [("started", "calm"), ("changed", "glad")]
    assert events[0].confidence == pytest.approx(0.6, abs=0.01)
    assert events[1].confidence == pytest.approx(0.9, abs=0.01)


def test_a_face_starts_with_what_it_looks_like_by_then() -> None:
    events = play(StreamPolicy(IouTracker(), time_constant_seconds=0.05), [0.4, 0.9, 0.9, 0.9])
    assert kinds(events) == [("started", "glad")]


def test_a_face_that_is_classified_seldom_still_starts_at_once() -> None:
    events = play(StreamPolicy(IouTracker(), rate_hz=0.5), [CALM] * 19)
    assert [(event.kind, event.at) for event in events] == [("started", pytest.approx(0.2))]


def test_what_is_shown_is_what_was_told() -> None:
    policy, shown, told = StreamPolicy(IouTracker()), [], []
    for index, share in enumerate([CALM] * 5 + [GLAD] * 2 + [CALM] * 2 + [GLAD] * 8):
        frame = Frame(PIXELS, index, index / 10)
        seen, events = policy.update(frame, [face_at(20)], Saying(glad(share)))
        told += [event.label for event in events]
        shown.append(seen[0].label)
    assert told == ["calm", "glad"]
    assert shown == sorted(shown)


def test_a_flicker_changes_nothing() -> None:
    policy = StreamPolicy(IouTracker())
    assert kinds(play(policy, [CALM] * 5 + [GLAD] + [CALM] * 5)) == [("started", "calm")]


def test_a_label_that_leads_by_little_does_not_take_over() -> None:
    events = play(StreamPolicy(IouTracker()), [0.46] * 5 + [0.54] * 30)
    assert kinds(events) == [("started", "calm")]
    events = play(StreamPolicy(IouTracker()), [0.46] * 5 + [0.56] * 30)
    assert kinds(events) == [("started", "calm"), ("changed", "glad")]


def test_a_short_miss_keeps_the_track() -> None:
    policy = StreamPolicy(IouTracker())
    events = play(policy, [CALM] * 5 + [None] * 5 + [CALM] * 5)
    assert {event.track_id for event in events} == {1}
    assert kinds(events) == [("started", "calm")]


def test_the_end_of_the_source_ends_every_told_track() -> None:
    policy = StreamPolicy(IouTracker())
    play(policy, [CALM] * 5)
    assert kinds(policy.finish()) == [("ended", "none")]
    assert policy.finish() == ()


@pytest.mark.parametrize("fps", [5.0, 30.0])
def test_smoothing_does_not_depend_on_the_frame_rate(fps: float) -> None:
    policy = StreamPolicy(IouTracker(), time_constant_seconds=0.5)
    play(policy, [0.0], fps)
    count = round(fps)  # one second of gladness: 1 - exp(-1 / 0.5)
    frames = range(1, count + 1)
    for index in frames:
        frame = Frame(PIXELS, index, index / fps)
        observations, _ = policy.update(frame, [face_at(20)], Saying(glad(1.0)))
    expected = 1 - np.exp(-2.0)
    assert observations[0].prediction.probabilities[1] == pytest.approx(expected, abs=1e-4)


def test_a_face_is_classified_at_most_so_often_and_shown_every_frame() -> None:
    policy, saying = StreamPolicy(IouTracker(), rate_hz=5.0), Saying(glad(0.8), glad(0.2))
    shown = []
    for index in range(31):
        frame = Frame(PIXELS, index, index / 30)
        faces = [face_at(20)] if index < 15 else [face_at(20), face_at(70)]
        observations, _ = policy.update(frame, faces, saying)
        shown.append(len(observations))
    assert saying.asked == 6 + 3  # every 0.2 s from 0 to 1, and from 0.5 for the second
    assert shown == [1] * 15 + [2] * 16


def test_two_faces_keep_their_ids_when_they_swap_order() -> None:
    tracker = IouTracker()
    left, right = face_at(0), face_at(60)
    assert tracker.update([left, right], 0.0) == (1, 2)
    assert tracker.update([right, left], 0.1) == (2, 1)
    assert tracker.update([face_at(62), face_at(2), face_at(30)], 0.2) == (2, 1, 3)


def test_ids_are_never_used_again() -> None:
    tracker = IouTracker(memory_seconds=0.5)
    assert tracker.update([face_at(0)], 0.0) == (1,)
    assert tracker.update([face_at(0)], 2.0) == (2,)


def test_pictures_stand_alone() -> None:
    observations, events = PicturePolicy().update(
        Frame(PIXELS, 3, 0.0), [face_at(0), face_at(50)], Saying(glad(0.9), glad(0.2))
    )
    assert [seen.prediction.label for seen in observations] == ["glad", "calm"]
    assert {seen.track_id for seen in observations} == {None}
    assert events == ()
    assert PicturePolicy().finish() == ()


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
