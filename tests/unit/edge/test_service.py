import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from fer_core.command import make_app
from fer_core.errors import ArgumentError, FerError
from fer_core.logs import take_log_format
from fer_edge.cli import app as whole_app
from fer_edge.service import cli as service_cli
from fer_edge.service import install as service
from fer_edge.service import unit
from fer_edge.service.install import Done, Service
from fer_edge.service.unit import unit_text
from systemd_units import PROGRAM, command_of


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
    def run(camera: str | None = None, rate: float | None = None, log_format: str = "text") -> None:
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


def test_the_format_of_lines_is_passed_on(
    app: typer.Typer, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    request.addfinalizer(lambda: take_log_format("", []))
    monkeypatch.setattr(service, "this_program", lambda: PROGRAM)
    words = take_log_format(
        "fer-edge", ["service", "show", "--log-format", "json", "--camera", "0"]
    )
    shown = CliRunner().invoke(app, words)
    assert command_of(shown.stdout) == f"{PROGRAM} --camera 0 --log-format json"


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


def test_a_camera_in_the_services_environment_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    def shown(*words: str) -> Result:
        return CliRunner().invoke(whole_app, ["service", "show", *words])

    monkeypatch.setenv("FER_EDGE_CAMERA", "0")
    refused = shown()  # the shell's environment is not the service's
    assert isinstance(refused.exception, ArgumentError)
    assert "say what the service watches" in str(refused.exception)
    monkeypatch.setattr(unit, "service_environment", lambda: {"FER_EDGE_CAMERA": "rtsp://u:p@cam"})
    assert shown("--rate", "5").exit_code == 0
    assert "cam" not in command_of(shown("--rate", "5").stdout)
    assert "FER_EDGE_CAMERA in /etc/fer-edge.env" in str(shown("photo.jpg").exception)
