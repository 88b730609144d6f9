import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fer_core.errors import FerError
from fer_core.values import Box, Face, Frame, Gap, Prediction
from fer_edge.faces.analysis import Analysis, PictureAnalyzer, StreamAnalyzer
from fer_edge.faces.events import ExpressionEvent
from fer_edge.inference.models import load_model
from fer_edge.outputs import Output
from fer_edge.outputs.pipeline import run_pipeline
from fer_edge.session.config import EdgeConfig
from fer_edge.session.options import RunOptions
from fer_edge.stages import StageTimes


class FakeSource:
    def __init__(self, count: int) -> None:
        self._count = count

    def frames(self, stop: threading.Event) -> Iterator[Frame]:
        for index in range(self._count):
            if stop.is_set():
                return
            yield Frame(np.zeros((50, 50, 3), np.uint8), index, index / 10, "fake")

    def close(self) -> None:
        pass


class FakeDetector:
    def detect(self, frame: Frame, known: Sequence[Box] = ()) -> tuple[Face, ...]:
        return (Face(Box(5, 5, 20, 20), 1.0),) * (frame.index % 2)


class FakeClassifier:
    def classify(self, frame: Frame, faces: Sequence[Face]) -> tuple[Prediction, ...]:
        return tuple(Prediction(np.array([1.0], np.float32), ("only",)) for _ in faces)


class FakeOutput(Output):
    def __init__(self, stop: threading.Event | None = None, after: int = 0) -> None:
        self.frames: list[tuple[int, int]] = []
        self.events: list[ExpressionEvent] = []
        self._stop, self._after = stop, after

    def write(self, frame: Frame, seen: Analysis) -> None:
        self.frames.append((frame.index, len(seen.observations)))
        self.events += seen.events
        if self._stop and len(self.frames) == self._after:
            self._stop.set()

    def idle(self, gap: Gap, seen: Analysis) -> None:
        self.events += seen.events

    def finish(self, seen: Analysis) -> None:
        self.events += seen.events


class Ticks:
    """A clock that moves one second a look."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


def test_every_frame_reaches_every_sink_and_stages_are_timed() -> None:
    outputs = [FakeOutput(), FakeOutput()]
    analyzer = PictureAnalyzer(FakeDetector(), FakeClassifier())
    times = StageTimes(Ticks())
    summary = run_pipeline(FakeSource(4), analyzer, outputs, threading.Event(), times)
    assert outputs[0].frames == outputs[1].frames == [(0, 0), (1, 1), (2, 0), (3, 1)]
    assert (summary.frames, summary.faces) == (4, 2)
    assert summary.seconds == 12  # two looks a read and one a frame, one second each
    assert summary.frames_per_second == 4 / 12


def test_stop_ends_the_loop_and_the_last_events_are_told() -> None:
    stop = threading.Event()
    output = FakeOutput(stop, after=8)
    analyzer = StreamAnalyzer(FakeDetector(), FakeClassifier())
    run_pipeline(FakeSource(100), analyzer, [output], stop, StageTimes(Ticks()))
    assert len(output.frames) == 8
    assert [event.kind for event in output.events] == ["started", "ended"]


def test_an_output_that_fails_at_the_end_keeps_no_other_from_its_end() -> None:
    ended: list[str] = []

    class Ending(FakeOutput):
        def __init__(self, name: str, fault: str = "") -> None:
            super().__init__()
            self._name, self._fault = name, fault

        def finish(self, seen: Analysis) -> None:
            ended.append(self._name)
            if self._fault:
                raise FerError(self._fault)

    outputs = [Ending("first"), Ending("second", "the disk is full"), Ending("third")]
    analyzer = PictureAnalyzer(FakeDetector(), FakeClassifier())
    with pytest.raises(FerError, match="the disk is full"):
        run_pipeline(FakeSource(1), analyzer, outputs, threading.Event(), StageTimes(Ticks()))
    assert ended == ["first", "second", "third"]


def test_what_to_watch_is_exactly_one_thing() -> None:
    with pytest.raises(FerError, match="say what to watch"):
        RunOptions(EdgeConfig())
    with pytest.raises(FerError, match="give one thing to watch, not camera and demo"):
        RunOptions(EdgeConfig(camera="0", demo=True))
    with pytest.raises(FerError, match="two outputs write to the same place"):
        RunOptions(EdgeConfig(demo=True, json="-", events="-"))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"threads": 0}, "threads must lie in 1 to"),
        ({"threads": 1_000_000}, "the cores of this computer, got 1000000"),
        ({"size": "99999x9"}, "size must be at most 16384 a side"),
        ({"rotate": 45}, "rotate must be one of"),
        ({"size": "big"}, "size must look like 640x480"),
        ({"size": "0x480"}, "size must look like"),
        ({"fps": -1.0}, "fps must lie in 0 to 1000"),
    ],
)
def test_wrong_settings_are_said(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EdgeConfig(**wrong)


def test_size_is_width_by_height() -> None:
    assert EdgeConfig(size="640x480").size_px == (640, 480)
    assert EdgeConfig().size_px is None


def test_an_unknown_model_is_answered_with_the_known_ones() -> None:
    named = "fer-base, fer-base-ferplus, fer-nano"
    with pytest.raises(FerError, match=f"no model 'fer-huge'; shipped are {named}"):
        load_model("fer-huge")


def test_a_keras_model_or_a_run_is_told_to_be_converted(tmp_path: Path) -> None:
    run = tmp_path / "first"
    run.mkdir()
    (run / "model.keras").touch()
    with pytest.raises(FerError, match=r"first is a folder, .* fer-convert .*first --int8"):
        load_model(str(run))
    with pytest.raises(FerError, match=r"model\.keras is a Keras model, not a \.tflite bundle"):
        load_model(str(run / "model.keras"))


def test_faces_end_while_a_camera_gives_nothing() -> None:
    class Interrupted(FakeSource):
        def frames(self, stop: threading.Event) -> Iterator[Frame | Gap]:
            yield Gap(0.5)  # before the first frame
            yield from (replace(frame, index=1) for frame in super().frames(stop))
            yield from (Gap(0.9 + second) for second in range(4))

    output = FakeOutput()
    analyzer = StreamAnalyzer(FakeDetector(), FakeClassifier())
    times = StageTimes(Ticks())
    summary = run_pipeline(Interrupted(5), analyzer, [output], threading.Event(), times)
    assert [(event.kind, event.at) for event in output.events] == [
        ("started", pytest.approx(0.2)),
        ("ended", pytest.approx(2.9)),
    ]
    assert summary.frames == 5
    assert output.frames == [(1, 1)] * 5
