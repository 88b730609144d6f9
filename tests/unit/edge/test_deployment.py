"""A new model on a device that runs: kept, taken back for each reason, by itself and by hand."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from at_once import AtOnce
from fer_core.bundle import ModelBundle
from fer_core.errors import BusyError, FerError
from fer_core.values import Box, Face, Frame, Gap, Prediction
from fer_edge.deployment.analyzer import ExchangingAnalyzer
from fer_edge.deployment.exchange import LoadedModel
from fer_edge.deployment.first_minute import ENOUGH_FACES, TRIAL_SECONDS, FaceTimes
from fer_edge.deployment.folder import STATE_FILE, ModelFolder
from fer_edge.deployment.intake import ModelIntake
from fer_edge.deployment.start import DIED, begin
from fer_edge.deployment.state import (
    KEPT,
    MOST_RECEIVED,
    ON_TRIAL,
    TAKEN_BACK,
    DeploymentState,
    Held,
)
from fer_edge.faces.analysis import Analysis, StreamAnalyzer
from fer_edge.inference.models import ModelFacts

OLD, NEW = ("calm", "glad"), ("asleep", "awake", "away")
FRAME_SECONDS = 0.1


def held(place: str, labels: Sequence[str] = OLD, version: str = "") -> Held:
    name = place or "own"
    return Held(place, ModelFacts(f"{name}-int8", name * 9 + version, tuple(labels)))


def test_a_file_that_was_made_again_with_other_labels_is_another_model() -> None:
    same = ModelFacts("new-int8", "cd" * 32, ("happy", "sad"))
    there = Held("new.tflite", same)
    assert there.is_same(Held("new.tflite", same))
    assert not there.is_same(Held("new.tflite", replace(same, labels=("sad", "happy"))))
    assert there.is_same(Held("new.tflite"))  # as far as is known


class FakeModel:
    """Is sure of its first label; takes `seconds` a face of the fake clock, and fails if told."""

    def __init__(self, device: Device, labels: Sequence[str], seconds: float) -> None:
        self._device, self.labels, self.seconds = device, tuple(labels), seconds
        self.fault: Exception | None = None

    def classify(self, frame: Frame, faces: Sequence[Face]) -> tuple[Prediction, ...]:
        if self.fault:
            raise self.fault
        self._device.now += self.seconds * len(faces)
        shares = np.eye(len(self.labels), dtype=np.float32)[0]
        return tuple(Prediction(shares, self.labels) for _ in faces)


class Later:
    """An executor that has not done its work until it is told to."""

    def submit(self, work: Any, *given: Any) -> Future[Any]:
        self.promised: Future[Any] = Future()
        self.do = lambda: self.promised.set_result(work(*given))
        return self.promised


class OneFace:
    def detect(self, frame: Frame, known: Sequence[Face] = ()) -> tuple[Face, ...]:
        return (Face(Box(5, 5, 20, 20), 1.0),)


class Device:
    """A run of a folder of models, on a clock that only its frames and models move."""

    def __init__(self, path: Path) -> None:
        self.folder = ModelFolder(path)
        path.mkdir(exist_ok=True)
        self.now, self.index = 0.0, 0
        self.version, self.loaded = "", list[str]()
        self.models = {
            "": FakeModel(self, OLD, 0.010),
            "same.tflite": FakeModel(self, OLD, 0.020),
            "other.tflite": FakeModel(self, NEW, 0.020),
            "slow.tflite": FakeModel(self, NEW, 0.031),
        }

    def load(self, wanted: Held) -> LoadedModel:
        if wanted.place not in self.models:
            raise FerError(f"no model {wanted.place}")
        model = self.models[wanted.place]
        self.loaded.append(wanted.place)
        return LoadedModel(
            held(wanted.place, model.labels, self.version), model, FaceTimes([model.seconds])
        )

    def start(self) -> None:
        self.model = begin(self.folder, self.load, AtOnce())  # type: ignore[arg-type]
        self.model._clock = self.model._work_clock = lambda: self.now
        inner = StreamAnalyzer(OneFace(), self.model)
        self.analyzer = ExchangingAnalyzer(inner, self.model)

    def frame(self) -> Analysis:
        self.index, self.now = self.index + 1, self.now + FRAME_SECONDS
        pixels = np.zeros((50, 50, 3), np.uint8)
        return self.analyzer.analyze(Frame(pixels, self.index, FRAME_SECONDS * self.index))

    def frames(self, seconds: float) -> list[Analysis]:
        return [self.frame() for _ in range(round(seconds / FRAME_SECONDS))]

    def put_on_trial(self, place: str) -> None:
        labels = self.models[place].labels if place in self.models else NEW
        self.folder.change(lambda state: state.using(held(place, labels)))

    @property
    def state(self) -> DeploymentState:
        return self.folder.state()


@pytest.fixture
def device(tmp_path: Path) -> Device:
    device = Device(tmp_path / "models")
    device.start()
    device.frames(1)
    return device


def told(seen: Sequence[Analysis]) -> list[tuple[str, int, str]]:
    events = [event for each in seen for event in each.events]
    return [(event.kind, event.track_id, event.label) for event in events]


def test_a_new_model_takes_over_between_two_frames_and_is_kept(device: Device) -> None:
    device.put_on_trial("other.tflite")
    seen = device.frames(2)
    assert [len(each.observations) for each in seen] == [1] * len(seen)  # no frame is without it
    labels = [each.observations[0].label for each in seen]
    at = labels.index("asleep")
    assert labels == ["calm"] * at + ["asleep"] * (len(seen) - at)
    assert told(seen) == [("ended", 1, "none"), ("started", 2, "asleep")]
    assert told(seen[: at + 1]) == [("ended", 1, "none")]
    assert (device.state.state, device.state.tried_by) == (ON_TRIAL, os.getpid())
    device.frames(TRIAL_SECONDS)
    assert (device.state.state, device.state.tried_by) == (KEPT, 0)
    assert device.model.facts.name == "other.tflite-int8"
    assert device.state.before == held("")
    assert device.model._before is None  # its interpreter is gone
    assert device.model.swaps == 1


def test_with_the_same_labels_faces_live_on(device: Device) -> None:
    device.put_on_trial("same.tflite")
    seen = device.frames(2)
    assert told(seen) == []
    assert device.model.facts.name == "same.tflite-int8"
    assert {each.observations[0].track_id for each in seen} == {1}


@pytest.mark.parametrize("fault", [ValueError("probabilities must sum to 1"), RuntimeError("no")])
def test_a_model_that_fails_at_a_face_is_taken_back_in_the_same_frame(
    device: Device, fault: Exception
) -> None:
    device.put_on_trial("other.tflite")
    device.frames(2)
    device.models["other.tflite"].fault = fault
    (seen,) = device.frames(FRAME_SECONDS)
    assert [each.label for each in seen.observations] == ["calm"]
    assert told([seen])[0] == ("ended", 2, "none")
    assert (device.state.state, device.state.running) == (TAKEN_BACK, held(""))
    assert device.state.why == f"it fails at a face: {fault}"
    assert [each.facts.name for each in device.state.failures] == ["other.tflite-int8"]
    device.frames(3)
    assert device.model.facts.name == "own-int8"
    device.models[""].fault = fault  # one that was kept fails as without a folder
    with pytest.raises(type(fault)):
        device.frame()


def test_a_slow_model_is_taken_back_once_enough_faces_say_so(device: Device) -> None:
    device.put_on_trial("slow.tflite")
    seen = device.frames(2)
    assert seen[-1].observations[0].label == "asleep"
    seen = device.frames(FRAME_SECONDS * ENOUGH_FACES)
    assert seen[-1].observations[0].label == "calm"
    assert device.state.state == TAKEN_BACK
    assert device.state.why == (
        "it takes 31.0 ms for a face, 3.1 times as long as the model before (10.0 ms)"
    )


def test_fast_models_are_never_too_slow(device: Device) -> None:
    device.models[""].seconds = 0.0001
    device.frames(20)
    device.models["other.tflite"].seconds = 0.004
    device.put_on_trial("other.tflite")
    device.frames(2 + TRIAL_SECONDS)
    assert device.state.state == KEPT


def test_a_minute_without_faces_still_compares_the_known_ones(device: Device) -> None:
    device.put_on_trial("slow.tflite")
    now = 2.0
    while device.state.state != TAKEN_BACK:
        now, device.now = now + 1, device.now + 1
        device.analyzer.idle(Gap(now))
        assert now < 3 + TRIAL_SECONDS + 2
    assert "3.1 times" in device.state.why
    assert now > TRIAL_SECONDS


def test_a_model_that_does_not_load_changes_nothing(device: Device) -> None:
    device.put_on_trial("gone.tflite")
    assert told(device.frames(3)) == []
    assert device.state.why == "it does not load: no model gone.tflite"
    assert (device.state.state, device.state.running) == (TAKEN_BACK, held(""))
    assert device.model.swaps == 0


def test_frames_go_on_while_a_model_loads_and_it_is_forgotten_if_nobody_wants_it_now(
    device: Device,
) -> None:
    loading = Later()
    device.model._executor = loading  # type: ignore[assignment]
    device.put_on_trial("other.tflite")
    assert told(device.frames(5)) == []
    device.folder.change(DeploymentState.back)
    loading.do()
    assert told(device.frames(5)) == []
    assert (device.model.facts.name, device.model.swaps) == ("own-int8", 0)
    assert device.state.state == KEPT


def test_going_back_by_hand_needs_no_trial(device: Device) -> None:
    device.put_on_trial("other.tflite")
    device.frames(2)
    device.folder.change(DeploymentState.back)  # while it is on trial
    device.frames(2)
    assert device.model.facts.name == "own-int8"
    device.put_on_trial("same.tflite")
    device.frames(2 + TRIAL_SECONDS)
    device.folder.change(DeploymentState.back)  # after it was kept
    device.frames(2)
    assert (device.state.state, device.model.facts.name) == (KEPT, "own-int8")
    with pytest.raises(FerError, match="nothing to go back to: own-int8 is the first model here"):
        device.folder.change(DeploymentState.back)


def test_one_that_is_chosen_again_between_two_looks_is_on_trial_again(device: Device) -> None:
    device.put_on_trial("other.tflite")
    for seconds in (TRIAL_SECONDS / 2, TRIAL_SECONDS + 3):  # on trial, then kept
        device.frames(seconds)
        device.folder.change(DeploymentState.back)
        device.put_on_trial("other.tflite")
        device.frames(2)
        assert (device.state.state, device.state.tried_by) == (ON_TRIAL, os.getpid())
    device.start()  # as after a crash
    assert (device.state.state, device.state.why) == (TAKEN_BACK, DIED)


def test_a_process_that_died_of_the_trial_is_noticed_by_the_next(
    device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    device.put_on_trial("other.tflite")
    device.frames(5)
    device.start()  # as after a crash: nothing was said at the end
    assert device.model.facts.name == "own-int8"
    assert (device.state.state, device.state.why) == (TAKEN_BACK, DIED)
    assert f"taken back: {DIED}" in caplog.text


def test_a_run_that_is_ended_by_hand_goes_on_with_the_trial(device: Device) -> None:
    device.put_on_trial("other.tflite")
    device.frames(5)
    device.analyzer.finish()
    device.start()
    assert device.model.facts.name == "other.tflite-int8"
    assert device.state.state == ON_TRIAL
    device.models["other.tflite"].fault = ValueError("no")
    device.frame()
    assert device.model.facts.name == "own-int8"


def test_a_run_that_ends_by_an_unknown_error_of_the_model_does_not_excuse_it(
    device: Device,
) -> None:
    device.put_on_trial("other.tflite")
    device.frames(5)
    device.models["other.tflite"].fault = TypeError("what nobody thought of")
    with pytest.raises(TypeError):
        device.frame()
    device.analyzer.finish()
    device.start()
    assert device.state.why == DIED


def test_at_the_start_what_does_not_load_makes_room_for_what_was_before(
    device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    for place in ("other.tflite", "same.tflite"):
        device.put_on_trial(place)
        device.frames(2 + TRIAL_SECONDS)
    del device.models["other.tflite"], device.models["same.tflite"]
    device.start()
    assert device.model.facts.name == "own-int8"
    assert [each.why for each in device.state.failures] == [
        "it does not load: no model same.tflite",
        "it does not load: no model other.tflite",
    ]
    del device.models[""]
    with pytest.raises(FerError, match="no model"):
        device.start()


def test_a_damaged_state_is_put_aside(device: Device, caplog: pytest.LogCaptureFixture) -> None:
    (device.folder.path / STATE_FILE).write_text('{"running": 7}')
    device.frames(2)  # a run goes on
    assert device.model.facts.name == "own-int8"
    device.start()
    assert device.state == DeploymentState(held(""))
    assert (device.folder.path / f"{STATE_FILE}.damaged").read_text() == '{"running": 7}'
    assert "cannot be read" in caplog.text


def test_a_place_may_hold_other_content_than_before(device: Device) -> None:
    device.put_on_trial("same.tflite")
    device.frames(2 + TRIAL_SECONDS)
    device.version = "2"  # as after an update, or with another --model
    device.start()
    device.loaded.clear()
    device.folder.change(DeploymentState.back)
    device.frames(5)
    assert device.loaded == [""]  # once, not every second
    assert device.state.running == device.model.current.held == held("", OLD, "2")


def test_what_cannot_be_written_is_written_later(
    device: Device, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    device.put_on_trial("other.tflite")
    device.frames(2)

    def full(change: object) -> DeploymentState:
        raise FerError("cannot write: No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(device.folder, "change", full)
        device.frames(TRIAL_SECONDS + 6)
        assert device.state.state == ON_TRIAL
    assert caplog.text.count("No space left on device") == 1
    device.frames(2)
    assert device.state.state == KEPT
    assert caplog.text.count("can write the state of the models again") == 1


def test_the_state_survives_its_file_and_old_files_are_forgotten() -> None:
    state = DeploymentState(held(""))
    for number in range(MOST_RECEIVED + 5):
        state = state.using(held(f"{number}.tflite"), received=True).kept()
    assert DeploymentState.from_json(state.to_json(), "it") == state
    assert len(state.earlier) == MOST_RECEIVED
    kept = {each.place for each in (state.running, *state.earlier)}
    assert kept - {""} <= set(state.received)
    for number in range(30):
        state = state.using(held(f"{number}-failed.tflite"), received=True)
        state = state.taken_back(state.running, "slow", "2026-11-27T10:00:00+00:00")
    assert len(state.received) <= 2 * MOST_RECEIVED + 1
    assert len(state.failures) == MOST_RECEIVED
    again = state.using(held("29-failed.tflite"), received=True)
    assert again.received.count("29-failed.tflite") == 1


def test_what_is_no_longer_in_use_is_not_taken_back() -> None:
    state = DeploymentState(held("")).using(held("a.tflite"))
    assert state.taken_back(held("b.tflite"), "slow", "") == state
    changed = replace(held("a.tflite"), facts=ModelFacts("a", "other content", OLD))
    assert state.taken_back(changed, "slow", "") == state
    assert state.using(held("c.tflite")).before == held("")  # never one that was only tried


def test_one_run_has_a_folder(tmp_path: Path) -> None:
    folder = ModelFolder(tmp_path / "models")
    with folder.held_by_this_run():
        assert folder.is_run
        with (
            pytest.raises(BusyError, match="or give each run a separate folder"),
            ModelFolder(tmp_path / "models").held_by_this_run(),
        ):
            pytest.fail("two runs have one folder")
    assert not folder.is_run


def test_a_refused_model_has_the_code_of_its_fault(tmp_path: Path) -> None:
    def check(file: Path) -> ModelBundle:
        raise FerError(f"{file} is damaged", see="model-damaged")

    with pytest.raises(FerError, match=r"^the model is damaged$") as raised:
        ModelIntake(ModelFolder(tmp_path), check).receive(b"a bundle")
    assert raised.value.see == "model-damaged"
