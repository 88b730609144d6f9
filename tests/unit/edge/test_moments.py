"""Clips of moments: which frames they hold, the folder's index and its limit."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fer_core.values import Box, Face, Frame, Gap, Observation, Prediction
from fer_edge.faces.analysis import Analysis
from fer_edge.faces.events import ExpressionEvent
from fer_edge.outputs.clips import moments
from fer_edge.outputs.clips import writer as clip_writer
from fer_edge.outputs.clips.folder import INDEX, ClipFolder
from fer_edge.outputs.clips.moments import MomentSettings, MomentsOutput
from fer_edge.outputs.clips.writer import FPS as FPS_OF_CLIPS
from fer_edge.outputs.clips.writer import ClipWriter, KeptFrame
from fer_edge.outputs.encoding import VideoFile
from fer_edge.outputs.freed_memory import give_back_freed_memory
from mqtt_broker import wait_until

FPS = 10
WALL = 1.7e9


def frame(at: float, camera: str = "", value: int = 90) -> Frame:
    pixels = np.full((48, 64, 3), value, np.uint8)
    return Frame(pixels, round(at * FPS), at, "tap", WALL + at, camera=camera)


def showing(label: str, person: str = "", camera: str = "", kind: str = "") -> Analysis:
    prediction = Prediction(np.array([1.0], np.float32), (label,))
    face = Observation(0, 0.0, Face(Box(5, 5, 20, 20), 1.0), prediction, 1, person, camera)
    event = ExpressionEvent(kind, 1, label, 0.9, 0.0, person, camera) if kind else None
    return Analysis((face,), (event,) if event else (), (face,))


class Written:
    """Stands in for the writer: keeps when the frames of each clip were taken."""

    def __init__(self) -> None:
        self.clips: list[tuple[str, str, str]] = []
        self.times: list[list[float]] = []
        self._open: dict[str, list[float]] = {}
        self.room, self.dropped = 1_000_000, 0

    def begin(self, camera: str, label: str, person: str) -> None:
        assert camera not in self._open
        self.clips.append((camera, label, person))
        self.times.append([])
        self._open[camera] = self.times[-1]

    def write(self, camera: str, frame: KeptFrame) -> bool:
        if self.room == 0:
            return False
        self.room -= 1
        self._open[camera].append(round(frame.at, 3))
        return True

    def end(self, camera: str) -> None:
        del self._open[camera]


class Day:
    """Frames at FPS, and what they show."""

    def __init__(self, settings: MomentSettings, camera: str = "") -> None:
        self.written, self._camera, self.at = Written(), camera, 0.0
        self.output = MomentsOutput(settings, self.written)  # type: ignore[arg-type]

    def show(self, seconds: float, seen: Analysis | None = None) -> None:
        """Show the same for so long; an event is told with the first frame alone."""
        for index in range(round(seconds * FPS)):
            now = seen or Analysis()
            if index:
                now = Analysis(now.observations, (), now.present)
            self.output.write(frame(self.at, self._camera), now)
            self.at = round(self.at + 1 / FPS, 3)


HAPPY = MomentSettings({"happy"}, before=2.0, after=1.0)


def test_an_encoder_that_is_busy_gets_the_frames_later_and_in_order() -> None:
    day = Day(MomentSettings({"happy"}, before=100.0, after=1.0))
    day.show(100)
    day.written.room = 0
    day.show(3, showing("happy", kind="changed"))
    for _ in range(200):
        day.written.room = 30
        day.show(1)
    (times,) = day.written.times
    assert (times[0], times[-1]) == (0.0, 103.9)
    assert np.allclose(np.diff(times), 0.1)
    assert day.written.dropped == 0
    assert not day.written._open


def test_an_encoder_that_is_too_slow_loses_frames_which_are_counted() -> None:
    day = Day(HAPPY)
    day.show(10)
    for second in range(60):
        day.written.room = 5
        day.show(1, showing("happy", kind="" if second else "changed"))
        kept = len(day.output._cameras[""].ring)
        assert kept <= FPS * (HAPPY.before + moments.BEHIND_SECONDS) + 2
    (times,) = day.written.times
    assert times == sorted(times)
    assert day.written.dropped + len(times) + kept == 620
    assert day.written.dropped > 50


def test_a_moment_has_the_seconds_before_and_after() -> None:
    day = Day(HAPPY)
    day.show(10)
    day.show(3, showing("happy", kind="changed"))
    day.show(10, showing("sad", kind="changed"))
    (times,) = day.written.times
    assert (times[0], times[-1]) == (8.0, 13.9)  # it lasts to 12.9
    assert np.allclose(np.diff(times), 0.1)
    assert day.written.clips == [("", "happy", "")]


def test_moments_that_touch_share_a_clip_and_no_frame_is_written_twice() -> None:
    day = Day(HAPPY)
    day.show(5)
    for _ in range(2):
        day.show(1, showing("happy", kind="changed"))
        day.show(2.5, showing("sad", kind="changed"))
    day.show(10)
    (times,) = day.written.times
    assert np.allclose(np.diff(times), 0.1)
    day.show(1, showing("happy", kind="changed"))
    day.show(10)
    assert len(day.written.times) == 2
    assert day.written.times[1][0] > times[-1]


def test_only_what_was_asked_for_is_a_moment() -> None:
    day = Day(MomentSettings({"happy"}, "anna", 1.0, 1.0))
    for label, person in (("sad", "anna"), ("happy", "ben"), ("happy", "")):
        day.show(2, showing(label, person, kind="changed"))
    assert day.written.clips == []
    day.show(2, showing("happy", "anna", kind="changed"))
    assert day.written.clips == [("", "happy", "anna")]


def test_any_change_is_a_moment_of_its_own_length_where_nothing_was_named() -> None:
    day = Day(MomentSettings(before=1.0, after=1.0))
    day.show(5)
    day.show(20, showing("happy", kind="started"))
    (times,) = day.written.times
    assert (times[0], times[-1]) == (4.0, 6.0)


def test_the_start_and_the_end_of_a_run_cut_a_clip_short() -> None:
    day = Day(HAPPY)
    day.show(0.5)
    day.show(0.5, showing("happy", kind="started"))
    day.output.finish(Analysis())
    (times,) = day.written.times
    assert (times[0], times[-1]) == (0.0, 0.9)
    assert day.written._open == {}


def test_a_camera_that_goes_away_ends_its_clip() -> None:
    day = Day(HAPPY)
    day.show(3, showing("happy", kind="started"))
    day.output.idle(Gap(5.0), Analysis())
    assert day.written._open  # more may come: until 3.9, and 2 s that might touch
    day.output.idle(Gap(6.5), Analysis())
    assert not day.written._open


def test_each_camera_has_its_own_clips() -> None:
    written = Written()
    output = MomentsOutput(HAPPY, written)  # type: ignore[arg-type]
    for index in range(30):
        for camera in ("door", "desk"):
            seen = Analysis()
            if camera == "desk" and index == 20:
                seen = showing("happy", camera="desk", kind="changed")
            output.write(frame(index / FPS, camera), seen)
    assert written.clips == [("desk", "happy", "")]
    assert written.times[0][0] == 0.0


def test_an_hour_is_the_longest_clip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moments, "LONGEST_SECONDS", 10.0)
    day = Day(HAPPY)
    day.show(25, showing("happy", kind="started"))
    assert [len(times) > 50 for times in day.written.times] == [True, True, False]
    every = [at for times in day.written.times for at in times]
    assert np.allclose(np.diff(every), 0.1)
    assert {*day.written.clips} == {("", "happy", "")}


def test_what_is_kept_before_a_moment_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moments, "RING_BYTES", 5_000)
    day = Day(MomentSettings({"happy"}, before=300.0, after=1.0))
    day.show(30)
    ring = day.output._cameras[""].ring
    assert 1 <= len(ring) < 30
    assert sum(len(kept.jpeg) for kept in ring) <= 5_000


def test_a_clock_that_falls_back_begins_anew() -> None:
    day = Day(HAPPY)
    day.show(5, showing("happy", kind="started"))
    day.at = 1.0
    day.show(5)
    assert len(day.written.times) == 1
    assert not day.written._open


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "clips"


def lines(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / INDEX).read_text().splitlines()]


@pytest.fixture
def output(folder: Path) -> Iterator[MomentsOutput]:
    pytest.importorskip("av")
    with ClipWriter(ClipFolder(folder, 1 << 30)) as writer:
        yield MomentsOutput(HAPPY, writer)


def film(output: MomentsOutput) -> None:
    for index in range(80):
        kind = {30: "changed", 40: "changed"}.get(index, "")
        label = "happy" if 30 <= index < 40 else "sad"
        output.write(frame(index / FPS, "door", 60 + index), showing(label, "anna", "door", kind))
    output.finish(Analysis())


def test_a_clip_plays_and_is_listed(folder: Path, output: MomentsOutput) -> None:
    import av

    film(output)
    output._writer.__exit__()
    (facts,) = lines(folder)
    assert (facts["camera"], facts["label"], facts["person"]) == ("door", "happy", "anna")
    assert facts["whole"] is True
    assert facts["seconds"] == pytest.approx(3.9, abs=0.01)
    name = str(facts["file"])
    assert name.endswith("-door-happy.mp4")
    assert str(facts["time"])[:19].replace("-", "").replace("T", "-").replace(":", "") in name
    with av.open(str(folder / name)) as container:
        shown = [picture.time for picture in container.decode(video=0)]
    assert len(shown) == 40
    assert shown[-1] == pytest.approx(3.9, abs=0.01)


@pytest.mark.parametrize("picture_seconds", [5.0, 1 / 240])
def test_a_clip_of_a_slow_or_fast_camera_that_changes_its_size_has_its_time(
    folder: Path, picture_seconds: float
) -> None:
    av = pytest.importorskip("av", reason="PyAV is not installed")
    count = round(60 / picture_seconds)
    with ClipWriter(ClipFolder(folder, 1 << 30)) as writer:
        output = MomentsOutput(MomentSettings({"happy"}, before=10.0, after=10.0), writer)
        for index in range(count):
            is_happy = 20 <= index * picture_seconds < 30
            was_happy = 20 <= (index - 1) * picture_seconds < 30
            label, kind = "happy" if is_happy else "sad", "changed" * (is_happy != was_happy)
            size = (48, 64) if index * picture_seconds < 25 else (24, 32)
            pixels = np.full((*size, 3), 90, np.uint8)
            at = index * picture_seconds
            output.write(Frame(pixels, index, at, "tap", WALL + at), showing(label, kind=kind))
        output.finish(Analysis())
    (facts,) = lines(folder)
    assert facts["seconds"] == pytest.approx(30.0, abs=picture_seconds + 0.1)
    with av.open(str(folder / str(facts["file"]))) as container:
        times = [picture.time for picture in container.decode(video=0)]
    assert times[-1] == pytest.approx(facts["seconds"], abs=0.01)
    assert np.diff(times) == pytest.approx(max(picture_seconds, 1 / FPS_OF_CLIPS), abs=0.01)


def test_a_full_disk_is_said_once_and_the_run_goes_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("av")

    monkeypatch.setattr(ClipWriter, "_video", _no_space)
    with caplog.at_level(logging.WARNING), ClipWriter(ClipFolder(folder, 1 << 30)) as writer:
        for _ in range(2):
            film(MomentsOutput(HAPPY, writer))
    assert caplog.text.count("a clip cannot be written") == 1
    assert writer.dropped == 80
    assert lines(folder) == []


def test_a_clip_whose_end_cannot_be_written_can_be_deleted(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("av")
    plain = VideoFile.close

    def close(video: VideoFile) -> None:
        plain(video)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(VideoFile, "close", close)
    held = ClipFolder(folder, 1 << 30)
    with ClipWriter(held) as writer:
        film(MomentsOutput(HAPPY, writer))
    (clip,) = held.clips()
    assert (clip.whole, clip.seconds) == (False, 0.0)  # the next start looks how long it plays
    assert not held.is_open(clip.file)
    held.remove(clip.file)
    assert held.clips() == []


def test_a_clip_that_a_full_disk_cut_off_can_be_deleted(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("av")
    plain, written = VideoFile.write, list[float]()

    def write(video: VideoFile, pixels: np.ndarray, at: float) -> None:
        written.append(at)
        if len(written) > 10:
            raise OSError(28, "No space left on device")
        plain(video, pixels, at)

    monkeypatch.setattr(VideoFile, "write", write)
    held = ClipFolder(folder, 1 << 30)
    with ClipWriter(held) as writer:
        output = MomentsOutput(HAPPY, writer)
        for index in range(100):
            seen = showing("happy", camera="door", kind="" if index else "started")
            output.write(frame(index / FPS, "door"), seen)
            if index == 20:
                wait_until(lambda: len(written) > 10)
                monkeypatch.setattr(ClipWriter, "_video", _no_space)
        output.finish(Analysis())
    (clip,) = held.clips()
    assert not clip.whole
    held.remove(clip.file)


def _no_space(*arguments: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_clip_goes_on_in_another_file_once_there_is_room(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("av")
    make, calls = ClipWriter._video, []

    def full_at_first(self: ClipWriter, path: Path, pixels: np.ndarray) -> object:
        calls.append(path)
        if len(calls) == 1:
            raise OSError(28, "No space left on device")
        return make(self, path, pixels)

    monkeypatch.setattr(ClipWriter, "_video", full_at_first)
    with ClipWriter(ClipFolder(folder, 1 << 30)) as writer:
        output = MomentsOutput(HAPPY, writer)
        for index in range(100):
            seen = showing("happy", camera="door", kind="" if index else "started")
            output.write(frame(index / FPS, "door"), seen)
        output.finish(Analysis())
    (facts,) = lines(folder)
    assert facts["whole"] is True
    assert facts["seconds"] == pytest.approx(4.9, abs=0.11)


def test_what_waits_for_the_encoder_is_bounded(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("av")
    monkeypatch.setattr(clip_writer, "MOST_WAITING_BYTES", 10_000)
    monkeypatch.setattr(clip_writer, "MOST_WAITING", 30)
    with ClipWriter(ClipFolder(folder, 1 << 30)) as writer:
        for size, fit in ((1000, 10), (1000, 10), (1, 30)):
            working = threading.Event()
            writer._work.put(lambda at=working: at.wait(10) and None)
            while writer._work.qsize():
                time.sleep(0.001)
            frames = [KeptFrame(index / FPS, None, bytes(size)) for index in range(40)]
            assert sum(writer.write("", each) for each in frames) == fit
            working.set()
            while writer._waiting_bytes:
                time.sleep(0.001)


def test_freed_memory_is_given_back_now_and_then(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("av")
    given: list[int] = []
    monkeypatch.setattr(clip_writer, "give_back_freed_memory", lambda: given.append(1))
    with ClipWriter(ClipFolder(folder, 1 << 30)) as writer:
        film(MomentsOutput(HAPPY, writer))
        assert given == []
        writer._tidied_at -= clip_writer.TIDY_SECONDS
        film(MomentsOutput(HAPPY, writer))
    assert given == [1]


def test_giving_freed_memory_back_harms_nothing() -> None:
    give_back_freed_memory()
    assert bytes(1 << 20).count(0) == 1 << 20
