import errno
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

import picamera2_stand_in
from fer_core.errors import ArgumentError, FerError
from fer_core.values import Frame, Gap
from fer_edge.sources import camera, devices, patience
from fer_edge.sources.camera import check_camera, open_camera
from fer_edge.sources.devices import device_number
from fer_edge.sources.hangs import STUCK_SECONDS
from fer_edge.sources.live import CameraSource
from fer_edge.sources.patience import Patience
from mjpeg_server import MjpegServer

GO = threading.Event()
PATIENCE_SECONDS = 20


def wait_until(true: Callable[[], bool]) -> None:
    """Look again until it is true; fail after PATIENCE_SECONDS."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    pause = threading.Event()
    while not true():
        assert time.monotonic() < deadline, "this took too long"
        pause.wait(0.01)


class ScriptedCapture:
    """Gives its pictures one at a time when let, then nothing more."""

    def __init__(self, values: list[int]) -> None:
        self._values = iter(values)
        self.closed = False

    def read(self) -> np.ndarray | None:
        value = next(self._values, None)
        return None if value is None else np.full((4, 4, 3), value, np.uint8)

    def close(self) -> None:
        self.closed = True


def test_the_newest_frame_wins_and_the_dropped_are_counted() -> None:
    capture = ScriptedCapture([1, 2, 3, 4])
    captures: Iterator[ScriptedCapture] = iter([capture])
    source = CameraSource(lambda: next(captures), "fake", retry_seconds=(60.0,))
    wait_until(lambda: capture.closed)
    frame = next(source.frames(GO))
    assert (frame.pixels[0, 0, 0], frame.index, frame.source) == (4, 3, "fake")
    assert (source.captured, source.dropped) == (4, 3)
    source.close()


def test_a_camera_that_goes_away_is_opened_anew(caplog: pytest.LogCaptureFixture) -> None:
    attempts = [ScriptedCapture([1]), None, None, ScriptedCapture([2])]

    def open_next() -> ScriptedCapture:
        capture = attempts.pop(0) if attempts else None
        if capture is None:
            raise FerError("not there")
        return capture

    with caplog.at_level(logging.WARNING):
        source = CameraSource(open_next, "fake", retry_seconds=(0.001,))
        wait_until(lambda: source.captured == 2)
    assert source.reconnects == 1
    assert "fake is back after 3 attempts" in caplog.text
    assert caplog.text.count("not there") == 0  # said once, not at every attempt
    source.close()


def test_a_camera_that_is_silent_says_so_every_second() -> None:
    times = iter([0.0, 0.0, *(tick / 4 for tick in range(100))])  # a quarter of a second a look
    captures = iter([ScriptedCapture([])])
    source = CameraSource(
        lambda: next(captures), "fake", lambda: next(times), retry_seconds=(60.0,)
    )
    gaps = [item for _, item in zip(range(3), source.frames(GO), strict=False)]
    assert all(isinstance(gap, Gap) for gap in gaps)
    ats = [gap.at for gap in gaps]
    assert all(1 <= later - earlier <= 1.5 for earlier, later in pairwise(ats))
    source.close()


def test_a_capture_that_breaks_is_told_and_not_silent(caplog: pytest.LogCaptureFixture) -> None:
    class Breaking(ScriptedCapture):
        def read(self) -> np.ndarray | None:
            raise RuntimeError("device vanished")

    with caplog.at_level(logging.ERROR):
        capture = Breaking([])
        source = CameraSource(lambda: capture, "fake")
        with pytest.raises(FerError, match="fake failed: RuntimeError"):
            next(source.frames(GO))
    assert "Traceback" in caplog.text
    assert capture.closed
    source.close()


class EndlessCapture:
    """Gives pictures of changing noise, or what `manner` says: one "frozen", "black" or "hung"."""

    def __init__(self, clock: "Clock", manner: str = "") -> None:
        self._clock, self._manner, self._rng = clock, manner, np.random.default_rng(0)
        self.let_go = threading.Event()

    def read(self) -> np.ndarray | None:
        if self._manner == "hung":
            self.let_go.wait(PATIENCE_SECONDS)
            return None
        self._clock.now += 1.0
        time.sleep(0.001)
        if self._manner == "black":
            return self._rng.integers(0, 9, (48, 64, 3), np.uint8)
        if self._manner == "frozen":
            return np.full((48, 64, 3), 90, np.uint8)
        return self._rng.integers(0, 256, (48, 64, 3), np.uint8)

    def close(self) -> None:
        self.let_go.set()


class Clock:
    """Goes on by a little whenever it is looked at."""

    now = 0.0

    def __call__(self) -> float:
        self.now += 0.05
        return self.now


@pytest.mark.parametrize(
    ("manner", "words"),
    [("frozen", "the same picture again and again"), ("black", "black picture")],
)
def test_bad_pictures_are_said_once_and_the_camera_opened_anew_ever_more_seldom(
    manner: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    opened: list[float] = []

    def open_next() -> EndlessCapture:
        opened.append(clock.now)
        return EndlessCapture(clock, manner if len(opened) < 5 else "")

    with caplog.at_level(logging.WARNING):
        source = CameraSource(open_next, "fake", clock, retry_seconds=(0.001,))
        wait_until(lambda: "gives good pictures again" in caplog.text)
    source.close()
    assert caplog.text.count(words) == 1
    pauses = [round(later - earlier) for earlier, later in pairwise(opened)]
    assert pauses[:4] == pytest.approx([10, 20, 40, 80], rel=0.3)
    assert "is back" not in caplog.text


def test_a_camera_that_hangs_is_given_up_and_another_thread_tries(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()
    hung = EndlessCapture(clock, "hung")
    captures = iter([hung, EndlessCapture(clock)])
    source = CameraSource(lambda: next(captures), "fake", clock, retry_seconds=(0.001,))
    frames = source.frames(GO)
    gap = next(frames)
    assert (type(gap), getattr(gap, "attempts", 0)) == (Gap, 0)  # nothing shows that it is alive
    clock.now = STUCK_SECONDS + 1
    with caplog.at_level(logging.WARNING):
        next(frames)
    assert "fake has hung for 3" in caplog.text
    assert isinstance(next(frames), Frame)
    hung.let_go.set()  # the thread that was given up comes back: nobody listens to it
    assert isinstance(next(frames), Frame)
    source.close()


class Hanging:
    """A source whose every capture hangs until it is let go."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.hung: list[EndlessCapture] = []
        self.source = CameraSource(self.open, "fake", self.clock, retry_seconds=(0.001,))
        self.frames = self.source.frames(GO)

    def open(self) -> EndlessCapture:
        self.hung.append(EndlessCapture(self.clock, "hung"))
        return self.hung[-1]

    def hang(self) -> None:
        """Wait until the newest capture hangs, for longer than is borne."""
        count = len(self.hung)
        wait_until(lambda: len(self.hung) >= count and self.source._thread.is_alive())
        self.clock.now += STUCK_SECONDS + 1
        next(self.frames)

    def close(self) -> None:
        for capture in self.hung:
            capture.let_go.set()
        self.source.close()


def test_a_camera_that_hangs_again_and_again_ends_the_runner() -> None:
    camera = Hanging()
    for restart in range(3):
        camera.hang()
        wait_until(lambda count=restart: len(camera.hung) == count + 2)
        given_up = camera.source._hangs._given_up
        camera.hung[restart].let_go.set()
        wait_until(lambda thread=given_up: not thread.is_alive())
    with pytest.raises(FerError, match="fake hangs again and again"):
        camera.hang()
    camera.close()


def test_two_threads_that_hang_at_once_end_the_runner() -> None:
    camera = Hanging()
    camera.hang()
    wait_until(lambda: len(camera.hung) == 2)
    with pytest.raises(FerError, match="fake hangs once more"):
        camera.hang()
    camera.close()


def test_a_thread_that_hangs_and_holds_the_device_ends_the_runner() -> None:
    clock = Clock()
    hung = EndlessCapture(clock, "hung")
    opened: list[EndlessCapture] = []

    def open_next() -> EndlessCapture:
        if opened:
            raise FerError("in use")
        opened.append(hung)
        return hung

    source = CameraSource(open_next, "fake", clock, retry_seconds=(0.001,))
    frames = source.frames(GO)
    with pytest.raises(FerError, match="holds its device; only a new start frees it"):
        for _ in range(200):
            clock.now += 2.0
            next(frames)
    assert clock.now < 200
    hung.let_go.set()
    source.close()


class SlowToOpen:
    """A camera that opens only when it is let, and then fails, by a clock of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
        self.now, self.opened = 0.0, 0
        self.let_go = threading.Semaphore(1)  # the first one, of the constructor, fails at once
        for name in ("_network_capture", "OpenCvCapture"):
            monkeypatch.setattr(camera, name, self.open)
        made = partial(CameraSource, clock=lambda: self.now, retry_seconds=(0.001,))
        monkeypatch.setattr(camera, "CameraSource", made)
        self.source = open_camera(address, None, None, patient=True)

    def open(self, *asked: object) -> EndlessCapture:
        self.opened += 1
        self.let_go.acquire(timeout=PATIENCE_SECONDS)
        raise FerError("no answer")

    def waits(self, seconds: int) -> None:
        """Let the next opening take so long; there may be gaps alone meanwhile."""
        opening = self.opened
        for _ in range(seconds):
            self.now += 1.0
            assert isinstance(self.source.take(), Gap)
        self.let_go.release()
        wait_until(lambda: self.opened > opening)

    def close(self) -> None:
        self.source.stop()
        self.let_go.release(9)
        self.source.close()


def test_a_network_camera_whose_name_is_looked_up_for_long_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nameservers that are silent: each opening takes 40 s, for a quarter of an hour."""
    away = SlowToOpen(monkeypatch, "rtsp://cam.local/s")
    wait_until(lambda: away.opened == 2)
    for _ in range(23):
        away.waits(40)
    assert away.now > 15 * 60
    assert "has hung" not in caplog.text
    away.close()


@pytest.mark.parametrize(("address", "borne"), [("rtsp://cam.local/s", 119), ("0", 29)])
def test_an_opening_that_never_ends_is_given_up(
    address: str, borne: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    away = SlowToOpen(monkeypatch, address)
    wait_until(lambda: away.opened == 2)
    for seconds in (borne, 1):
        assert "has hung" not in caplog.text
        for _ in range(seconds):
            away.now += 1.0
            away.source.take()
    assert "has hung" in caplog.text
    away.close()


def test_the_wait_after_a_slow_opening_is_no_part_of_it(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]

    def opens_slowly() -> EndlessCapture:
        now[0] += STUCK_SECONDS - 2
        raise FerError("no answer")

    caplog.set_level("DEBUG")
    source = CameraSource(
        opens_slowly, "fake", clock=lambda: now[0], retry_seconds=(0.0, 60.0), patient=True
    )
    wait_until(lambda: "attempt 1: no answer" in caplog.text)
    now[0] += 5.0
    assert isinstance(source.take(), Gap)
    assert "has hung" not in caplog.text
    source.close()


def test_a_service_waits_for_a_camera_that_is_not_there_yet(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()
    absent = threading.Event()

    def open_late() -> EndlessCapture:
        if not absent.is_set():
            raise FerError("there is no camera 0")
        return EndlessCapture(clock)

    with caplog.at_level(logging.WARNING):
        source = CameraSource(open_late, "fake", clock, retry_seconds=(0.001,), patient=True)
        frames = source.frames(GO)
        assert isinstance(next(frames), Gap)
        absent.set()
        wait_until(lambda: isinstance(next(frames), Frame))
    assert caplog.text.count("there is no camera 0; waiting for it") == 1
    assert caplog.text.count("is back after") == 1
    source.close()


def test_a_camera_that_opens_and_gives_nothing_is_said_once_and_tried_ever_more_seldom(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    captures = [ScriptedCapture([1]), *(ScriptedCapture([]) for _ in range(5))]
    waits: list[float] = []

    class Event(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            if timeout in retry_seconds:
                waits.append(timeout)
            return super().wait(timeout)

    retry_seconds = (0.001, 0.002, 0.003)
    monkeypatch.setattr(threading, "Event", Event)

    def open_next() -> ScriptedCapture:
        return captures.pop(0) if captures else ScriptedCapture([2])

    with caplog.at_level(logging.WARNING):
        source = CameraSource(open_next, "fake", retry_seconds=retry_seconds)
        wait_until(lambda: "is back" in caplog.text)
    source.close()
    assert caplog.text.splitlines()[0].endswith("fake gives no picture; reopening it")
    assert "is back after 6 attempts" in caplog.text
    assert waits[2:4] == [0.003, 0.003]  # it does not begin anew with each opening


def test_attempts_to_open_a_camera_show_that_somebody_is_alive() -> None:
    clock = Clock()
    first = ScriptedCapture([1])

    def refuse() -> ScriptedCapture:
        if first.closed:
            raise FerError("not there")
        return first

    source = CameraSource(refuse, "fake", clock, retry_seconds=(0.001,))
    frames = source.frames(GO)
    assert isinstance(next(frames), Frame)
    attempts = []
    for _ in range(2):
        before = source.attempts
        wait_until(lambda before=before: source.attempts > before)
        clock.now += 1.0
        gap = next(frames)
        assert isinstance(gap, Gap)
        attempts.append(gap.attempts)
    assert 0 < attempts[0] < attempts[1]
    source.close()


def test_a_camera_that_is_not_there_is_an_error_at_once() -> None:
    def refuse() -> ScriptedCapture:
        raise FerError("no camera")

    with pytest.raises(FerError, match="no camera"):
        CameraSource(refuse, "fake")


def test_frames_end_when_told_to_stop() -> None:
    stop = threading.Event()
    stop.set()
    captures = iter([ScriptedCapture([])])
    source = CameraSource(lambda: next(captures), "fake", retry_seconds=(60.0,))
    assert list(source.frames(stop)) == []
    source.close()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="V4L2 is Linux's")
def test_the_error_names_the_device_and_what_was_found() -> None:
    with pytest.raises(FerError, match=r"no camera 77 \(/dev/video77\); found: "):
        open_camera("77", None, None)
    with pytest.raises(FerError, match="no camera 77"):
        open_camera("/dev/video77", (640, 480), 30)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="V4L2 is Linux's")
@pytest.mark.parametrize(
    ("error", "said"),
    [
        (None, r"gives no picture: in use by another program \(fuser {0}\)\. Or it is not"),
        (errno.EACCES, "not allowed to open {0}: sudo usermod -aG video"),
        (errno.EPERM, "not allowed to open {0}: sudo usermod -aG video"),
        (errno.ENODEV, r"camera 77 does not open: No such device \({0}\)"),
    ],
)
def test_why_a_camera_that_is_there_does_not_open(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: int | None, said: str
) -> None:
    device = tmp_path / "video77"
    device.touch()
    monkeypatch.setattr(devices, "DEVICE", str(tmp_path / "video"))

    def refuses(path: Path, flags: int) -> int:
        assert error
        raise OSError(error, os.strerror(error))

    if error:
        monkeypatch.setattr(os, "open", refuses)
    with pytest.raises(FerError, match=said.format(device)):
        open_camera("77", None, None)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="V4L2 is Linux's")
def test_a_camera_by_its_own_name_is_found_under_another_number(tmp_path: Path) -> None:
    name = tmp_path / "usb-Acme-video-index0"
    with pytest.raises(FerError, match=f"no camera {name} now; found: none"):
        device_number(str(name), tmp_path)
    for number in (0, 12):
        name.unlink(missing_ok=True)
        name.symlink_to(f"/dev/video{number}")
        assert device_number(str(name)) == number
    with pytest.raises(FerError, match=f"no camera /dev/fer-front now; found: {name}"):
        device_number("/dev/fer-front", tmp_path)
    for linked in ("usb-Acme", "usb-Acme_Inc.._HD-video-index0"):
        assert check_camera(f"/dev/v4l/by-id/{linked}") == f"/dev/v4l/by-id/{linked}"
    with pytest.raises(ArgumentError, match="passwd': give a number, a path"):
        check_camera("/dev/../etc/passwd")


def test_an_address_without_an_answer_is_said_without_its_password() -> None:
    with pytest.raises(FerError, match="no answer from http://127") as caught:
        open_camera("http://user:secret@127.0.0.1:9/stream", None, None)
    assert "secret" not in str(caught.value)
    with pytest.raises(FerError) as caught:
        open_camera("http://127.0.0.1:9/video@hd?pwd=secret", None, None)
    assert "no answer from http://...: is" in str(caught.value)  # what may be a password is not
    for wrong in ("front-door", "http://", "http://h:99999/x", "http://[::1", "9" * 20):
        with pytest.raises(ArgumentError, match="no camera"):
            open_camera(wrong, None, None)


@pytest.mark.parametrize(
    ("address", "named"),
    [
        ("rtsp://admin:se/cret@host/s", "rtsp://..."),
        ("rtsp://admin:se@cret@cam.local:8554/x", "rtsp://cam.local:8554/x"),
        ("rtsp://admin:se?cret@host/s", "rtsp://..."),
        ("rtsp://admin:secret@host:554/a?pwd=secret", "rtsp://host:554/a"),
        ("http://host/cgi?user=a&pwd=secret", "http://host/cgi"),
        ("http://host/cgi?user=a&pwd=secret@c", "http://host/cgi"),
        ("rtsp://host/live?user=a&pwd=p@ss", "rtsp://host/live"),
        ("http://host/x?email=a@b:c", "http://host/x"),
        ("rtsp://admin:12/3?secret@host/s", "rtsp://..."),  # or is admin a host, 12 its port?
        ("rtsp://host:554/user=a&password=secret&channel=1&stream=0.sdp", "rtsp://host:554"),
        ("rtsp://host/user=a_password=secret_channel=1.sdp", "rtsp://host"),
        ("rtsp://host/user=a&password=p@ss/ch1", "rtsp://host"),
        ("rtsp://u:p@host/user=a&password=p@ss", "rtsp://..."),
        ("rtsp://[::1]:554/x?p=a@secret", "rtsp://..."),
        ("rtsp://u:p@host/s?x=1@2", "rtsp://..."),
        ("http://host:81/stream", "http://host:81/stream"),
    ],
)
def test_no_part_of_a_password_is_in_a_cameras_name(address: str, named: str) -> None:
    assert check_camera(address) == named


@pytest.mark.parametrize("wrong", ["admin:secret@10.0.0.5/s", "rtsp:/admin:secret@cam/s"])
def test_an_address_that_is_none_is_not_shown(wrong: str) -> None:
    with pytest.raises(ArgumentError, match="no camera of that address") as refusal:
        check_camera(wrong)
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize("trouble", ["stall", "close"])
@pytest.mark.parametrize("reader", ["PyAV", "OpenCV"])
def test_a_network_camera_that_goes_silent_is_opened_anew(
    trouble: str,
    reader: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    if reader == "OpenCV":
        monkeypatch.setattr(camera, "has_pyav", lambda: False)
    elif not camera.has_pyav():
        pytest.skip("PyAV is not installed")
    monkeypatch.setattr(patience, "LEAST_SECONDS", 1.0)
    with MjpegServer() as server, caplog.at_level(logging.WARNING):
        source = open_camera(server.url, None, None)
        frames = source.frames(GO)
        assert next(frames).pixels.shape == (120, 160, 3)
        server.manner = trouble
        wait_until(lambda: "gives no picture; reopening it" in caplog.text)
        server.manner = "play"
        wait_until(lambda: source.reconnects == 1)
        before = source.captured
        wait_until(lambda: source.captured > before)
        assert next(frames).pixels.shape == (120, 160, 3)
        source.close()
        assert not source._thread.is_alive()


def test_a_network_camera_that_changes_its_size_and_one_that_cuts_pictures_short(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pytest.importorskip("av", reason="PyAV is not installed")
    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)
    small, large = (cv2.imencode(".jpg", each)[1].tobytes() for each in (noise[::2, ::2], noise))
    cut = large[: len(large) // 2] + large[-2:]
    with MjpegServer([small] * 9 + [large] * 9 + [cut] * 3) as server:
        source = open_camera(server.url, None, None)
        shapes = set()
        for frame in source.frames(GO):
            assert isinstance(frame, Frame)
            shapes.add(frame.pixels.shape)
            if source.damaged >= 6:
                break
        source.close()
    assert shapes == {(120, 160, 3), (240, 320, 3)}
    assert source.reconnects == 0
    assert caplog.text.count("sent a damaged picture") == 1


def test_rubbish_from_a_network_camera_is_survived() -> None:
    with MjpegServer() as server:
        source = open_camera(server.url, None, None)
        server.manner = "rubbish"
        wait_until(lambda: server.rubbish > 20)
        server.manner = "play"
        before = source.captured
        wait_until(lambda: source.captured > before + 5)
        source.close()


@pytest.fixture
def picamera2(monkeypatch: pytest.MonkeyPatch) -> object:
    module = picamera2_stand_in.make_module()
    monkeypatch.setitem(sys.modules, "picamera2", module)
    return module


def test_picamera2_is_configured_started_read_and_closed(picamera2: object) -> None:
    source = open_camera("picamera", (320, 240), 15.0)
    frame = next(source.frames(GO))
    source.close()
    (device,) = picamera2.opened
    assert device.config["main"] == {"size": (320, 240), "format": "RGB888"}
    assert device.config["controls"] == {"FrameRate": 15.0}
    assert device.state == "closed"
    assert frame.pixels.shape == (240, 320, 3)
    assert frame.pixels[0, 0].tolist() == [255, 0, 0]  # blue, first in B, G, R


def test_picamera2_that_stops_giving_pictures_is_opened_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = picamera2_stand_in.make_module(frames=3)
    monkeypatch.setitem(sys.modules, "picamera2", module)
    source = CameraSource(
        lambda: camera.PiCapture(None, None, Patience()), "picamera", retry_seconds=(0.001,)
    )
    wait_until(lambda: source.reconnects >= 2)
    source.close()
    assert all(device.state == "closed" for device in module.opened)


def test_without_picamera2_the_way_to_get_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", None)
    with pytest.raises(FerError, match="sudo apt install python3-picamera2"):
        open_camera("picamera", None, None)


def test_a_camera_module_that_does_not_start_is_given_back(
    picamera2: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(self: object) -> None:
        raise RuntimeError("Failed to start camera: Device or resource busy")

    monkeypatch.setattr(picamera2.Picamera2, "start", busy)
    with pytest.raises(FerError, match="Device or resource busy"):
        open_camera("picamera", None, None)
    assert [device.state for device in picamera2.opened] == ["closed"]


def test_no_camera_module_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", picamera2_stand_in.make_module(cameras=0))
    with pytest.raises(FerError, match="no camera module answers"):
        open_camera("picamera", None, None)
