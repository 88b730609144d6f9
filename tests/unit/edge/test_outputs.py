import errno
import io
import json
import os
import sys
import threading
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_core.errors import FerError
from fer_core.values import Box, Face, Frame, Gap, Observation, Prediction
from fer_edge.faces.analysis import Analysis
from fer_edge.faces.events import ExpressionEvent
from fer_edge.outputs import recording, window
from fer_edge.outputs.heat import HeatOutput
from fer_edge.outputs.line_file import LineFile
from fer_edge.outputs.lines import ConsoleOutput, EventOutput, JsonOutput
from fer_edge.outputs.overlay import colour_of, draw_observations
from fer_edge.outputs.plot import draw_plot
from fer_edge.outputs.recording import BestPicture, PictureRecorder, make_recorder
from fer_edge.outputs.stamp import Stamp
from fer_edge.outputs.window import display_problem
from fer_edge.session.config import EdgeConfig
from fer_edge.session.models import make_model
from fer_edge.session.options import RunOptions
from fer_edge.session.outputs import make_outputs
from fer_edge.session.run import Run
from fer_edge.session.sources import LIVE
from fer_edge.sources.demo import DemoSource
from fer_edge.stages import StageTimes

LABELS = ("calm", "glad")
BOX = Box(40, 30, 50, 50)


def frame_of(index: int = 0, source: str = "clip.mp4") -> Frame:
    return Frame(np.full((120, 160, 3), 90, np.uint8), index, index / 10, source)


def seen(share: float = 0.75, track_id: int | None = 1, box: Box = BOX) -> Observation:
    prediction = Prediction(np.array([1 - share, share], np.float32), LABELS)
    return Observation(2, 0.2, Face(box, 3.0), prediction, track_id)


def test_an_observation_is_the_promised_json_line(tmp_path: Path) -> None:
    path = tmp_path / "seen.jsonl"
    with LineFile(str(path)) as lines:
        JsonOutput(lines, Stamp("desk")).write(frame_of(2), Analysis([seen(), seen(0.25)]))
        first, second = (json.loads(line) for line in path.read_text().splitlines())
    assert first == {
        "source": "clip.mp4",
        "device": "desk",
        "frame": 2,
        "time_s": 0.2,
        "track": 1,
        "box": [40, 30, 50, 50],
        "roll_degrees": 0.0,
        "label": "glad",
        "confidence": 0.75,
        "probabilities": {"calm": 0.25, "glad": 0.75},
    }
    assert second["label"] == "calm"


def test_a_plot_shows_the_picture_and_a_bar_for_every_label() -> None:
    plain = draw_plot(frame_of(), [])
    one = draw_plot(frame_of(), [seen(0.75)])
    assert one.shape == plain.shape == (720, 960 + 460, 3)
    bars = one[:, 960 + 150 : -80].reshape(-1, 3)
    coloured = (bars == np.array(colour_of("glad"), np.uint8)).all(axis=1).sum()
    assert coloured > 0
    longer = draw_plot(frame_of(), [seen(0.99)])
    assert (longer != one).any()


def test_a_plot_of_many_faces_shows_the_first_six() -> None:
    boxes = [Box(10 * i, 20, 30, 30) for i in range(8)]
    many = draw_plot(frame_of(), [seen(box=box) for box in boxes])
    assert many.shape == (990, 960 + 2 * 460, 3)


def test_events_and_console_tell_what_changed(capsys: pytest.CaptureFixture[str]) -> None:
    events = [ExpressionEvent("started", 1, "glad", 0.9, 0.5)]
    EventOutput(LineFile("-"), Stamp("desk")).write(frame_of(), Analysis((), events))
    ConsoleOutput(LineFile("-")).write(
        frame_of(source="a.jpg"), Analysis([seen(track_id=None)], events)
    )
    ConsoleOutput(LineFile("-")).finish(
        Analysis(events=[ExpressionEvent("ended", 1, "glad", 0.9, 2.0)])
    )
    out = capsys.readouterr().out.splitlines()
    assert json.loads(out[0])["kind"] == "started"
    assert (json.loads(out[0])["source"], json.loads(out[0])["device"]) == ("clip.mp4", "desk")
    assert out[1].strip() == "0.50 s  face 1: glad 90%"
    assert out[2] == "a.jpg: face of 50x50 at 40,30: glad 75%, calm 25%"
    assert out[3].strip() == "2.00 s  face 1: left"


def test_a_line_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(FerError, match="no such folder"):
        LineFile(str(tmp_path / "absent" / "a.jsonl"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_a_full_disk_is_said() -> None:
    with pytest.raises(FerError, match="No space left"), LineFile("/dev/full") as lines:
        lines.write("x")


def test_a_full_stdout_does_not_end_a_live_run(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Full(io.StringIO):
        def flush(self) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

    options = RunOptions(EdgeConfig(camera="0", show=False))
    source, stop, times = DemoSource(), threading.Event(), StageTimes()
    with ExitStack() as stack:
        model = make_model(options, LIVE, stack, times)
        run = Run(options, LIVE, source, model, Stamp("desk"), stop, stack, times)
        (console,) = (each for each in make_outputs(run) if isinstance(each, ConsoleOutput))
    monkeypatch.setattr("sys.stdout", Full())
    for _ in range(3):
        console.write(frame_of(), Analysis(events=(ExpressionEvent("started", 1, "glad", 1, 0),)))
    (warning,) = [record.getMessage() for record in caplog.records]
    assert warning == "cannot write to stdout: No space left on device; lines are dropped"


def test_a_live_line_file_goes_on_when_the_disk_is_full(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Disk(io.FileIO):
        room = 1000

        def write(self, text: bytes) -> int:  # type: ignore[override]
            if not self.room:
                raise OSError(errno.ENOSPC, "No space left on device")
            taken = super().write(text[: self.room])
            Disk.room -= taken
            return taken

    path = tmp_path / "seen.jsonl"
    path.write_text("from before\n")
    with LineFile(str(path), keep_going=True) as lines:
        lines._file.close()
        lines._file = Disk(path, "ab")
        lines.write("first")
        Disk.room = 3
        for line in ("torn line", "lost", "lost too"):
            lines.write(line)
        Disk.room = 1000
        lines.write("last")
    assert path.read_text() == "from before\nfirst\ntor\nlast\n"
    assert lines.dropped == 3
    assert caplog.text.count("No space left on device; lines are dropped") == 1
    assert caplog.text.count("again; 3 lines were dropped") == 1


def test_pictures_are_named_after_their_source(tmp_path: Path) -> None:
    recorder = PictureRecorder(tmp_path / "pictures", stream=False)
    recorder.write(frame_of(source="a.png"), Analysis([seen(track_id=None)]))
    recorder.write(frame_of(1, source="a.jpg"), Analysis())
    names = sorted(path.name for path in (tmp_path / "pictures").iterdir())
    assert names == ["a-000001-seen.jpg", "a-seen.jpg"]
    recorder = PictureRecorder(tmp_path / "frames", stream=True)
    recorder.write(frame_of(7, "http://cam/video?x=1"), Analysis([seen()]))
    recorder.write(frame_of(8, "http://cam/video?x=1"), Analysis())
    names = sorted(path.name for path in (tmp_path / "frames").iterdir())
    assert names == ["video_x_1-000007-seen.jpg", "video_x_1-000008-seen.jpg"]


def test_pictures_whose_names_differ_in_capitals_alone_are_two_files(tmp_path: Path) -> None:
    """On Windows and macOS the second would replace the first."""
    recorder = PictureRecorder(tmp_path, stream=False)
    for index, source in enumerate(("day1/IMG.JPG", "day2/img.jpg")):
        recorder.write(frame_of(index, source), Analysis())
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["IMG-seen.jpg", "img-000001-seen.jpg"]


def test_no_run_of_a_camera_overwrites_the_pictures_of_another(tmp_path: Path) -> None:
    at = datetime(2026, 11, 26, 19, 57, 42, 250_000).timestamp()
    for wall in (at, at + 60, at):  # the last one after the clock was set back
        recorder = PictureRecorder(tmp_path, stream=True, live=True)  # a run each, from frame 0
        recorder.write(replace(frame_of(0, "camera 0"), wall_clock=wall), Analysis())
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "camera_0-20261126-195742-250-2-seen.jpg",
        "camera_0-20261126-195742-250-seen.jpg",
        "camera_0-20261126-195842-250-seen.jpg",
    ]
    assert not recorder._names  # weeks of names take memory


def test_a_full_disk_ends_no_live_run_that_saves_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    disk = {"full": True}

    def write(path: Path, content: bytes, sync: bool) -> None:
        if disk["full"]:
            raise FerError(f"cannot write {path}: No space left on device")
        path.write_bytes(content)

    monkeypatch.setattr(recording, "write_bytes", write)
    live, file = (PictureRecorder(tmp_path, stream=True, live=live) for live in (True, False))
    for disk["full"] in (True, True, False):
        live.write(replace(frame_of(), wall_clock=0.0), Analysis())
    assert (live.dropped, len(list(tmp_path.iterdir()))) == (2, 1)
    assert caplog.text.count("No space left on device; pictures are dropped") == 1
    assert caplog.text.count("again; 2 were dropped") == 1
    disk["full"] = True
    with pytest.raises(FerError, match="No space"):
        file.write(frame_of(), Analysis())


def test_the_best_picture_is_the_surest(tmp_path: Path) -> None:
    best = BestPicture(tmp_path / "best.png")
    for share in (0.6, 0.9, 0.7):
        best.write(frame_of(), Analysis([seen(share)]))
    best.finish(Analysis())
    expected = draw_observations(frame_of(), [seen(0.9)])
    assert np.array_equal(cv2.imread(str(tmp_path / "best.png")), expected)


def test_a_best_picture_without_its_folder_is_refused_before_the_run(tmp_path: Path) -> None:
    with pytest.raises(FerError, match=r"cannot write .*x.jpg: there is no folder .*nowhere"):
        make_recorder(tmp_path / "nowhere" / "x.jpg", 25)


def test_the_suffix_decides_what_is_saved(tmp_path: Path) -> None:
    assert isinstance(make_recorder(tmp_path / "a.jpg", 25), BestPicture)
    assert isinstance(make_recorder(tmp_path / "folder", 25), PictureRecorder)
    with pytest.raises(FerError, match="give a folder, or a name that ends in"):
        make_recorder(tmp_path / "a.gif", 25)


@pytest.mark.parametrize("box", [Box(0, 0, 30, 30), Box(130, 90, 60, 60), Box(-10, 100, 40, 40)])
def test_drawing_stays_inside_and_leaves_the_frame_alone(box: Box) -> None:
    frame = frame_of()
    drawn = draw_observations(frame, [seen(box=box)])
    assert drawn.shape == frame.pixels.shape
    assert (frame.pixels == 90).all()
    assert (drawn != 90).any()


def test_why_no_window_can_be_shown_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window.sys, "platform", "linux")
    monkeypatch.setattr(window.cv2, "getBuildInformation", lambda: "  GUI:      NONE\n")
    assert "no windows" in display_problem({"DISPLAY": ":0"})
    monkeypatch.setattr(window.cv2, "getBuildInformation", lambda: "  GUI:      QT5\n")
    assert "no display" in display_problem({})
    assert display_problem({"DISPLAY": ":0"}) is None
    monkeypatch.setattr(window.sys, "platform", "darwin")
    assert display_problem({}) is None


class FakeScreen:
    """The window functions of OpenCV: which key comes, and whether the window is still open."""

    def __init__(self, patch: pytest.MonkeyPatch, key: int, still_open: bool) -> None:
        self.shown: list[np.ndarray] = []
        self.waits: list[int] = []
        self.closed = False
        patch.setattr(window, "display_problem", lambda: None)
        patch.setattr(window.cv2, "imshow", lambda title, pixels: self.shown.append(pixels))
        patch.setattr(window.cv2, "waitKey", lambda ms: self.waits.append(ms) or key)
        patch.setattr(window.cv2, "getWindowProperty", lambda *_: float(still_open))
        patch.setattr(window.cv2, "destroyAllWindows", lambda: setattr(self, "closed", True))


@pytest.mark.parametrize(
    ("key", "still_open", "stops"),
    [(-1, True, False), (ord("q"), True, True), (27, True, True), (-1, False, True)],
)
def test_q_escape_and_closing_the_window_stop(
    monkeypatch: pytest.MonkeyPatch, key: int, still_open: bool, stops: bool
) -> None:
    screen = FakeScreen(monkeypatch, key, still_open)
    stop = threading.Event()
    with window.WindowOutput(stop) as output:
        output.write(frame_of(), Analysis([seen()]))
    assert (len(screen.shown), screen.waits, stop.is_set()) == (1, [1], stops)
    assert screen.closed


@pytest.mark.parametrize(("gui", "told"), [("GTK3", "AUTOSIZE"), ("QT5", "VISIBLE")])
@pytest.mark.parametrize("is_open", [True, False])
def test_the_window_is_asked_what_its_toolkit_tells(
    monkeypatch: pytest.MonkeyPatch, gui: str, told: str, is_open: bool
) -> None:
    """With GTK, OpenCV knows no visibility: -1 for a window that is open."""
    FakeScreen(monkeypatch, -1, True)
    values = {getattr(cv2, f"WND_PROP_{told}"): 1.0 if is_open else -1.0}
    monkeypatch.setattr(window.cv2, "getBuildInformation", lambda: f"  GUI:      {gui}\n")
    monkeypatch.setattr(window.cv2, "getWindowProperty", lambda _, asked: values.get(asked, -1.0))
    stop = threading.Event()
    window.WindowOutput(stop).write(frame_of(), Analysis())
    assert stop.is_set() != is_open


def test_the_window_ends_a_run_without_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    screen, stop = FakeScreen(monkeypatch, -1, True), threading.Event()
    output = window.WindowOutput(stop)
    output.idle(Gap(1.0), Analysis())
    assert screen.waits == []  # no window is open yet
    output.write(frame_of(), Analysis())
    output.idle(Gap(2.0), Analysis())
    assert (screen.waits, stop.is_set()) == ([1, 1], False)
    FakeScreen(monkeypatch, ord("q"), True)
    output.idle(Gap(3.0), Analysis())
    assert stop.is_set()


def test_a_picture_stays_until_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = FakeScreen(monkeypatch, ord("n"), True)
    window.WindowOutput(threading.Event(), live=False).write(frame_of(), Analysis())
    assert screen.waits == [50]


def test_a_board_that_is_slowed_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    answers = ["", "under-voltage", "under-voltage", "throttled", None, ""]
    asked: list[float] = []

    def ask() -> str | None:
        asked.append(now)
        return answers[len(asked) - 1]

    output = HeatOutput(ask, every_seconds=10.0)
    with caplog.at_level("WARNING"):
        for now in np.arange(0, 60, 2.5):
            output.write(replace(frame_of(), captured_at=now), Analysis())
            assert output.slowed or now not in (40, 45)  # no answer is no change
        output.finish(Analysis())
    assert asked == [0, 10, 20, 30, 40, 50]
    said = [record.getMessage().partition(";")[0] for record in caplog.records]
    assert said == [
        "the board is slowed: under-voltage",
        "the board is slowed: throttled",
        "the board is no longer slowed",
    ]


@pytest.mark.parametrize(
    ("left", "kept"),
    [
        (b'{"a": 1}\n' + bytes(300), b'{"a": 1}\n'),
        (b'{"a": 1}\n{"b":' + bytes(200_000), b'{"a": 1}\n{"b":\n'),
        (bytes(70_000), b""),
        (b"", b""),
        (b'{"a": 1}\n', b'{"a": 1}\n'),
    ],
)
def test_zeros_that_a_power_cut_left_do_not_come_before_new_lines(
    tmp_path: Path, left: bytes, kept: bytes
) -> None:
    """So ext4 left an event file after a cut: it had grown, but its new lines were not there."""
    file = tmp_path / "events.jsonl"
    file.write_bytes(left)
    with LineFile(str(file), keep_going=True) as lines:
        lines.write("new")
    assert file.read_bytes() == kept + b"new\n"


class GoneReader(io.StringIO):
    """A stdout whose reader is away, as Windows tells it."""

    def flush(self) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")


def test_on_windows_too_a_reader_that_goes_away_ends_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = LineFile("-", keep_going=True)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", GoneReader())
        lines.write("elsewhere EINVAL is any fault")
        assert lines.dropped == 1
        patch.setattr(sys, "platform", "win32")
        with pytest.raises(BrokenPipeError):
            lines.write("nobody reads it")


@pytest.mark.skipif(os.name == "nt", reason="Windows renames no open file")
def test_lines_after_a_rotation_are_in_a_new_file(tmp_path: Path) -> None:
    """As logrotate does it: the file is renamed, and perhaps another one made in its place."""
    file, first, second = (tmp_path / name for name in ("a.jsonl", "a.jsonl.2", "a.jsonl.1"))
    with LineFile(str(file), keep_going=True) as lines:
        lines.write("one")
        file.rename(first)
        lines.write("two")
        file.rename(second)
        file.write_text("")
        lines.write("three")
        lines.write("four")
    written = [each.read_text() for each in (first, second, file)]
    assert written == ["one\n", "two\n", "three\nfour\n"]
    assert lines.dropped == 0


@pytest.mark.skipif(os.name == "nt", reason="Windows renames no open folder")
def test_lines_are_counted_while_the_folder_is_away(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    with LineFile(str(folder / "a.jsonl"), keep_going=True) as lines:
        folder.rename(tmp_path / "old")
        lines.write("lost")
        folder.mkdir()
        lines.write("kept")
    assert (folder / "a.jsonl").read_text() == "kept\n"
    assert lines.dropped == 1
