import os
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import typer

from fer_core.errors import ArgumentError, FerError
from fer_edge.cli import app
from fer_edge.service.install import this_user
from fer_edge.service.unit import require_for_a_service, unit_text
from fer_edge.session.config import EdgeConfig
from fer_edge.session.options import RunOptions, read_options
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
    run = options("--config", file).settings
    assert (run.camera, run.json, run.events, run.show) == ("1", "seen.jsonl", "-", False)
    assert run.save == "rec.mp4"
    assert run.faces == str(tmp_path / "people")  # as it lies beside the file
    assert options("--config", file, "--json", "other.jsonl").settings.json == "other.jsonl"


def test_places_are_compared_wherever_they_are_said(tmp_path: Path) -> None:
    file = settings_file(tmp_path, 'save = "p.png"\nquiet = true\n')
    with pytest.raises(ArgumentError, match="two outputs write to the same place"):
        options("--config", file, "a.png", "--plot", "p.png")
    assert options("--config", file, "a.png").quiet


def test_every_option_of_a_run_is_a_setting() -> None:
    run: Any = typer.main.get_command(app).commands["run"]  # type: ignore[attr-defined]
    only_typed = {"pictures", "config", "verbose", "version"}  # of this one call
    names = {parameter.name for parameter in run.params} - only_typed
    assert names <= {each.name for each in fields(EdgeConfig)}
    assert {"camera", "json", "events", "save", "plot", "faces", "detector"} <= names


@pytest.mark.parametrize(
    "source", [("--camera", "2"), ("--video", "a.mkv"), ("--demo",), ("a.png",)]
)
def test_a_source_that_is_typed_takes_the_place_of_the_files(
    tmp_path: Path, source: tuple[str, ...]
) -> None:
    run = options("--config", settings_file(tmp_path, 'camera = "1"\n'), *source)
    named = (run.settings.camera, str(run.settings.video), run.settings.demo, run.pictures)
    wanted: dict[str, tuple[object, ...]] = {
        "--camera": ("2", "", False, ()),
        "--video": ("", "a.mkv", False, ()),
        "--demo": ("", "", True, ()),
        "a.png": ("", "", False, (Path("a.png"),)),
    }
    assert named == wanted[source[0]]
    assert run.watched == (source[0].removeprefix("--") if source[0][0] == "-" else "pictures")


def test_a_cameras_address_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FER_EDGE_CAMERA", SECRET)
    assert options().settings.camera == SECRET
    assert options("--camera", "0").settings.camera == "0"
    assert options("a.png").settings.camera == ""
    assert SECRET not in repr(options().settings)


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_a_file_with_a_cameras_password_must_be_ours_alone(tmp_path: Path) -> None:
    file = settings_file(tmp_path, f'camera = "{SECRET}"\n', 0o644)
    with pytest.raises(FerError, match="holds the setting camera and other users may read it"):
        options("--config", file)
    file = settings_file(tmp_path, 'camera = "0"\n', 0o644)
    assert options("--config", file).settings.camera == "0"


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_the_files_own_secrets_count_and_not_those_that_are_typed(tmp_path: Path) -> None:
    harmless = settings_file(tmp_path, "rate = 5\n", 0o644)
    assert options("--config", harmless, "--camera", SECRET).settings.camera == SECRET
    address = "rtsp://cam.local/user=admin&password=1234&channel=1"
    for secret in (SECRET, address):
        held = settings_file(tmp_path, f'camera = "{secret}"\n', 0o644)
        with pytest.raises(FerError, match="holds the setting camera and other users may read"):
            options("--config", held, "--camera", "0")


@pytest.mark.parametrize("line", ["mqtt_password = 4711", "token = 4711", "camera = 4711"])
def test_a_secret_of_the_wrong_type_is_not_shown(tmp_path: Path, line: str) -> None:
    with pytest.raises(
        FerError, match=r"must be text, in quotes(, or a list of such texts)?$"
    ) as refusal:
        options("--config", settings_file(tmp_path, f"{line}\n"))
    assert "4711" not in str(refusal.value)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--camera", "0", "x.jpg"), "give one thing to watch, not camera and pictures"),
        (("--camera", "front"), "no camera 'front'"),
        (("--camera", "0", "--save", "x.mp5"), "a name that ends in"),
        (("--camera", "0", "--serve", "0.0.0.0:8080"), "a token is needed"),
        (("--camera", "0", "--serve", "99999"), "port|address|serve"),
        (("--serve", "8080", "a.jpg"), "goes with a camera or a video"),
        (("--events", "e.jsonl", "a.jpg"), "--events goes with a camera or a video"),
        (("--camera", "0", "--json", "-", "--events", "-"), "two outputs write to the same place"),
        (("--camera", "0", "--plot", "p.png"), "--plot goes with one picture"),
        (("--demo", "--plot", "p.png"), "--plot goes with one picture"),
        (("a.png", "--plot", "p.png", "--save", "./p.png"), "two outputs write to the same place"),
        (("a.png", "--save", "a.png"), "would replace what is watched"),
        (("--demo", "--models", "m"), "--models goes with a camera: fer-edge --camera 0 --models"),
        (
            ("--camera", "0", "--models", "m", "--json", "./m"),
            "two outputs write to the same place",
        ),
        (("--demo", "--history", "h"), "--history goes with a camera: fer-edge --camera 0 --hist"),
        (("--camera", "0", "--history", "-"), "--history takes a file, not stdout"),
        (
            ("--camera", "0", "--history", "h", "--json", "./h"),
            "two outputs write to the same place",
        ),
        (("--camera", "0", "--history", "h", "--history-days", "0"), "history_days must lie in 1"),
        (("--camera", "0", "--history", "mysql://h/d"), "history must be FILE or postgresql://"),
        (("--camera", "0", "--detector", "retina"), "no detector 'retina'; there are haar, yunet"),
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
        require_for_a_service(options("--config", file), [])


@pytest.mark.parametrize("password", ["hunter2", "hun@ter2", "hun/ter2", "hun#ter2", "hun ter2"])
def test_the_password_of_a_database_is_shown_nowhere(tmp_path: Path, password: str) -> None:
    url = f"postgresql://fer:{password}@db.local/homes"
    file = settings_file(tmp_path, f'camera = "0"\nhistory = "{url}"\n')
    with pytest.raises(ArgumentError, match="password as history = ") as in_a_unit:
        unit_text(["--camera", "0", "--history", url], PROGRAM, "pi")
    told = [str(in_a_unit.value)]
    if password == "hunter2":
        run = options("--config", file)
        told += [repr(run), *run.stored()]
        assert told[-1].endswith("in postgresql://db.local/homes")
        require_for_a_service(run, [])
    else:
        with pytest.raises(ArgumentError, match="in a password as %40") as refused:
            options("--config", file)
        told.append(str(refused.value))
    assert not [line for line in told if "ter2" in line]
    file.chmod(0o644)
    with pytest.raises(FerError, match="holds the setting history and other users may read it"):
        options("--config", file)


def test_a_service_may_send_its_history_to_a_server_that_asks_for_no_password() -> None:
    unit = unit_text(["--camera", "0", "--history", "postgresql://db.local/homes"], PROGRAM, "pi")
    assert "--history postgresql://db.local/homes" in unit
    unit = unit_text(["--camera", "0", "--history", "h.sqlite"], PROGRAM, "pi")
    assert "--history h.sqlite" in unit


def test_a_unit_holds_no_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fer_edge.service.places.HIDDEN", ())  # pytest's own folders lie in /tmp
    query = "http://10.0.0.5/v.cgi?user=admin&pwd=hunter2"
    for words in (["--camera", SECRET], [f"--camera={SECRET}"], ["--camera", query]):
        with pytest.raises(ArgumentError, match="into a --config file of mode 600"):
            unit_text(words, PROGRAM, "pi")
    file = settings_file(tmp_path, f'camera = "{SECRET}"\n')
    assert "12/34" not in unit_text(["--config", str(file)], PROGRAM, "pi")
    require_for_a_service(options("--config", file), [])
    with pytest.raises(ArgumentError, match="a service watches a camera"):
        require_for_a_service(options("--config", file, "--demo"), [])


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
