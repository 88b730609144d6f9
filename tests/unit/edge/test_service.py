import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from fer_core.command import make_app
from fer_core.errors import ArgumentError, FerError
from fer_core.values import Box, Face, Frame, Gap, Observation, Prediction
from fer_edge import service, service_cli, systemd
from fer_edge.service import Done, Service, systemd_quoted, unit_text
from fer_edge.sinks.watchdog import ENDING_SECONDS, STALL_SECONDS, WatchdogSink
from fer_edge.systemd import notify

PROGRAM = Path("/home/pi/fer/.venv/bin/fer-edge")
WORDS = [
    "plain",
    "two words",
    "rtsp://user:p%40ss@cam/stream?a=b&c=%s",
    "$HOME",
    "${HOME}",
    "$$",
    "100%",
    "it's",
    'say "hi"',
    "a\\nb",
    "ends with \\",
    "tab\tand\nline",
    ";",
    "",
    " ",
    "#x",
    "gr\u00fcn",
    "*",
]

needs_analyze = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze here"
)
needs_unix = pytest.mark.skipif(
    not hasattr(socket, "AF_UNIX"), reason="this system has no Unix sockets"
)


def command_of(unit: str) -> str:
    (line,) = re.findall(r"^ExecStart=:(.*)$", unit, re.MULTILINE)
    return line


def read_as_systemd(line: str) -> Iterator[str]:
    """Split a command line by the rules of systemd.service(5), written down a second time."""
    at = 0
    while at < len(line):
        word, quote = "", ""
        while at < len(line) and (quote or not line[at].isspace()):
            if line[at] == "\\" and line[at + 1] == "x":
                word, at = word + chr(int(line[at + 2 : at + 4], 16)), at + 4
            elif line[at] == "\\":
                word, at = word + line[at + 1], at + 2
            elif line[at] == quote:
                quote, at = "", at + 1
            elif not quote and line[at] in "\"'":
                quote, at = line[at], at + 1
            elif line[at] == "%":
                assert line[at + 1] == "%", "a specifier"
                word, at = word + "%", at + 2
            else:
                word, at = word + line[at], at + 1
        assert not quote
        yield word
        at += 1


def as_dumped(line: str) -> list[str]:
    """Split the words that systemd wrote out itself, in the quotes of a shell."""
    controls = {"n": "\n", "t": "\t"}
    pairs = re.findall(r'"((?:\\.|[^"\\])*)"|(\S+)', line)
    return [
        bare or re.sub(r"\\(.)", lambda found: controls.get(found[1], found[1]), quoted)
        for quoted, bare in pairs
    ]


def analyzed(unit: Path, *words: str, level: str = "info") -> Done:
    return subprocess.run(
        ["systemd-analyze", *words, str(unit)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "SYSTEMD_LOG_LEVEL": level, "SYSTEMD_COLORS": "0"},
    )


def written_unit(folder: Path, arguments: Sequence[str], name: str = "fer-edge") -> Path:
    program = folder / name
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = folder / "fer-edge.service"
    unit.write_text(unit_text(arguments, program, "pi"), encoding="utf-8")
    return unit


def test_words_survive_the_quoting() -> None:
    line = " ".join(map(systemd_quoted, WORDS))
    assert "\n" not in line
    assert list(read_as_systemd(line)) == WORDS
    assert systemd_quoted("--size=640x480") == "--size=640x480"
    assert systemd_quoted('a "b" 5%\\') == r'"a \"b\" 5%%\\"'


@needs_analyze
def test_systemd_itself_reads_the_words_that_were_meant(tmp_path: Path) -> None:
    unit = written_unit(tmp_path, ["--camera", *WORDS], "bin 5% $s/fer-edge")
    done = analyzed(unit, "verify", level="debug")
    assert done.returncode == 0, done.stderr
    (line,) = re.findall(r"^\s*Command Line: (.*)$", done.stdout, re.MULTILINE)
    assert as_dumped(line) == [str(tmp_path / "bin 5% $s/fer-edge"), "--camera", *WORDS]


@needs_analyze
def test_systemd_has_nothing_to_say_against_the_unit(tmp_path: Path) -> None:
    done = analyzed(written_unit(tmp_path, ["--camera", "0", "--events", "-"]), "verify")
    ours = [line for line in done.stderr.splitlines() if "fer-edge" in line]
    assert (done.returncode, ours) == (0, [])


@needs_analyze
def test_the_unit_leaves_little_exposed(tmp_path: Path) -> None:
    unit = written_unit(tmp_path, ["--camera", "0"])
    done = analyzed(unit, "security", "--offline=true", "--no-pager")
    (exposure,) = re.findall(r"Overall exposure level for fer-edge\S*: ([\d.]+)", done.stdout)
    assert float(exposure) < 4.0, done.stdout


def test_what_is_read_becomes_absolute_and_what_is_written_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("edge.toml", "mine.tflite"):
        Path(name).touch()
    given = ["--config", "edge.toml", "--model=mine.tflite", "--camera", "rtsp://a=b"]
    given += ["--json", "-", "--events=events.jsonl", "--save", "/var/lib/fer-edge/seen", "-q"]
    words = list(read_as_systemd(command_of(unit_text(given, PROGRAM, "pi"))))
    assert words == [
        str(PROGRAM),
        "--config",
        str(tmp_path / "edge.toml"),
        f"--model={tmp_path / 'mine.tflite'}",
        "--camera",
        "rtsp://a=b",
        *given[5:],
    ]
    Path("fer-nano").mkdir()
    shipped = unit_text(["--camera=0", "--model", "fer-nano"], PROGRAM, "pi")
    assert command_of(shipped).endswith("--camera=0 --model fer-nano")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--camera 0, picamera or an address"),
        (["photo.jpg"], "a service watches a camera"),
        (["--demo"], "a service watches a camera"),
        (["--camera", "0", "--show"], "no display"),
        (["--camera", "0", "--config"], "--config needs a value"),
        (["--camera", "0", "--config", "absent.toml"], "absent.toml: there is no such file"),
        (["--camera", "0", "--model=absent.tflite"], "no such file"),
        (["--camera", "0", "--video", "a.mp4"], "a service watches a camera"),
        (["--camera", "0", "--json", "/home/pi/seen.jsonl"], "give a relative name"),
    ],
)
def test_arguments_that_make_no_service_are_refused(arguments: list[str], message: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(message)):
        unit_text(arguments, PROGRAM, "pi")


@pytest.mark.parametrize("folder", ['/opt/a"b', "/opt/it's", "/opt/a\\b"])
def test_a_program_that_systemd_would_refuse_is_refused(folder: str) -> None:
    with pytest.raises(FerError, match="a quote or a backslash"):
        unit_text(["--camera", "0"], Path(folder) / "fer-edge", "pi")


def test_the_unit_restarts_for_ever_but_not_for_wrong_arguments() -> None:
    lines = unit_text(["--camera", "0"], PROGRAM, "first%last").splitlines()
    assert {
        "User=first%%last",
        "Type=notify",
        "WatchdogSec=60",
        "Restart=on-failure",
        "RestartPreventExitStatus=2",
        "SuccessExitStatus=130",
        "EnvironmentFile=-/etc/fer-edge.env",
    } <= set(lines)
    assert lines.index("StartLimitIntervalSec=0") < lines.index("[Service]")


class FakeSystem:
    """A systemctl that remembers what it was asked, and fails for the words it is told."""

    def __init__(self, fails: str = "") -> None:
        self.asked: list[str] = []
        self._fails = fails

    def __call__(self, words: Sequence[str]) -> Done:
        assert words[0] == "systemctl"
        self.asked.append(" ".join(words[1:]))
        code = 3 if self._fails and words[1] == self._fails else 0
        return subprocess.CompletedProcess(words, code, "active (running)\n", "no such unit\n")


@pytest.fixture
def service_of(tmp_path: Path) -> Callable[..., Service]:
    def make(system: FakeSystem, user_id: int = 0) -> Service:
        return Service(PROGRAM, tmp_path / "fer-edge.service", tmp_path, system, user_id)

    return make


def test_installing_writes_the_unit_and_starts_it(service_of: Callable[..., Service]) -> None:
    system = FakeSystem()
    made = service_of(system)
    made.install(["--camera", "0"], "pi")
    assert made.unit.read_text() == unit_text(["--camera", "0"], PROGRAM, "pi")
    assert system.asked == ["daemon-reload", "enable fer-edge", "restart fer-edge"]
    made.install(["--camera", "1"], "pi")
    assert "--camera 1" in made.unit.read_text()
    assert [path.name for path in made.unit.parent.iterdir()] == ["fer-edge.service"]


def test_a_service_that_does_not_come_up_says_where_to_look(
    service_of: Callable[..., Service],
) -> None:
    with pytest.raises(FerError, match="journalctl -u fer-edge"):
        service_of(FakeSystem("restart")).install(["--camera", "0"], "pi")
    with pytest.raises(FerError, match="systemctl enable fer-edge failed: no such unit"):
        service_of(FakeSystem("enable")).install(["--camera", "0"], "pi")


def test_installing_needs_root_and_systemd(service_of: Callable[..., Service]) -> None:
    system = FakeSystem()
    made = service_of(system, 1000)
    arguments = ["--camera", "http://cam/a b"]
    typed = f"sudo {PROGRAM} service install --camera 'http://cam/a b'"
    with pytest.raises(FerError, match=re.escape(typed)):
        made.install(arguments, "pi")
    with pytest.raises(FerError, match=f"sudo {PROGRAM} service remove"):
        made.remove()
    elsewhere = Service(PROGRAM, made.unit, made.unit.parent / "absent", system, 0)
    for act in (elsewhere.remove, elsewhere.status, lambda: elsewhere.install(arguments, "pi")):
        with pytest.raises(FerError, match="needs Linux with systemd"):
            act()
    assert (system.asked, made.unit.exists()) == ([], False)


def test_removing_twice_is_harmless(service_of: Callable[..., Service]) -> None:
    system = FakeSystem("reset-failed")
    made = service_of(system)
    assert not made.remove()
    made.unit.write_text("[Service]\n")
    assert made.remove()
    assert not made.remove()
    assert not made.unit.exists()
    assert system.asked == ["disable --now fer-edge", "daemon-reload", "reset-failed fer-edge"]


def test_a_service_that_cannot_be_stopped_is_kept(service_of: Callable[..., Service]) -> None:
    made = service_of(FakeSystem("disable"))
    made.unit.write_text("[Service]\n")
    with pytest.raises(FerError, match="disable --now fer-edge failed"):
        made.remove()
    assert made.unit.exists()


def test_a_command_that_is_not_there_is_said() -> None:
    with pytest.raises(FerError, match="cannot run no-such-systemctl"):
        service.run_command(["no-such-systemctl"])


def test_who_called_sudo_runs_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "pi")
    assert service.this_user() == "pi"
    monkeypatch.delenv("SUDO_USER")
    monkeypatch.setattr(service.getpass, "getuser", lambda: "root")
    assert service.this_user() == "root"


def test_the_program_is_the_one_typed_or_the_one_beside_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(service.sys, "argv", ["bin/fer-edge", "service"])
    assert service.this_program() == tmp_path / "bin" / "fer-edge"
    monkeypatch.setattr(service.sys, "argv", ["-c"])
    monkeypatch.setattr(service.sys, "executable", str(tmp_path / "venv" / "python"))
    assert service.this_program() == tmp_path / "venv" / "fer-edge"


@pytest.fixture
def app() -> typer.Typer:
    made = make_app()

    @made.command()
    def run(camera: str | None = None, rate: float | None = None) -> None:
        raise AssertionError("nothing is watched while a service is installed")

    made.add_typer(service_cli.service_app, name="service")
    return made


def test_the_commands_pass_the_options_on(
    app: typer.Typer, service_of: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    system = FakeSystem()
    made = service_of(system)
    monkeypatch.setattr(service, "Service", lambda: made)
    monkeypatch.setattr(service, "this_program", lambda: PROGRAM)
    for words in (["--camera", "0", "--rate=5"], ["--", "--camera", "0", "--rate=5"]):
        shown = CliRunner().invoke(app, ["service", "show", *words])
        assert shown.exit_code == 0
        assert command_of(shown.stdout) == f"{PROGRAM} --camera 0 --rate=5"
    installed = CliRunner().invoke(app, ["service", "install", "--camera", "0", "--rate=5"])
    assert installed.exit_code == 0
    assert made.unit.read_text() == shown.stdout
    asked = CliRunner().invoke(app, ["service", "status"])
    assert (asked.exit_code, asked.stdout.splitlines()[0]) == (0, "active (running)")
    assert "removed" in CliRunner().invoke(app, ["service", "remove"]).stdout
    assert "no service" in CliRunner().invoke(app, ["service", "remove"]).stdout


@pytest.mark.parametrize("words", [["--camra", "0"], ["--camera", "0", "--rate", "fast"]])
def test_options_that_fer_edge_would_refuse_install_nothing(
    words: list[str],
    app: typer.Typer,
    service_of: Callable[..., Service],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    system = FakeSystem()
    monkeypatch.setattr(service, "Service", lambda: service_of(system))
    refused = CliRunner().invoke(app, ["service", "install", *words])
    assert (refused.exit_code, system.asked) == (2, [])


def test_a_service_that_is_not_active_exits_with_one(
    app: typer.Typer, service_of: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "Service", lambda: service_of(FakeSystem("status"), 1000))
    assert CliRunner().invoke(app, ["service", "status"]).exit_code == 1


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
    """A watchdog sink with a clock to turn and a list of what it has told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.now = 100.0
        self.heard = True
        self.sink = WatchdogSink(self._notify, lambda: self.now)

    def _notify(self, state: str) -> bool:
        self.told.append(state)
        return self.heard

    def frame(self, index: int, faces: int = 0) -> list[str]:
        """Write a frame at this time and return what it made the sink tell."""
        prediction = Prediction(np.array([1.0], np.float32), ("calm",))
        seen = [Observation(index, 0.0, Face(Box(0, 0, 9, 9), 1.0), prediction)] * faces
        return self._telling(
            lambda: self.sink.write(Frame(np.zeros((4, 4, 3), np.uint8), index, 0.0), seen, [])
        )

    def gap(self, attempts: int) -> list[str]:
        """Tell of a gap at this time and return what it made the sink tell."""
        return self._telling(lambda: self.sink.idle(Gap(self.now, attempts), ()))

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
    watched.sink.finish([])
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
    with WatchdogSink(lambda state: True, lambda: 0.0, ends.append) as sink:
        assert ends == []  # loading and enrolling may take as long as they like
        sink.idle(Gap(1.0, 1), ())
        assert ends == [STALL_SECONDS]
        sink.finish([])
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
        "import threading, fer_edge.sinks.watchdog as w\n"
        "w.STALL_SECONDS = 0.3\n"
        "from fer_core.values import Gap\n"
        "def hangs(): threading.Event().wait(20)\n"
        "with w.WatchdogSink(stall=w.end_when_stalled) as sink:\n"
        "    sink.idle(Gap(1.0, 1), ()); hangs()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=15, check=False
    )
    assert done.returncode == 1
    assert "in hangs" in done.stderr
