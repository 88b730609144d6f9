import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from fer_core.errors import ArgumentError, FerError
from fer_edge.service.install import Done
from fer_edge.service.places import seen_homes
from fer_edge.service.unit import (
    require_for_a_service,
    service_environment,
    systemd_quoted,
    unit_text,
)
from fer_edge.session.config import EdgeConfig
from fer_edge.session.options import RunOptions
from systemd_units import PROGRAM, command_of, read_as_systemd

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
    monkeypatch.setattr("fer_edge.service.places.HIDDEN", ())  # pytest's own folders lie in /tmp
    for name in ("edge.toml", "mine.tflite"):
        Path(name).touch()
    given = ["--config", "edge.toml", "--model=mine.tflite", "--camera", "rtsp://a=b"]
    given += ["--json", "-", "--events=events.jsonl", "--save", "/var/lib/fer-edge/seen", "-q"]
    given += ["--models", "models"]
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


def test_what_the_service_cannot_see_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden, home = tmp_path / "tmp", tmp_path / "home"
    monkeypatch.setattr("fer_edge.service.places.HIDDEN", (hidden,))
    for folder in (hidden / "people", home):
        folder.mkdir(parents=True)
    for name in ("mine.tflite", "mine.onnx", "edge.toml"):
        (hidden / name).touch()
        (home / name).symlink_to(hidden / name)
    monkeypatch.chdir(hidden)
    for option, name in (
        ("--model", "mine.tflite"),
        ("--detector", "mine.onnx"),
        ("--config", "edge.toml"),
        ("--faces", "people"),
    ):
        for place in (hidden / name, Path(name), home / name):
            if place.exists():
                with pytest.raises(
                    ArgumentError, match=rf"{option} .*{name}: a service cannot see"
                ):
                    unit_text(["--camera", "0", option, str(place)], PROGRAM, "pi")
    ours = {"camera": [{"name": "door", "source": "0", "detector": str(hidden / "mine.onnx")}]}
    for settings in ({"camera": "0", "model": str(hidden / "mine.tflite")}, ours):
        with pytest.raises(ArgumentError, match="a service cannot see"):
            require_for_a_service(RunOptions(EdgeConfig(**settings)), [])
    require_for_a_service(RunOptions(EdgeConfig(camera="0", model=str(home / "own.tflite"))), [])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--demo"], "a service watches a camera"),
        (["--camera", "0", "--faces", "/tmp"], "a service cannot see files in /tmp or /var/tmp"),
        (["--camera", "0", "--show"], "no display"),
        (["--camera", "0", "--config"], "--config needs a value"),
        (["--camera", "0", "--config", "absent.toml"], "absent.toml: there is no such file"),
        (["--camera", "0", "--model=absent.tflite"], "no such file"),
        (["--camera", "0", "--video", "a.mp4"], "a service watches a camera"),
        (["--camera", "0", "--json", "/home/pi/seen.jsonl"], "give a relative name"),
        (["--camera", "0", "--models", "/home/pi/models"], "give a relative name"),
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


def test_the_environment_file_is_read_as_systemd_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "fer-edge.env"
    file.write_text(
        '# a comment\n\nFER_EDGE_TOKEN="a b"\n FER_EDGE_CAMERA=rtsp://u:p@cam/1?x=y \nnone\n'
    )
    assert service_environment(file) == {
        "FER_EDGE_TOKEN": "a b",
        "FER_EDGE_CAMERA": "rtsp://u:p@cam/1?x=y",
    }
    assert service_environment(tmp_path / "absent") == {}
    file.write_bytes(b"FER_EDGE_TOKEN=it's'\nOTHER=\xff\n")
    assert service_environment(file)["FER_EDGE_TOKEN"] == "it's'"
    with pytest.raises(FerError, match="cannot be read: try sudo"):
        service_environment(tmp_path)


def test_of_all_homes_a_service_sees_its_users_and_its_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fer_edge.service.places.HIDDEN", ())  # pytest's own folders lie in /tmp
    homes = tmp_path / "home"
    monkeypatch.setattr("fer_edge.service.places._HOMES", homes)
    for name in ("anna", "pi"):
        (homes / name).mkdir(parents=True)
        (homes / name / "mine.tflite").touch()
    program = homes / "pi" / "fer" / "bin" / "fer-edge"
    own, other = (str(homes / name / "mine.tflite") for name in ("pi", "anna"))
    unit = unit_text(["--camera", "0", "--model", own], program, "nobody-of-this-name")
    assert f"\nProtectHome=tmpfs\nBindReadOnlyPaths=-{homes / 'pi'}\n" in unit
    (homes / "pi" / "link.tflite").symlink_to(other)
    for hidden in (other, str(homes / "pi" / "link.tflite")):
        with pytest.raises(ArgumentError, match=f"a service sees only {homes / 'pi'}; move it"):
            unit_text(["--camera", "0", "--model", hidden], program, "pi")
        with pytest.raises(ArgumentError, match="a service sees only none"):
            require_for_a_service(RunOptions(EdgeConfig(camera="0", model=hidden)), [])
    assert seen_homes(Path("/opt/fer/bin/fer-edge"), "root") == [Path("/root")]
    assert seen_homes(Path("/root") / "fer" / "bin" / "fer-edge", "nobody-of-this-name") == [
        Path("/root")
    ]
