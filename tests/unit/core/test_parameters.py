"""Plain options are converted here, the rest and every wrong word by typer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import pytest
import typer

from fer_core.command import DefaultCommand, make_app, run_app

GIVEN: dict[str, Any] = {}


def take(
    files: Annotated[list[Path] | None, typer.Argument()] = None,
    name: str = "nobody",
    place: Path | None = None,
    count: int | None = None,
    share: float = 0.5,
    word: Annotated[list[str] | None, typer.Option()] = None,
    few: Annotated[int, typer.Option(min=0, max=9)] = 3,
    known: Annotated[Path | None, typer.Option(exists=True)] = None,
    shown: bool | None = None,
) -> None:
    GIVEN.update(locals())


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    app = make_app()
    app.command("run", cls=DefaultCommand)(take)
    app.command("other")(lambda: None)

    def called(*words: str) -> tuple[int, dict[str, Any]]:
        GIVEN.clear()
        monkeypatch.setattr("sys.argv", ["fer-test", *words])
        with pytest.raises(SystemExit) as end:
            run_app(app, "fer-test")
        return int(end.value.code or 0), dict(GIVEN)

    return called


def test_what_is_not_given_has_its_default(run: Any) -> None:
    code, given = run()
    assert code == 0
    assert given == {
        **{"files": None, "name": "nobody", "place": None, "count": None, "share": 0.5},
        **{"word": None, "few": 3, "known": None, "shown": None},
    }


def test_each_kind_of_value_is_converted(run: Any) -> None:
    words = "a.jpg b/c.jpg --name Anna --place there --count 12 --share 0.25 --few 9 --no-shown"
    _, given = run(*words.split(), "--word", "one", "--word", "two", "--known", "/")
    assert given == {
        **{"files": [Path("a.jpg"), Path("b/c.jpg")], "name": "Anna", "place": Path("there")},
        **{"count": 12, "share": 0.25, "word": ["one", "two"], "few": 9, "known": Path("/")},
        "shown": False,
    }


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--count", "many"), "--count must be a whole number"),
        (("--share", "half"), "--share must be a number"),
        (("--few", "10"), "--few"),
        (("--few", "-1"), "--few"),
        (("--known", "/not/there"), "does not exist"),
    ],
)
def test_wrong_values_are_refused(
    run: Any, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    assert run(*words) == (2, {})
    assert said in capsys.readouterr().err
