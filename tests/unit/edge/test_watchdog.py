import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from fer_core.values import Box, Face, Frame, Gap, Observation, Prediction
from fer_edge import systemd
from fer_edge.faces.analysis import Analysis
from fer_edge.outputs.watchdog import ENDING_SECONDS, STALL_SECONDS, WatchdogOutput
from fer_edge.systemd import notify

needs_unix = pytest.mark.skipif(
    not hasattr(socket, "AF_UNIX"), reason="this system has no Unix sockets"
)


@needs_unix
@pytest.mark.parametrize("abstract", [False, True])
def test_a_state_reaches_the_socket(tmp_path: Path, abstract: bool) -> None:
    if abstract and not Path("/proc/self").exists():
        pytest.skip("abstract sockets are Linux's")
    name = f"fer-edge-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0" + name if abstract else name)
        listener.settimeout(5)
        assert notify("READY=1", {"NOTIFY_SOCKET": "@" + name if abstract else name})
        assert listener.recv(100) == b"READY=1"


def test_nobody_listening_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not notify("READY=1", {})
    assert not notify("READY=1", {"NOTIFY_SOCKET": str(tmp_path / "absent")})
    assert not notify("READY=1", {"NOTIFY_SOCKET": "/" + "x" * 300})
    fake = SimpleNamespace()  # a socket module as Windows has it, without AF_UNIX
    monkeypatch.setattr(systemd, "socket", fake)
    assert not notify("READY=1", {"NOTIFY_SOCKET": "/run/systemd/notify"})


@needs_unix
def test_a_socket_nobody_reads_from_holds_up_for_no_longer_than_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(systemd, "_SEND_SECONDS", 0.01)
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(path)
        taken = 0
        while taken < 100_000 and notify("WATCHDOG=1", {"NOTIFY_SOCKET": path}):
            taken += 1
    assert 1 <= taken < 100_000


class Watched:
    """A watchdog output with a clock to turn and a list of what it has told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.now = 100.0
        self.heard = True
        self.output = WatchdogOutput(self._notify, lambda: self.now)

    def _notify(self, state: str) -> bool:
        self.told.append(state)
        return self.heard

    def frame(self, index: int, faces: int = 0) -> list[str]:
        """Write a frame at this time and return what it made the output tell."""
        prediction = Prediction(np.array([1.0], np.float32), ("calm",))
        seen = [Observation(index, 0.0, Face(Box(0, 0, 9, 9), 1.0), prediction)] * faces
        return self._telling(
            lambda: self.output.write(
                Frame(np.zeros((4, 4, 3), np.uint8), index, 0.0), Analysis(seen)
            )
        )

    def gap(self, attempts: int) -> list[str]:
        """Tell of a gap at this time and return what it made the output tell."""
        return self._telling(lambda: self.output.idle(Gap(self.now, attempts), Analysis()))

    def _telling(self, act: Callable[[], None]) -> list[str]:
        before = len(self.told)
        act()
        return self.told[before:]


def test_the_first_frame_is_ready_and_frames_beat_once_a_second() -> None:
    watched = Watched()
    assert watched.told == []
    assert watched.frame(0) == ["READY=1", "WATCHDOG=1"]
    beats = []
    for index in range(1, 31):  # ten frames a second
        watched.now += 0.1
        beats += watched.frame(index)
    assert 2 <= len(beats) <= 3
    assert set(beats) == {"WATCHDOG=1"}
    watched.output.finish(Analysis())
    assert watched.told[-1] == "STOPPING=1"


def test_in_a_gap_only_new_attempts_are_a_sign_of_life() -> None:
    watched = Watched()
    watched.frame(0)
    for _ in range(5):
        watched.now += 1.0
        assert watched.gap(0) == []
    assert watched.gap(1) == ["WATCHDOG=1"]
    watched.now += 2.0
    assert watched.gap(1) == []
    assert watched.gap(3) == ["WATCHDOG=1"]
    assert watched.gap(4) == []  # within the same second
    watched.now += 1.0
    assert watched.gap(4) == []
    assert watched.frame(1) == ["WATCHDOG=1"]


def test_a_camera_that_is_away_at_first_does_not_keep_the_service_from_being_ready() -> None:
    watched = Watched()
    assert watched.gap(0) == []
    assert watched.gap(1) == ["READY=1", "WATCHDOG=1"]


def test_ready_is_said_until_it_is_heard() -> None:
    watched = Watched()
    watched.heard = False
    assert "READY=1" in watched.frame(0)
    watched.heard = True
    assert "READY=1" in watched.frame(1)
    assert "READY=1" not in watched.frame(2)


def test_a_sign_of_life_puts_the_end_off_and_the_end_itself_may_take_long() -> None:
    ends: list[float] = []
    with WatchdogOutput(lambda state: True, lambda: 0.0, ends.append) as output:
        assert ends == []  # loading and enrolling may take as long as they like
        output.idle(Gap(1.0, 1), Analysis())
        assert ends == [STALL_SECONDS]
        output.finish(Analysis())
    assert ends == [STALL_SECONDS, ENDING_SECONDS, 0]


def test_the_status_tells_speed_and_faces_now_and_then() -> None:
    watched = Watched()
    told = []
    for index in range(250):
        watched.now += 0.125
        told += watched.frame(index, faces=1)
    status = [state for state in told if state.startswith("STATUS=")]
    assert status == ["STATUS=8.0 frames/s, 1 face"] * 3
    watched.now += 10.0
    assert watched.gap(1)[-1].endswith("frames/s, no picture")
    watched.now += 10.0
    assert watched.frame(250, faces=2)[-1] == "STATUS=0.1 frames/s, 2 faces"


def test_a_runner_that_hangs_ends_itself_and_says_where(tmp_path: Path) -> None:
    code = (
        "import threading, fer_edge.outputs.watchdog as w\n"
        "w.STALL_SECONDS = 0.3\n"
        "from fer_core.values import Gap\n"
        "from fer_edge.faces.analysis import Analysis\n"
        "def hangs(): threading.Event().wait(20)\n"
        "with w.WatchdogOutput(stall=w.end_when_stalled) as output:\n"
        "    output.idle(Gap(1.0, 1), Analysis()); hangs()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=15, check=False
    )
    assert done.returncode == 1
    assert "in hangs" in done.stderr
