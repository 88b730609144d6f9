"""Lines on stderr as text and as JSON."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import datetime

import pytest

from fer_core import logs


@pytest.fixture(autouse=True)
def _text_again() -> Iterator[None]:
    yield
    logs.log_to_stderr("")


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
