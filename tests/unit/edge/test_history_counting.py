"""From frames to seconds and events."""

import numpy as np
import pytest

from fer_core.values import Box, Face, Frame, Gap, Observation, Prediction
from fer_edge.faces.analysis import Analysis
from fer_edge.faces.events import ExpressionEvent
from fer_edge.faces.seconds import MOST_SECONDS
from fer_edge.history.counting import SecondsCounter
from fer_edge.history.output import HistoryOutput
from fer_edge.history.rows import Batch, Bucket
from fer_edge.history.writer import HistoryWriter

LABELS = ("calm", "glad")
PIXELS = np.zeros((4, 4, 3), np.uint8)
WALL = 1_795_687_200.0  # a whole minute


def face(track: int = 1, label: str = "glad", person: str = "") -> Observation:
    share = [0.1, 0.9] if label == "glad" else [0.9, 0.1]
    prediction = Prediction(np.array(share, np.float32), LABELS)
    return Observation(0, 0.0, Face(Box(0, 0, 2, 2), 1.0), prediction, track, person)


def counted(*frames: tuple[float, float, tuple[Observation, ...]]) -> dict[Bucket, float]:
    counter, total = SecondsCounter("hall"), dict[Bucket, float]()
    for at, wall, faces in frames:
        for bucket, seconds in counter.count(at, wall, faces).items():
            total[bucket] = total.get(bucket, 0.0) + seconds
    return total


def test_a_face_adds_the_time_to_the_next_frame_to_the_expression_it_had() -> None:
    glad, calm = face(person="anna"), face(label="calm", person="anna")
    total = counted(
        (0.0, WALL, (glad,)),
        (0.5, WALL + 0.5, (glad,)),
        (0.75, WALL + 0.75, (calm,)),
        (1.0, WALL + 1.0, (calm,)),
    )
    assert total == {
        Bucket(int(WALL), "hall", "anna", "glad"): pytest.approx(0.75),
        Bucket(int(WALL), "hall", "anna", "calm"): pytest.approx(0.25),
    }


def test_people_beside_each_other_add_up_and_one_who_leaves_does_not_count_on() -> None:
    one, two = face(1), face(2)
    total = counted((0.0, WALL, (one, two)), (0.5, WALL, (one, two)), (1.0, WALL, (one,)))
    assert total == {Bucket(int(WALL), "hall", "", "glad"): pytest.approx(1.5)}


def test_a_pause_of_the_camera_adds_a_second_at_most() -> None:
    total = counted((0.0, WALL, (face(),)), (40.0, WALL + 40, (face(),)))
    assert list(total.values()) == [MOST_SECONDS]


@pytest.mark.parametrize("step", [-3600.0, 3600.0, -7.0])
def test_a_clock_that_is_set_moves_no_seconds(step: float) -> None:
    """The minute is another one; how long is not."""
    total = counted(
        (0.0, WALL, (face(),)), (0.4, WALL + 0.4 + step, (face(),)), (0.8, WALL + 0.8, (face(),))
    )
    assert sum(total.values()) == pytest.approx(0.8)
    assert min(total) == Bucket(int((WALL + min(0, step)) // 60 * 60), "hall", "", "glad")


def test_a_source_that_begins_again_counts_nothing_backwards() -> None:
    total = counted((50.0, WALL, (face(),)), (0.1, WALL, (face(),)), (0.3, WALL, (face(),)))
    assert sum(total.values()) == pytest.approx(0.2)


def test_names_are_made_fit_for_a_database() -> None:
    odd = face(person="\udce4nna\0")
    ((bucket, _),) = counted((0.0, WALL, (odd,)), (0.1, WALL, (odd,))).items()
    assert bucket.person.encode()
    assert "\0" not in bucket.person


def frame(index: int, at: float, camera: str = "") -> Frame:
    return Frame(PIXELS, index, at, "c", WALL + at, camera=camera)


class Kept:
    """A store in memory."""

    shown = "memory"

    def __init__(self) -> None:
        self.batch = Batch()

    def write(self, batch: Batch) -> None:
        self.batch.seconds |= batch.seconds
        self.batch.events += batch.events

    def thin(self, before: int) -> bool:
        return False

    def close(self) -> None:
        """Nothing is open."""


def test_the_output_counts_announced_faces_in_sight_and_keeps_events() -> None:
    store = Kept()
    writer = HistoryWriter(store, 30)
    output = HistoryOutput(writer)
    came = ExpressionEvent("started", 1, "glad", 0.91239, 10.0, "anna", "hall")
    left = ExpressionEvent("ended", 1, "none", 0.0, 13.0, "anna", "hall")
    shown, false_alarm, lost = face(1, person="anna"), face(2), face(3)
    for index, at in enumerate((10.0, 10.5, 11.0)):
        events = (came,) if index == 0 else ()
        seen = Analysis((shown, false_alarm), events, present=(shown, lost))
        output.write(frame(index, at, "hall"), seen)
    output.idle(Gap(12.0, wall_clock=WALL + 12.0, camera="hall"), Analysis())
    output.write(frame(3, 12.4, "hall"), Analysis((shown,), (), (shown,)))
    output.finish(Analysis(events=(left,)))
    writer.write()
    assert store.batch.seconds == {Bucket(int(WALL), "hall", "anna", "glad"): pytest.approx(2.0)}
    assert [(row.at, row.kind, row.label, row.confidence) for row in store.batch.events] == [
        (WALL + 10.0, "started", "glad", 0.9124),
        (WALL + 13.0, "ended", "none", 0.0),
    ]
    assert {(row.camera, row.person, row.track) for row in store.batch.events} == {
        ("hall", "anna", 1)
    }


def test_a_camera_of_a_picture_in_two_seconds_counts() -> None:
    store = Kept()
    writer = HistoryWriter(store, 30)
    output = HistoryOutput(writer)
    seen = Analysis((face(),), (), (face(),))
    for index in range(4):
        output.write(frame(index, 2.0 * index), seen)
        output.idle(Gap(2.0 * index + 1.0), Analysis())
    writer.write()
    assert sum(store.batch.seconds.values()) == pytest.approx(3.0)  # a second of each two


def test_each_camera_counts_for_itself_and_one_without_a_name_is_called_camera() -> None:
    store = Kept()
    writer = HistoryWriter(store, 30)
    output = HistoryOutput(writer)
    seen = Analysis((face(),), (), (face(),))
    for index in range(4):  # in turn, as they come
        output.write(frame(index, 0.2 * index, "door"), seen)
        output.write(frame(index, 0.2 * index + 0.1), seen)
        output.idle(Gap(0.2 * index + 0.15, camera="desk"), Analysis())
    writer.write()
    assert store.batch.seconds == {
        Bucket(int(WALL), "door", "", "glad"): pytest.approx(0.6),
        Bucket(int(WALL), "camera", "", "glad"): pytest.approx(0.6),
    }
