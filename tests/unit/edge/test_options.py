import os
from pathlib import Path
from typing import Any

import pytest
import typer

from fer_core.errors import ArgumentError, FerError
from fer_edge.cli import app
from fer_edge.options import RunOptions, read_options
from fer_edge.service.install import this_user
from fer_edge.service.unit import require_for_a_service, unit_text
from systemd_units import PROGRAM

SECRET = "rtsp://admin:12/34@cam.local/live"


def options(*words: object) -> RunOptions:
    """Return what the words of a command line mean."""
    run: Any = typer.main.get_command(app).commands["run"]  # type: ignore[attr-defined]
    return read_options(run.make_context("fer-edge", [str(word) for word in words]).params)


def settings_file(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "fer-edge.toml"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_what_an_option_can_say_the_settings_can_say(tmp_path: Path) -> None:
    file = settings_file(
        tmp_path,
        'camera = "1"\njson = "seen.jsonl"\nevents = "-"\nsave = "rec.mp4"\nshow = false\n'
        'faces = "people"\nrate = 5\n',
    )
    (tmp_path / "people").mkdir()
    wishes = options("--config", file).wishes
    assert (wishes.camera, wishes.json, wishes.events, wishes.show) == (
        "1",
        "seen.jsonl",
        "-",
        False,
    )
    assert wishes.save == Path("rec.mp4")
    assert wishes.faces == tmp_path / "people"  # as it lies beside the file
    assert options("--config", file, "--json", "other.jsonl").wishes.json == "other.jsonl"


@pytest.mark.parametrize(
    "source", [("--camera", "2"), ("--video", "a.mkv"), ("--demo",), ("a.png",)]
)
def test_a_source_that_is_typed_takes_the_place_of_the_files(
    tmp_path: Path, source: tuple[str, ...]
) -> None:
    wishes = options("--config", settings_file(tmp_path, 'camera = "1"\n'), *source).wishes
    told = (wishes.camera, wishes.video, wishes.demo, wishes.pictures)
    assert (
        told
        == {
            "--camera": ("2", None, False, ()),
            "--video": (None, Path("a.mkv"), False, ()),
            "--demo": (None, None, True, ()),
            "a.png": (None, None, False, (Path("a.png"),)),
        }[source[0]]
    )


def test_a_cameras_address_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FER_EDGE_CAMERA", SECRET)
    assert options().wishes.camera == SECRET
    assert options("--camera", "0").wishes.camera == "0"
    assert options("a.png").wishes.camera is None
    assert SECRET not in repr(options().settings)


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_a_file_with_a_cameras_password_must_be_ours_alone(tmp_path: Path) -> None:
    file = settings_file(tmp_path, f'camera = "{SECRET}"\n', 0o644)
    with pytest.raises(FerError, match="holds the setting camera and other users may read it"):
        options("--config", file)
    assert (
        options("--config", settings_file(tmp_path, 'camera = "0"\n', 0o644)).wishes.camera == "0"
    )


@pytest.mark.parametrize("line", ["mqtt_password = 4711", "token = 4711", "camera = 4711"])
def test_a_secret_of_the_wrong_type_is_not_shown(tmp_path: Path, line: str) -> None:
    with pytest.raises(FerError, match=r"must be text, in quotes$") as refusal:
        options("--config", settings_file(tmp_path, f"{line}\n"))
    assert "4711" not in str(refusal.value)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--camera", "0", "x.jpg"), "say what to watch, one of"),
        (("--camera", "front"), "no camera 'front'"),
        (("--camera", "0", "--save", "x.mp5"), "a name that ends in"),
        (("--camera", "0", "--serve", "0.0.0.0:8080"), "a token is needed"),
        (("--camera", "0", "--serve", "99999"), "port|address|serve"),
        (("--serve", "8080", "a.jpg"), "goes with a camera or a video"),
        (("--camera", "0", "--json", "-", "--events", "-"), "places of their own"),
    ],
)
def test_what_a_run_refuses_is_refused_before_a_unit_is_written(
    words: tuple[str, ...], reason: str
) -> None:
    with pytest.raises(ArgumentError, match=reason):
        options(*words)


@pytest.mark.parametrize("name", ["../../etc/x.mp4", "/etc/x.mp4", "a/../../x.mp4"])
def test_a_service_writes_into_its_own_folder_alone(tmp_path: Path, name: str) -> None:
    with pytest.raises(ArgumentError, match="give a relative name"):
        unit_text(["--camera", "0", "--save", name], PROGRAM, "pi")
    file = settings_file(tmp_path, f'camera = "0"\nsave = "{name}"\n')
    with pytest.raises(ArgumentError, match="give a relative name"):
        require_for_a_service(options("--config", file).wishes)


def test_a_unit_holds_no_password(tmp_path: Path) -> None:
    query = "http://10.0.0.5/v.cgi?user=admin&pwd=hunter2"
    for words in (["--camera", SECRET], [f"--camera={SECRET}"], ["--camera", query]):
        with pytest.raises(ArgumentError, match="into a --config file of mode 600"):
            unit_text(words, PROGRAM, "pi")
    file = settings_file(tmp_path, f'camera = "{SECRET}"\n')
    assert "12/34" not in unit_text(["--config", str(file)], PROGRAM, "pi")
    require_for_a_service(options("--config", file).wishes)
    with pytest.raises(ArgumentError, match="a service watches a camera"):
        require_for_a_service(options("--config", file, "--demo").wishes)


@pytest.mark.parametrize("name", ["pi\nExecStartPre=/bin/sh", "a b", "-x", ""])
def test_a_user_that_is_none_never_reaches_the_unit(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUDO_USER", name)
    if name:
        with pytest.raises(FerError, match="is no name of a user"):
            this_user()
    else:
        assert this_user()
