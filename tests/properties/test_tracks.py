"""Faces through a stream, whatever a detector says: ids, and events in their order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from fer_core.values import Box, Face, Frame, Gap, Prediction
from fer_edge.faces.analysis import Analysis, StreamAnalyzer
from fer_edge.faces.tracks import MEMORY_SECONDS

LABELS = ("a", "b", "c")
SECONDS = st.sampled_from([0.0, 0.03, 0.1, 0.5, 2.1, 15.0])
PLACES = st.integers(-20, 120)
BOXES = st.builds(Box, PLACES, PLACES, st.integers(1, 60), st.integers(1, 60))
NEAR = st.sampled_from([Box(10, 10, 30, 30), Box(12, 10, 30, 30), Box(50, 20, 20, 20)])
FACES = st.lists(st.one_of(NEAR, BOXES), max_size=4)


class Scripted:
    """Finds the faces that it is told of, and says of each what its place says."""

    def __init__(self) -> None:
        self.boxes: list[Box] = []

    def detect(self, frame: Frame, known: Sequence[Face] = ()) -> tuple[Face, ...]:
        return tuple(Face(box, 1.0) for box in self.boxes)

    def classify(self, frame: Frame, faces: Sequence[Face]) -> tuple[Prediction, ...]:
        shares = np.eye(3, dtype=np.float32) * 0.7 + 0.1
        return tuple(Prediction(shares[face.box.x % 3], LABELS) for face in faces)


class Stream(RuleBasedStateMachine):
    """A stream in which faces come, go, lie on each other and outside; the model is their events.

    `told` holds what each face was said to look like by now, the faces that have ended None.
    """

    def __init__(self) -> None:
        super().__init__()
        self.script, self.now, self.index, self.width = Scripted(), 0.0, 0, 100
        self.analyzer = StreamAnalyzer(self.script, self.script)
        self.told: dict[int, str | None] = {}
        self.seen = Analysis()
        self.newest = 0

    def _hear(self, seen: Analysis) -> None:
        self.seen = seen
        for event in seen.events:
            assert event.at == self.now or event.kind == "ended"
            before = self.told.get(event.track_id, "")
            if event.kind == "started":
                assert event.track_id not in self.told
            elif event.kind == "changed":
                assert before
                assert before != event.label
            else:
                assert before
            self.told[event.track_id] = None if event.kind == "ended" else event.label

    @rule(boxes=FACES, seconds=SECONDS, gray=st.sampled_from([0, 0, 0, 255]))
    def frame(self, boxes: list[Box], seconds: float, gray: int) -> None:
        self.now, self.index = self.now + seconds, self.index + 1
        self.script.boxes = [box for box in boxes if box.clipped(self.width, 100)]
        pixels = np.full((100, self.width, 3), gray, np.uint8)
        known = max([self.newest, *self.told])
        self._hear(self.analyzer.analyze(Frame(pixels, self.index, self.now)))
        shown = [each.track_id for each in self.seen.observations]
        assert len(shown) == len(set(shown))
        assert len(self.seen.observations) >= len(self.script.boxes)
        self.newest = max([known, *(each for each in shown if each)])
        areas = [each.box.area_px for each in self.seen.observations]
        assert areas == sorted(areas, reverse=True)

    @rule(seconds=SECONDS)
    def nothing_comes(self, seconds: float) -> None:
        self.now += seconds
        self._hear(self.analyzer.idle(Gap(self.now)))
        assert not self.seen.observations

    @rule(width=st.sampled_from([50, 100, 200]))
    def the_camera_changes_its_size(self, width: int) -> None:
        self.width = width

    @rule()
    def another_model_has_other_labels(self) -> None:
        self._hear(Analysis(events=self.analyzer.relabel(), present=()))
        assert not self._alive()

    @rule()
    def the_source_ends(self) -> None:
        self._hear(self.analyzer.finish())
        assert not self._alive()

    @precondition(lambda self: self._alive())
    @rule()
    def nobody_stays_for_ever(self) -> None:
        for _ in range(4):
            self.frame([], MEMORY_SECONDS + 0.1, 0)
        assert not self._alive()

    def _alive(self) -> set[int]:
        return {track for track, label in self.told.items() if label is not None}

    @invariant()
    def whoever_was_told_of_and_has_not_left_is_present(self) -> None:
        present = {each.track_id for each in self.seen.present}
        assert present == self._alive()

    @invariant()
    def what_is_shown_of_a_face_is_what_was_told(self) -> None:
        for each in self.seen.present:
            assert self.told[each.track_id or 0] == each.label


TestStream = Stream.TestCase
