"""Lines on stderr: as text, or as JSON for programs that collect logs."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timezone

from fer_core import progress
from fer_core.errors import ArgumentError
from fer_core.text import printable

LOG_FORMATS = ("text", "json")
LOG_FORMAT_OPTION = "--log-format"
LOG_FORMAT_HELP = "How lines on stderr look: text or json."
EXPLAINED = "see docs/troubleshooting.md#{code}"
"""The line of text after a message that has a code."""
_format = {"name": "", "as": "text", "asked": ""}


def asked_log_format() -> str:
    """Return the format that the command line asks for; empty for none."""
    return _format["asked"]


def take_log_format(name: str, words: Sequence[str]) -> list[str]:
    """Use the format that the words of a command ask for, wherever they do; return the others.

    Commands are told of wrong words before they know their options, so this comes first.

    Args:
        name: What the command is called.
        words: What was typed after its name.

    Raises:
        ArgumentError: There is no such format.
    """
    _format.update({"name": name, "as": "text", "asked": ""})
    end = words.index("--") if "--" in words else len(words)
    others: list[str] = []
    asked, before = None, iter(words[:end])
    for word in before:
        option, equals, value = word.partition("=")
        if option == LOG_FORMAT_OPTION:
            asked = value if equals else next(before, "")
        else:
            others.append(word)
    if asked is not None:
        if asked not in LOG_FORMATS:
            raise ArgumentError(
                f"{LOG_FORMAT_OPTION} must be text or json, got {asked!r}", see="setting-wrong"
            )
        _format["asked"] = asked
        log_to_stderr(name)
    return [*others, *words[end:]]


def log_to_stderr(name: str, log_format: str = "text") -> None:
    """Let warnings go to stderr, a line each, with the command's name.

    JSON comes without progress bars.

    Args:
        name: What the command is called.
        log_format: How lines look from now on, also those of `tell` and `talk`: text or json. What
            the command line asks for goes before.
    """
    log_format = _format["asked"] or log_format
    _format.update({"name": name, "as": log_format})
    if log_format == "json":
        progress.silence()
        logging.captureWarnings(True)
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


def is_own_line(line: str) -> bool:
    """Return whether a line of stderr is a message of this command, not of native code."""
    return line.startswith((f"{_format['name']}: ", EXPLAINED.format(code=""), '{"time": '))


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        text, level = super().format(record), record.levelname.lower()
        return _line(text, level, _format["name"], getattr(record, "see", ""))
