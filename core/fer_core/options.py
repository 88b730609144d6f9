"""Settings that are options of a command too: said once, as fields of a dataclass."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, get_type_hints

import typer


def option(
    default: Any,
    help: str,  # noqa: A002  # as typer calls it
    shown_as: type | None = None,
    names: tuple[str, ...] = (),
    secret: bool = False,
    reads: bool = False,
    writes: str = "",
    several: bool = False,
) -> Any:
    """Return a field of a settings dataclass that is an option of a command too.

    Args:
        default: The value of the setting that is not given.
        help: What `--help` says of it.
        shown_as: The type that the command line takes, such as Path, if another than the field's.
        names: The option's names, if others than `--name-of-the-field`.
        secret: Whether messages never show its value.
        reads: Whether it names a file that is read.
        writes: What is written to the file that it names, in words; empty for no such setting.
        several: Whether it may be given more than once; it is a list of texts then.

    """
    kind = list[str] if several else shown_as
    told = {"help": help, "shown_as": kind, "names": names, "reads": reads, "writes": writes}
    return dataclasses.field(default=default, repr=not secret, metadata=told)


def takes_settings(
    settings: type, before: int
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command an option for each field of a settings dataclass that `option` made.

    Typer reads the options from the signature of a function; they come as the context's `params`,
    None for those that were not given.

    Args:
        settings: The dataclass.
        before: How many parameters of the command `--help` shows before them.

    """

    def decorated(command: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(command, eval_str=True)
        names = {each.name for each in _options(settings)}

        @functools.wraps(command)
        def called(**given: Any) -> None:
            command(**{name: value for name, value in given.items() if name not in names})

        kinds = get_type_hints(settings)
        added = [_parameter(each, kinds[each.name]) for each in _options(settings)]
        parameters = [*own.parameters.values()]
        parameters = [*parameters[:before], *added, *parameters[before:]]
        called.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
        called.__annotations__ = {each.name: each.annotation for each in parameters}
        return called

    return decorated


def _options(settings: Any) -> list[dataclasses.Field[Any]]:
    return [each for each in dataclasses.fields(settings) if "help" in each.metadata]


def _parameter(field: dataclasses.Field[Any], kind: Any) -> inspect.Parameter:
    """Return the parameter of a command for a setting; not given, it is None."""
    kind = field.metadata["shown_as"] or kind
    option = typer.Option(*field.metadata["names"], help=field.metadata["help"])
    return inspect.Parameter(
        field.name,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        default=None,
        annotation=Annotated[kind | None, option],
    )
