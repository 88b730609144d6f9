"""Lines on stderr: as text, or as JSON for programs that collect logs."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from datetime import datetime, timezone

from fer_core.text import printable

LOG_FORMATS = ("text", "json")
_format = {"name": "", "as": "text"}


def log_to_stderr(name: str, log_format: str = "text") -> None:
    """Let warnings go to stderr, a line each, with the command's name.

    Args:
        name: What the command is called.
        log_format: How lines look from now on, also those of `tell` and `talk`: text or json.
    """
    _format.update({"name": name, "as": log_format})
    handler = logging.StreamHandler()
    handler.setFormatter(_Lines())
    logging.basicConfig(handlers=[handler], level=logging.WARNING)


def tell(line: str, level: str = "info", name: str = "") -> None:
    """Write a line to stderr in the chosen format.

    Args:
        line: What it says.
        level: How bad that is, as `logging` calls it in small letters.
        name: The command that a line of text begins with; empty for none.
    """
    print(_line(line, level, name), file=sys.stderr, flush=True)


def talk(quiet: bool) -> Callable[[str], None]:
    """Return what says a line on stderr, or nothing when quiet."""

    def say(line: str) -> None:
        if not quiet:
            tell(line)

    return say


def _line(text: str, level: str, name: str) -> str:
    """Return a line as text, or as JSON with the time, the command and how bad it is."""
    if _format["as"] != "json":
        return printable(f"{name}: {text}" if name else text)
    time = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
    command = _format["name"]
    return json.dumps({"time": time, "level": level, "command": command, "message": text})


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return _line(super().format(record), record.levelname.lower(), _format["name"])
