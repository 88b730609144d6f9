"""Lines on stderr: as text, or as JSON for programs that collect logs."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from datetime import datetime, timezone

from fer_core.text import printable

LOG_FORMATS = ("text", "json")
EXPLAINED = "see docs/troubleshooting.md#{code}"
"""The line of text after a message that has a code."""
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


def tell(line: str, level: str = "info", name: str = "", see: str = "") -> None:
    """Write a line to stderr in the chosen format.

    Args:
        line: What it says.
        level: How bad that is, as `logging` calls it in small letters.
        name: The command that a line of text begins with; empty for none.
        see: The code of what explains it in docs/troubleshooting.md; empty for none.
    """
    print(_line(line, level, name, see), file=sys.stderr, flush=True)


def talk(quiet: bool) -> Callable[[str], None]:
    """Return what says a line on stderr, or nothing when quiet."""

    def say(line: str) -> None:
        if not quiet:
            tell(line)

    return say


def _line(text: str, level: str, name: str, see: str) -> str:
    """Return a line as text, or as JSON with the time, the command, how bad it is, and its code."""
    if _format["as"] != "json":
        line = printable(f"{name}: {text}" if name else text)
        return f"{line}\n{EXPLAINED.format(code=see)}" if see else line
    time = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
    fields = {"time": time, "level": level, "command": _format["name"], "message": text}
    return json.dumps(fields | ({"code": see} if see else {}))


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        text, level = super().format(record), record.levelname.lower()
        return _line(text, level, _format["name"], getattr(record, "see", ""))
