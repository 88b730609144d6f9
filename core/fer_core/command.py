"""What the four commands share: a default subcommand, --version, and exit codes.

Exit codes: 0 done, 1 a fault the user can mend, 2 wrong arguments, 130 interrupted.
"""

from __future__ import annotations

import errno
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from fer_core import __version__, progress
from fer_core.entry import INTERRUPTED, reader_is_gone
from fer_core.errors import ArgumentError, FerError
from fer_core.help import GroupedCommand, OptionGroup, other_commands
from fer_core.logs import LOG_FORMAT_HELP, LOG_FORMAT_OPTION, take_log_format, tell
from fer_core.parameters import convert_plainly
from fer_core.text import did_you_mean, forgive_names_on_paper

DEFAULT_COMMAND = "run"
CONTEXT = {"help_option_names": ["-h", "--help"]}
_OF_THE_GROUP = ("--install-completion", "--show-completion")


class DefaultCommandGroup(TyperGroup):
    """A group that takes the command `run` when the first word names no other."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the default command in front of words that name none.

        Raises:
            ArgumentError: The first word is no file, and nearly the name of a command.
        """
        if ctx.resilient_parsing and not args:  # completion of the first word
            return super().parse_args(ctx, args)
        first = args[0] if args else ""
        if first == "help":
            args = [*args[1:2], "--help"]
        elif not ctx.resilient_parsing and (meant := self._meant(first)):
            raise ArgumentError(f"there is no command {first!r}{meant}")
        if not args or args[0] not in {*self.commands, *_OF_THE_GROUP}:
            args = [DEFAULT_COMMAND, *args]
        return super().parse_args(ctx, args)

    def get_params(self, ctx: Any) -> Any:
        """Return the options, of which plain ones are converted without pydantic."""
        return convert_plainly(super().get_params(ctx))

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """Return what may stand there: the commands, and what the default command takes."""
        usual = self.commands[DEFAULT_COMMAND].shell_complete(ctx, incomplete)
        return [*super().shell_complete(ctx, incomplete), *usual]

    def _meant(self, word: str) -> str:
        """Ask whether the command that a word is nearly was meant, empty for none."""
        if word in self.commands or word.startswith("-") or "." in word or Path(word).exists():
            return ""
        return did_you_mean(word, (name for name in self.commands if name != DEFAULT_COMMAND))


class DefaultCommand(GroupedCommand):
    """The command `run`, which nobody has to type: its help is the group's."""

    def make_context(self, info_name: Any, args: list[str], parent: Any = None, **more: Any) -> Any:
        """Return a context that is called as the group is."""
        if parent is not None:
            info_name, self._beside = parent.command_path, parent.command
        return super().make_context(info_name, args, **{**CONTEXT, **more})

    def get_params(self, ctx: Any) -> Any:
        """Return the options, of which plain ones are converted without pydantic."""
        return convert_plainly(super().get_params(ctx))

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the other commands of the group and the examples."""
        group: Any = getattr(self, "_beside", None)
        commands = dict(group.commands) if group else {}
        commands.pop(DEFAULT_COMMAND, None)
        if commands:
            other_commands(formatter, commands)
        super().format_epilog(ctx, formatter)


def grouped(*groups: OptionGroup) -> type[DefaultCommand]:
    """Return the kind of a command `run` whose `--help` shows its options in these groups."""
    return type("GroupedDefaultCommand", (DefaultCommand,), {"groups": groups})


def make_app() -> typer.Typer:
    """Return an empty command group in our manner."""
    return typer.Typer(
        cls=DefaultCommandGroup,
        context_settings=CONTEXT,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )


def command_line(name: str, without: str = "") -> str:
    """Return what was typed, to be kept with a result.

    Of paths outside the working folder only the last name is kept.

    Args:
        name: What the command is called.
        without: An option that is left out, with its value; empty for none.
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


def run_app(app: typer.Typer, name: str, settings: Callable[[], Iterable[str]] = tuple) -> None:
    """Run a command; a fault that the user can mend becomes a message on stderr.

    Args:
        app: The command.
        name: Its name.
        settings: Gives the keys that its settings file may have.

    Raises:
        SystemExit: The command has ended, with this exit code.
    """
    forgive_names_on_paper()
    try:
        code = _run(app, name)
        sys.exit(code if isinstance(code, int) else 0)
    except FerError as error:
        tell(str(error), "error", name, error.see)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except PermissionError as error:
        tell(f"not allowed to reach {error.filename}", "error", name)
        sys.exit(1)
    except OSError as error:
        if error.filename is not None:
            tell(f"{error.filename}: {error.strerror}", "error", name)
            sys.exit(1)
        if error.errno not in (errno.ENOSPC, errno.EBADF) and not reader_is_gone(error):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nothing more can be said there
        tell(f"cannot write to stdout: {error.strerror}", "error", name)
        sys.exit(1)
    except Exception as error:
        if type(error).__name__ == "Abort":  # of click, which older versions of typer let through
            sys.exit(INTERRUPTED)
        if not hasattr(error, "format_message"):  # what click raises for wrong words
            raise
        _tell_wrong_words(error, name, settings)
        sys.exit(getattr(error, "exit_code", 2))


def _run(app: typer.Typer, name: str) -> object:
    """Run a command; raise KeyboardInterrupt also where an import tells of it as ImportError."""
    try:
        return app(take_log_format(name, sys.argv[1:]), prog_name=name, standalone_mode=False)
    except Exception as error:
        if _is_interrupted_import(error):
            raise KeyboardInterrupt from error
        raise
    finally:
        sys.stdout.flush()


def _is_interrupted_import(error: BaseException | None) -> bool:
    """Return whether Ctrl-C came while native code was imported, which then raises ImportError."""
    while error is not None:
        if isinstance(error, ImportError) and isinstance(error.__cause__, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


def _tell_wrong_words(error: Any, name: str, settings: Callable[[], Iterable[str]]) -> None:
    """Say what click raised for words that are none of the command's."""
    message = error.format_message()
    if message.startswith("Usage:"):
        tell(message)
        return
    word = getattr(error, "option_name", "")
    key = word.lstrip("-").replace("-", "_")
    command = getattr(getattr(error, "ctx", None), "command", None)
    has_config = any(each.name == "config" for each in getattr(command, "params", ()))
    if word and has_config and key in settings():
        message = f"{word} is no option, but a setting: put {key} = ... into a --config file"
    explained = getattr(getattr(error, "param", None), "help", "")
    if explained and message.startswith("Missing "):
        message = f"{message.rstrip('.')}: {explained}"
    tell(_plain(message), "error", name)
    typed = getattr(getattr(error, "ctx", None), "command_path", name)
    tell(f"{typed} --help lists what there is")


def _plain(message: str) -> str:
    """Return what click says of a wrong word in our words."""
    invalid = re.match(r"Invalid value for '(.*?)': .*\b(int|integer|float|number)\b", message)
    if invalid:
        wanted = "a whole number" if invalid[2].startswith("int") else "a number"
        return f"{invalid[1]} must be {wanted}"
    return message[:1].lower() + message[1:]


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

LogFormat = Annotated[str, typer.Option(LOG_FORMAT_OPTION, help=LOG_FORMAT_HELP)]
"""Is there for `--help`: `run_app` reads it, for subcommands too."""
