"""Several cameras in one run: their settings, their frames, and what is told of each."""

import itertools
import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fer_core.errors import ArgumentError, FerError
from fer_core.values import Box, Face, Frame, Gap, Prediction
from fer_edge.faces.analysis import Analysis, StreamAnalyzer
from fer_edge.faces.cameras import CamerasAnalyzer
from fer_edge.faces.events import ExpressionEvent
from fer_edge.inference.models import ModelFacts
from fer_edge.outputs import Output
from fer_edge.outputs.line_file import LineFile
from fer_edge.outputs.lines import ConsoleOutput, EventOutput
from fer_edge.outputs.load import LoadOutput
from fer_edge.outputs.of_camera import OfCamera, path_of_camera
from fer_edge.outputs.stamp import Stamp
from fer_edge.outputs.watchdog import WatchdogOutput
from fer_edge.page.metrics import metrics_text
from fer_edge.page.view import LiveView
from fer_edge.session.config import EdgeConfig
from fer_edge.session.options import RunOptions, read_options
from fer_edge.sources.live import CameraSource
from fer_edge.sources.rotation import RotatedSource, Turn
from fer_edge.sources.several import SeveralCameras
from fer_edge.sources.shared import Shared
from served_page import Served

GO = threading.Event()


def given(**settings: object) -> dict[str, object]:
    """Return the options of a command line of which the others were not given."""
    return {"config": None, "pictures": None, "video": None, "quiet": None, **settings}


def options(tmp_path: Path, text: str) -> RunOptions:
    """Return what a settings file asks for."""
    file = tmp_path / "fer-edge.toml"
    file.write_text(text)
    file.chmod(0o600)
    return read_options(given(config=file))


def test_cameras_have_names_on_the_command_line() -> None:
    config = read_options(given(camera=["door=0", "desk=rtsp://cam.local/a=b"], rotate=90)).settings
    named = {name: (own.camera, own.rotate) for name, own in config.cameras.items()}
    assert named == {"door": ("0", 90), "desk": ("rtsp://cam.local/a=b", 90)}


def test_one_camera_may_have_a_name_and_needs_none() -> None:
    assert {*EdgeConfig(camera="0").cameras} == {""}
    assert EdgeConfig(camera="http://cam.local/?a=b").cameras[""].camera == "http://cam.local/?a=b"
    assert EdgeConfig(camera="door=0").cameras["door"].camera == "0"


def test_each_camera_of_a_file_may_differ(tmp_path: Path) -> None:
    config = options(
        tmp_path,
        """
        min_face = 60
        [[camera]]
        name = "door"
        source = "0"
        size = "1280x720"
        rotate = 180
        [[camera]]
        name = "desk"
        source = "1"
        min_face = 24
        fps = 5
        """,
    ).settings
    door, desk = config.cameras.values()
    assert (door.camera, door.size_px, door.rotate, door.min_face) == ("0", (1280, 720), 180, 60)
    assert (desk.camera, desk.size_px, desk.rotate, desk.min_face, desk.fps) == (
        *("1", None, 0, 24),
        5,
    )


def test_cameras_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FER_EDGE_CAMERA", "door=rtsp://a:b@cam.local/ desk=1")
    assert [*read_options(given()).settings.cameras] == ["door", "desk"]


@pytest.mark.parametrize(
    ("cameras", "why"),
    [
        (["0", "1"], "several cameras need a name each"),
        (["door=0", "door=1"], "two cameras are called door"),
        (["door=0", "Door=1"], "two cameras are called Door: capitals do not count"),
        (["door=0", "desk=0"], "door and desk are one camera"),
        ("door=desk=0", "camera door has another name in its source$"),
        (["door=0", "desk=sofa"], "no camera 'sofa'"),
        ([f"c{n}={n}" for n in range(17)], "at most 16 cameras, got 17"),
    ],
)
def test_cameras_that_cannot_be_told_apart_are_refused(cameras: list[str], why: str) -> None:
    with pytest.raises(ArgumentError, match=why):
        read_options(given(camera=cameras))


@pytest.mark.parametrize(
    ("cameras", "why"),
    [
        ("door=0 door=1", "FER_EDGE_CAMERA: two cameras are called door"),
        ("door=0 desk=0", "FER_EDGE_CAMERA: door and desk are one camera"),
        ("door=desk=rtsp://a:secret@cam/", "FER_EDGE_CAMERA: camera door has another name in"),
        (" ".join(f"c{n}={n}" for n in range(17)), "FER_EDGE_CAMERA: at most 16 cameras, got 17"),
    ],
)
def test_wrong_cameras_of_the_environment_are_refused(
    cameras: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FER_EDGE_CAMERA", cameras)
    with pytest.raises(ArgumentError, match=why) as refusal:
        read_options(given())
    assert "secret" not in str(refusal.value)
    assert read_options(given(pictures=["a.png"])).pictures == (Path("a.png"),)


def test_a_mask_is_of_a_camera_that_is_watched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "fer-edge.toml"
    file.write_text('[[mask]]\ncamera = "door"\npoints = [[0, 0], [1, 0], [1, 1]]\n')
    assert read_options(given(config=file, demo=True)).settings.masks == {}
    assert read_options(given(config=file, pictures=["a.png"])).settings.masks == {}
    monkeypatch.setenv("FER_EDGE_CAMERA", "door=0 desk=1")
    assert {*read_options(given(config=file)).settings.masks} == {"door"}
    monkeypatch.setenv("FER_EDGE_CAMERA", "desk=1")
    with pytest.raises(ArgumentError, match=r"FER_EDGE_CAMERA: .* names a camera 'door' that is"):
        read_options(given(config=file))
    with pytest.raises(ArgumentError, match="names a camera 'door' that is not there"):
        read_options(given(config=file, camera=["0"]))  # or its mask would be forgotten


def test_the_detector_of_one_camera_lies_beside_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fer_edge.session.options.require_detector", lambda name: None)
    (tmp_path / "own.onnx").touch()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    text = '[[camera]]\nname = "door"\nsource = "0"\ndetector = "own.onnx"\n'
    text += '[[camera]]\nname = "desk"\nsource = "1"\n'
    door, desk = options(tmp_path, text).settings.cameras.values()
    assert (door.detector, desk.detector) == (str(tmp_path / "own.onnx"), "haar")


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ('name = "door"', r"each \[\[camera\]\] needs its source"),
        ('source = "0"', r"each \[\[camera\]\] needs a name"),
        ('name = "a b"\nsource = "0"', r"each \[\[camera\]\] needs a name"),
        ('name = "door"\nsource = "0"\nrotat = 90', r"door has an unknown key 'rotat'"),
        ('name = "door"\nsource = "0"\nrotate = 45', "rotate must be one of"),
        ('name = "door"\nsource = "0"\nfps = "5"', "door: fps must be int or float, got '5'"),
    ],
)
def test_a_wrong_table_is_refused(tmp_path: Path, lines: str, why: str) -> None:
    with pytest.raises(FerError, match=why):
        options(tmp_path, f"[[camera]]\n{lines}\n")


def test_a_password_of_one_of_several_must_be_ours_alone(tmp_path: Path) -> None:
    file = tmp_path / "fer-edge.toml"
    file.write_text('camera = ["door=0", "desk=rtsp://a:secret@cam.local/"]\n')
    file.chmod(0o644)
    with pytest.raises(FerError, match="holds the setting camera and other users") as refusal:
        read_options(given(config=file))
    assert "secret" not in str(refusal.value)


class Tap:
    """A camera whose pictures are given by hand."""

    def __init__(self) -> None:
        self.value: int | None = 0
        self._given, self._taken = threading.Semaphore(0), threading.Semaphore(0)

    def give(self, value: int | None) -> None:
        """Let the camera have a picture of this gray; none for one that gives no picture."""
        self.value = value
        self._given.release()
        assert self._taken.acquire(timeout=10)

    def read(self) -> np.ndarray | None:
        if not self._given.acquire(timeout=0.2):
            return None
        value = self.value
        self._taken.release()
        return None if value is None else np.full((4, 4, 3), value, np.uint8)

    def close(self) -> None:
        """Nothing to give back."""


class Taps:
    """Cameras by name, as one source."""

    def __init__(self, *names: str) -> None:
        self.of = {name: Tap() for name in names}

        def opener(name: str) -> Callable[[Shared], CameraSource]:
            def opened(shared: Shared) -> CameraSource:
                return CameraSource(
                    lambda: self.of[name], f"tap {name}", shared=shared, retry_seconds=(0.01,)
                )

            return opened

        self.source = SeveralCameras({name: opener(name) for name in names})
        self.frames = self.source.frames(GO)

    def give(self, name: str, value: int) -> None:
        """Give a camera a picture and wait until its thread has put it."""
        camera = self.source.cameras[name]
        before = camera.captured
        self.of[name].give(value)
        deadline = threading.Event()
        while camera.captured == before:
            deadline.wait(0.001)

    def next_frames(self, count: int) -> list[tuple[str, int]]:
        """Return camera and gray of the next frames; gaps are left out."""
        found: list[tuple[str, int]] = []
        while len(found) < count:
            taken = next(self.frames)
            if isinstance(taken, Frame):
                found.append((taken.camera, int(taken.pixels[0, 0, 0])))
        return found


def test_every_camera_gets_its_turn_with_its_newest_frame() -> None:
    taps = Taps("door", "desk", "yard")
    try:
        for value in (1, 2, 3):
            taps.give("door", value)
        taps.give("desk", 4)
        taps.give("yard", 5)
        assert taps.next_frames(3) == [("door", 3), ("desk", 4), ("yard", 5)]
        taps.give("door", 6)
        assert taps.next_frames(1) == [("door", 6)]
        assert taps.source.cameras["door"].dropped == 2
    finally:
        taps.source.close()


def test_a_fast_camera_does_not_starve_the_others() -> None:
    taps = Taps("fast", "slow")
    try:
        taps.give("slow", 1)
        taps.give("fast", 2)
        seen = taps.next_frames(1)
        taps.give("fast", 3)  # before the slow one had its turn
        assert [*seen, *taps.next_frames(1)] == [("fast", 2), ("slow", 1)]
        assert taps.next_frames(1) == [("fast", 3)]
    finally:
        taps.source.close()


def test_a_camera_without_pictures_gives_gaps_while_the_other_goes_on() -> None:
    taps = Taps("door", "desk")
    try:
        gaps: list[str] = []
        while not gaps:
            taps.give("desk", 1)
            gaps = [taken.camera for _ in range(2) if isinstance(taken := next(taps.frames), Gap)]
            taps.of["desk"].value = 2
            taps.source.cameras["desk"]._told_at += 60  # its own silence is another test's
        assert gaps == ["door"]
    finally:
        taps.source.close()


def test_a_camera_that_fails_for_good_is_told_once_and_the_others_go_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    taps = Taps("door", "desk")
    try:
        taps.source.cameras["door"]._failure = RuntimeError("broken driver")
        taps.give("desk", 1)
        with caplog.at_level(logging.WARNING):
            assert taps.next_frames(1) == [("desk", 1)]
            taps.give("desk", 2)
            assert taps.next_frames(1) == [("desk", 2)]
        assert caplog.text.count("broken driver") == 1
        taps.source.cameras["desk"]._failure = RuntimeError("this one, too")
        with pytest.raises(FerError, match="this one, too"):
            taps.next_frames(1)
    finally:
        taps.source.close()


def test_a_failed_camera_that_delivers_again_is_stopped_and_keeps_nobody_awake(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taps = Taps("door", "desk")
    try:
        door = taps.source.cameras["door"]
        door._failure = FerError("the driver hangs")
        taps.give("desk", 1)
        assert taps.next_frames(1) == [("desk", 1)]
        taps.of["door"]._given.release()  # its driver answers again
        door._thread.join(10)
        assert (door._thread.is_alive(), door.captured) == (False, 0)
        door._put(np.zeros((4, 4, 3), np.uint8))  # a picture that was on its way
        passes, taken = itertools.count(), taps.source._taken
        monkeypatch.setattr(taps.source, "_taken", lambda name: (next(passes), taken(name))[1])
        assert isinstance(next(taps.frames), Gap)
        assert next(passes) < 50  # two cameras, a pass each 0.1 s, a gap after 1 s
    finally:
        taps.source.close()


def test_no_camera_waits_for_another_to_close(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow:
        def read(self) -> np.ndarray | None:
            return np.zeros((4, 4, 3), np.uint8)

        def close(self) -> None:
            time.sleep(3)

    def opened(name: str) -> Callable[[Shared], CameraSource]:
        return lambda shared: CameraSource(Slow, name, shared=shared)

    monkeypatch.setattr("fer_edge.sources.several.CLOSE_SECONDS", 1.0)
    several = SeveralCameras({name: opened(name) for name in ("a", "b", "c")})
    began = time.monotonic()
    several.close()
    assert time.monotonic() - began < 2.5


def test_a_camera_that_does_not_open_gives_the_others_back() -> None:
    closed: list[str] = []

    def opened(shared: Shared) -> CameraSource:
        camera = CameraSource(Tap, "tap", shared=shared)
        close = camera.close
        camera.close = lambda within=1: (closed.append(shared.camera), close())  # type: ignore[method-assign]
        return camera

    def missing(shared: Shared) -> CameraSource:
        raise FerError("there is no camera 9")

    with pytest.raises(FerError, match="no camera 9"):
        SeveralCameras({"door": opened, "desk": missing})
    assert closed == ["door"]


def test_each_camera_is_turned_by_itself() -> None:
    class Two:
        def frames(self, stop: threading.Event) -> list[Frame]:
            pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
            return [Frame(pixels, 0, 0.0, camera=camera) for camera in ("door", "desk")]

        def close(self) -> None:
            """Nothing to close."""

    turns = {"door": Turn(90), "desk": Turn()}
    door, desk = RotatedSource(Two(), turns).frames(GO)
    assert isinstance(door, Frame)
    assert isinstance(desk, Frame)
    assert (door.width, desk.width) == (2, 4)


class Everywhere:
    """A detector that finds one face in every frame, and what classifies it."""

    def detect(self, frame: Frame, known: object = ()) -> tuple[Face, ...]:
        return (Face(Box(4, 4, 24, 24), 1.0),)

    def classify(self, frame: Frame, faces: list[Face]) -> tuple[Prediction, ...]:
        return tuple(Prediction(np.array([0.9, 0.1], np.float32), ("happy", "sad")) for _ in faces)


def frame(camera: str, index: int, at: float) -> Frame:
    return Frame(np.zeros((32, 32, 3), np.uint8), index, at, f"tap {camera}", 1e9 + at, 1, camera)


def analyzer() -> CamerasAnalyzer:
    ids, found = itertools.count(1), Everywhere()
    cameras = ("door", "desk")
    return CamerasAnalyzer({name: StreamAnalyzer(found, found, ids=ids) for name in cameras})


def test_no_two_faces_share_an_id_and_each_event_names_its_camera() -> None:
    cameras, events = analyzer(), []
    for index in range(6):
        for camera in ("door", "desk"):
            events += cameras.analyze(frame(camera, index, index / 10)).events
    started = {event.camera: event.track_id for event in events if event.kind == "started"}
    assert sorted(started) == ["desk", "door"]
    assert started["door"] != started["desk"]
    gone = cameras.idle(Gap(60.0, camera="door")).events
    assert [(event.kind, event.camera) for event in gone] == [("ended", "door")]
    assert [(event.kind, event.camera) for event in cameras.finish().events] == [("ended", "desk")]


def test_with_other_labels_the_faces_of_every_camera_end() -> None:
    cameras = analyzer()
    for index in range(4):
        for camera in ("door", "desk"):
            cameras.analyze(frame(camera, index, index / 10))
    ended = cameras.relabel()
    assert [(event.kind, event.camera) for event in ended] == [("ended", "door"), ("ended", "desk")]


def test_lines_name_the_camera_and_its_source(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    event = ExpressionEvent("started", 7, "happy", 0.9, 2.0, camera="desk")
    with LineFile(str(tmp_path / "events.jsonl")) as lines:
        output = EventOutput(lines, Stamp("pi"))
        output.write(frame("desk", 0, 1.0), Analysis())
        output.write(frame("door", 0, 1.5), Analysis(events=(event,)))
    told = json.loads((tmp_path / "events.jsonl").read_text())
    assert (told["camera"], told["source"], told["track_id"]) == ("desk", "tap desk", 7)
    ConsoleOutput(LineFile("-")).finish(Analysis(events=(event,)))
    assert capsys.readouterr().out.strip() == "2.00 s  desk: face 7: happy 90%"


class Kept(Output):
    """Keeps the cameras of what it is handed."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def write(self, frame: Frame, seen: Analysis) -> None:
        self.seen.append(frame.camera)

    def idle(self, gap: Gap, seen: Analysis) -> None:
        self.seen.append(f"no {gap.camera}")


def test_each_camera_is_saved_to_a_place_of_its_own() -> None:
    kept = Kept()
    output = OfCamera("door", kept)
    for camera in ("door", "desk"):
        output.write(frame(camera, 0, 0.0), Analysis())
        output.idle(Gap(0.0, camera=camera), Analysis())
    assert kept.seen == ["door", "no door"]
    assert path_of_camera(Path("a/seen.mp4"), "door") == Path("a/seen-door.mp4")
    assert path_of_camera(Path("a/seen"), "door") == Path("a/seen/door")
    assert path_of_camera(Path("a/seen.mp4"), "") == Path("a/seen.mp4")


def test_each_camera_is_saved_into_a_folder_with_a_dot_in_its_name(tmp_path: Path) -> None:
    (tmp_path / "d.1").mkdir()
    assert path_of_camera(tmp_path / "d.1", "door") == tmp_path / "d.1" / "door"
    (tmp_path / "seen.mp4").mkdir()  # still a video, as for one camera
    assert path_of_camera(tmp_path / "seen.mp4", "door") == tmp_path / "seen-door.mp4"


def test_too_many_cameras_are_told_once_and_that_all_is_well_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    counts = {"door": (0, 0), "desk": (0, 0)}
    output = LoadOutput(lambda: dict(counts))
    came = dropped = 0
    with caplog.at_level(logging.WARNING):
        for number, lost in enumerate([0, 60, 0, 60, 60, 60, 60, 0, 0, 60, 0, 0, 0, 0], 1):
            came, dropped = came + 150, dropped + lost
            counts |= {"door": (came, dropped), "desk": (came, 0)}
            output.write(frame("door", 0, 10.0 * number), Analysis())
    first, second = (record.getMessage() for record in caplog.records)
    assert "cannot look at every picture of its cameras (door 60%, desk 100%)" in first
    assert second == "this computer looks at every picture of its cameras again"


def test_a_camera_that_is_asked_anew_is_a_sign_of_life_beside_one_that_hangs() -> None:
    said: list[str] = []
    watchdog = WatchdogOutput(notify=lambda words: bool(said.append(words)) or True)
    watchdog.idle(Gap(1.0, 9, camera="door"), Analysis())
    said.clear()
    watchdog._beat_at = float("-inf")
    watchdog.idle(Gap(2.0, 9, camera="door"), Analysis())
    assert said == []
    watchdog.idle(Gap(2.0, 1, camera="desk"), Analysis())
    assert said == ["WATCHDOG=1"]


@pytest.fixture
def view() -> LiveView:
    now = [0.0]
    view = LiveView(("door", "desk"), clock=lambda: now[0])
    view.write(frame("door", 0, 0.0), Analysis())
    now[0] = 20.0
    view.write(frame("desk", 0, 20.0), Analysis())
    return view


def test_the_metrics_tell_the_cameras_apart(view: LiveView) -> None:
    counters = {"frames_dropped": {"door": 3, "desk": 0}, "mqtt_dropped": {"": 1}}
    text = metrics_text(view, counters, ModelFacts("test", "ab" * 32, ("happy",)))
    assert 'fer_edge_camera_up{camera="door"} 0' in text
    assert 'fer_edge_camera_up{camera="desk"} 1' in text
    assert 'fer_edge_silent_seconds{camera="door"} 20.0' in text
    assert 'fer_edge_silent_seconds{camera="desk"} 0.0' in text
    assert 'fer_edge_frames_dropped_total{camera="door"} 3' in text
    assert "fer_edge_mqtt_dropped_total 1" in text


def test_one_camera_that_is_away_is_told_and_makes_the_run_no_ill_one(view: LiveView) -> None:
    served = Served(view=view)
    with served.server:
        answer = served.ask("/healthz")
        assert answer.status == 200
        assert answer.read().decode().splitlines()[:2] == [
            "camera door: no frame for 20 s",
            "camera desk: ok",
        ]
        assert served.ask("/video?camera=sofa").status == 404
        states = json.loads(served.ask("/events").readline().removeprefix(b"data: "))["cameras"]
        assert [(each["camera"], each["ill"]) for each in states] == [
            ("door", True),
            ("desk", False),
        ]


def test_a_viewer_of_one_camera_gets_that_ones_pictures(view: LiveView) -> None:
    with view.watched(camera="door"):
        door = frame("door", 1, 21.0)
        view.write(door, Analysis())
        view.write(replace(door, camera="desk"), Analysis())
        assert view.next_jpeg(0, 1.0, "door") is not None
        assert view.next_jpeg(0, 0.01, "desk") is None  # nobody looks: it keeps no pixels
