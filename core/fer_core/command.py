"""What the four commands share: a default subcommand, --version, and exit codes.

Exit codes: 0 done, 1 a fault the user can mend, 2 wrong arguments, 130 interrupted.
"""

from __future__ import annotations

import errno
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from fer_core import __version__, progress
from fer_core.errors import FerError

DEFAULT_COMMAND = "run"


class DefaultCommandGroup(TyperGroup):
    """A group that takes the command `run` when the first word names no other."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the default command in front of words that name none."""
        if not args or args[0] not in self.commands:
            args = [DEFAULT_COMMAND, *args]
        return super().parse_args(ctx, args)


def make_app() -> typer.Typer:
    """Return an empty command group in our manner."""
    return typer.Typer(
        cls=DefaultCommandGroup,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )


def command_line(name: str, without: str = "") -> str:
    """Return what was typed, to be kept with a result.

    Of paths outside the working folder only the last name is kept, of the option `without` and
    its value nothing.
    """

    def without_place(word: str) -> str:
        option, equals, value = word.rpartition("=") if word.startswith("--") else ("", "", word)
        path = Path(value)
        outside = path.is_absolute() or ".." in path.parts
        return f"{option}{equals}{path.name if outside else value}"

    words = sys.argv[1:]
    if without:
        words = [word for word in words if not word.startswith(f"{without}=")]
        if without in words:
            at = words.index(without)
            words = words[:at] + words[at + 2 :]
    return shlex.join([name, *map(without_place, words)])


def run_app(app: typer.Typer, name: str) -> None:
    """Run a command; a FerError becomes a message on stderr and its exit code."""
    try:
        try:
            app(prog_name=name)
        finally:
            sys.stdout.flush()
    except FerError as error:
        print(f"{name}: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except PermissionError as error:
        print(f"{name}: not allowed to reach {error.filename}", file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EPIPE):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nothing more can be said there
        print(f"{name}: cannot write to stdout: {error.strerror}", file=sys.stderr)
        sys.exit(1)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version."),
]


def _silence(wanted: bool) -> bool:
    if wanted:
        progress.silence()
    return wanted


Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", callback=_silence, help="Print results only.")
]


def talk(quiet: bool) -> Callable[[str], None]:
    """Return what says a line on stderr, or nothing when quiet."""

    def say(line: str) -> None:
        if not quiet:
            print(line, file=sys.stderr, flush=True)

    return say
