"""Lines on stderr as text and as JSON."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import datetime

import pytest

from fer_core import logs
from fer_core.errors import ArgumentError


@pytest.fixture(autouse=True)
def _text_again() -> Iterator[None]:
    yield
    logs.take_log_format("", [])


def test_lines_of_text_begin_with_the_command_where_they_warn(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.log_to_stderr("fer-edge")
    logs.talk(False)("page: http://127.0.0.1:8080/")
    logs.talk(True)("nothing")
    logs.tell("no camera \x1b[2J", "error", "fer-edge")
    assert capsys.readouterr().err.splitlines() == [
        "page: http://127.0.0.1:8080/",
        "fer-edge: no camera \\x1b[2J",
    ]


def test_lines_of_json_have_time_level_and_command(capsys: pytest.CaptureFixture[str]) -> None:
    logs.log_to_stderr("fer-edge", "json")
    logs.talk(False)("page: http://127.0.0.1:8080/")
    logs.tell("no camera\nthere", "error", "fer-edge")
    record = logging.LogRecord("fer_edge.a", logging.WARNING, "a", 1, "camera %s", ("gone",), None)
    print(logs._Lines().format(record))
    said = capsys.readouterr()
    lines = [json.loads(line) for line in (said.err + said.out).splitlines()]
    assert [(line["level"], line["command"], line["message"]) for line in lines] == [
        ("info", "fer-edge", "page: http://127.0.0.1:8080/"),
        ("error", "fer-edge", "no camera\nthere"),
        ("warning", "fer-edge", "camera gone"),
    ]
    assert all(datetime.fromisoformat(line["time"]).tzinfo for line in lines)


def test_a_message_with_a_code_says_where_it_is_explained(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.log_to_stderr("fer-edge")
    logs.tell("no camera 7", "error", "fer-edge", "camera-not-found")
    record = logging.makeLogRecord({"msg": "too slow", "see": "computer-too-slow"})
    print(logs._Lines().format(record))
    said = capsys.readouterr()
    assert said.err == "fer-edge: no camera 7\nsee docs/troubleshooting.md#camera-not-found\n"
    assert said.out == "fer-edge: too slow\nsee docs/troubleshooting.md#computer-too-slow\n"


def test_in_json_the_code_is_a_field(capsys: pytest.CaptureFixture[str]) -> None:
    logs.log_to_stderr("fer-edge", "json")
    logs.tell("no camera 7", "error", "fer-edge", "camera-not-found")
    logs.tell("no such option", "error", "fer-edge")
    coded, plain = map(json.loads, capsys.readouterr().err.splitlines())
    assert (coded["message"], coded["code"]) == ("no camera 7", "camera-not-found")
    assert "code" not in plain


@pytest.mark.parametrize(
    ("words", "others", "asked"),
    [
        (["models", "trust", "a"], ["models", "trust", "a"], ""),
        (["--log-format", "json", "models", "list"], ["models", "list"], "json"),
        (["models", "list", "--log-format=text"], ["models", "list"], "text"),
        (["--", "--log-format", "json"], ["--", "--log-format", "json"], ""),
    ],
)
def test_the_format_is_taken_out_of_the_words(
    words: list[str], others: list[str], asked: str
) -> None:
    assert logs.take_log_format("fer-edge", words) == others
    assert logs.asked_log_format() == asked


@pytest.mark.parametrize("words", [["--log-format", "xml"], ["--log-format"], ["--log-format="]])
def test_another_format_is_a_wrong_argument(words: list[str]) -> None:
    with pytest.raises(ArgumentError, match="--log-format must be text or json, got"):
        logs.take_log_format("fer-edge", words)


def test_the_command_line_wins_over_the_settings_file(capsys: pytest.CaptureFixture[str]) -> None:
    logs.take_log_format("fer-edge", ["--log-format", "text"])
    logs.log_to_stderr("fer-edge", "json")
    logs.tell("no camera")
    assert capsys.readouterr().err == "no camera\n"
