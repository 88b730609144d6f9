"""Reading the command in a unit file as systemd does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

PROGRAM = Path("/home/pi/fer/.venv/bin/fer-edge")


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
