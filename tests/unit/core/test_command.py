import errno
import io
import os
import re
import sys
from typing import Annotated

import pytest
import typer

from fer_core.command import INTERRUPTED, DefaultCommand, command_line, make_app, run_app
from fer_core.errors import FerError


def test_a_command_is_kept_without_places_and_without_one_option(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = ["fer-x", "/home/me/faces.npz", "--teacher", "", "--out", "here", "--data=/a/b", "=a"]
    monkeypatch.setattr(sys, "argv", words)
    kept = "fer-x faces.npz --teacher '' --out here --data=b =a"
    assert command_line("fer-x") == kept
    assert command_line("fer-x", without="--out") == kept.replace(" --out here", "")
    monkeypatch.setattr(sys, "argv", ["fer-x", "--int8", "--out=here"])
    assert command_line("fer-x", without="--out") == "fer-x --int8"


def words(monkeypatch: pytest.MonkeyPatch, *given: str) -> int:
    """Run a small app with the words given; return its exit code."""
    app = make_app()

    @app.command(cls=DefaultCommand)
    def run(names: list[str] | None = None, epochs: int = 1) -> None:
        """Do the usual."""
        print(f"{names or []} {epochs}")

    @app.command()
    def doctor() -> None:
        """Look after this computer."""
        print("well")

    @app.command()
    def greet(name: Annotated[str, typer.Argument(help="Whom to greet.")]) -> None:
        """Greet somebody."""
        print(name)

    @app.command()
    def fail() -> None:
        """Fail."""
        raise FerError("no camera 7", see="camera-not-found")

    @app.command()
    def load(told: bool = False) -> None:
        """Import native code, during which Ctrl-C comes."""
        try:
            raise ImportError("initialization failed") from KeyboardInterrupt()
        except ImportError as error:
            if told:
                raise FerError("no runtime loads") from error
            raise

    monkeypatch.setattr(sys, "argv", ["fer-x", *given])
    with pytest.raises(SystemExit) as ended:
        run_app(app, "fer-x")
    return int(ended.value.code or 0)


def test_the_usual_command_needs_no_name_and_help_shows_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for given in (["help"], ["-h"], ["--help"]):
        assert words(monkeypatch, *given) == 0
        shown = capsys.readouterr().out
        assert "Usage: fer-x [OPTIONS]" in shown
        assert "doctor  Look after this computer." in shown
        assert "fer-x run" not in shown
    assert words(monkeypatch, "help", "doctor") == 0
    assert "Usage: fer-x doctor" in capsys.readouterr().out
    assert words(monkeypatch, "doctor") == 0
    assert capsys.readouterr().out == "well\n"


def test_a_misspelled_command_is_no_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert words(monkeypatch, "docter") == 2
    assert capsys.readouterr().err == "fer-x: there is no command 'docter'; did you mean doctor?\n"


def test_an_error_with_a_code_says_where_it_is_explained(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert words(monkeypatch, "fail") == 1
    said = capsys.readouterr().err
    assert said == "fer-x: no camera 7\nsee docs/troubleshooting.md#camera-not-found\n"


@pytest.mark.parametrize("option", ["--told", "--no-told"])
def test_ctrl_c_in_an_import_is_no_missing_package(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    assert words(monkeypatch, "load", option) == INTERRUPTED
    assert capsys.readouterr().err == ""


def test_wrong_words_are_told_in_plain_ones(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert words(monkeypatch, "--epochs", "abc") == 2
    assert capsys.readouterr().err.startswith("fer-x: --epochs must be a whole number\n")
    assert words(monkeypatch, "greet") == 2
    said = capsys.readouterr().err
    assert re.match(r"fer-x: missing argument 'name': Whom to greet\.\n", said, re.IGNORECASE)
    assert said.endswith("\nfer-x greet --help lists what there is\n")
    assert words(monkeypatch, "--doctor") == 2
    said = capsys.readouterr().err
    assert re.match(r"fer-x: no such option.*--doctor", said)  # by click's version
    assert said.endswith("\nfer-x --help lists what there is\n")
    assert words(monkeypatch, "--epochs", "3") == 0
    assert capsys.readouterr().out == "[] 3\n"


class GoneReader(io.StringIO):
    """A stdout whose reader is away."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number

    def flush(self) -> None:
        raise OSError(self._number, "nobody reads")


@pytest.mark.parametrize(("system", "number"), [("win32", errno.EINVAL), ("linux", errno.EPIPE)])
def test_a_reader_that_goes_away_is_no_traceback(
    system: str, number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    redirected: list[int] = []
    with monkeypatch.context() as patch:
        patch.setattr(sys, "platform", system)
        patch.setattr(sys, "stdout", GoneReader(number))
        patch.setattr(os, "dup2", lambda _, to: redirected.append(to))
        assert words(patch, "doctor") == 1
    assert redirected == [1]
    assert capsys.readouterr().err == "fer-x: cannot write to stdout: nobody reads\n"
