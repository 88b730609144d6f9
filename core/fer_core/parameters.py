"""Words of the command line as text, paths and numbers, without what typer loads for them.

Typer 0.29 converts every option by pydantic, also those that were not given. Loading pydantic takes
longer than loading typer itself (docs/decisions/0011-start.md).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args, get_origin

_KINDS = (str, Path, int, float)
_LIMITS = ("parser", "min", "max", "exists", "writable", "resolve_path", "path_type")
"""What an option may ask of its value beyond its kind; typer alone knows how to check that."""


def convert_plainly(parameters: list[Any]) -> list[Any]:
    """Return parameters of a typer command; plain values they convert themselves from now on.

    Earlier versions of typer have no `get_runtime_param`, and load no pydantic.
    """
    for parameter in parameters:
        by_typer = getattr(parameter, "get_runtime_param", None)
        if by_typer and not isinstance(by_typer, _PlainValues):
            parameter.get_runtime_param = _PlainValues(parameter)
    return parameters


class _PlainValues:
    """Stands in the place of what gives typer the conversion of one parameter, and of that."""

    def __init__(self, parameter: Any) -> None:
        self._by_typer = parameter.get_runtime_param
        descriptor = parameter.type_descriptor
        asks = descriptor.parameter_info
        limits = [getattr(asks, each) for each in _LIMITS]
        free = all(limit is None or limit is False for limit in limits)
        kind = descriptor.annotation
        self._is_list = get_origin(kind) is list
        self._kind = get_args(kind)[0] if self._is_list else kind
        self._is_plain = free and asks.file_okay and asks.dir_okay and self._kind in _KINDS

    def __call__(self) -> _PlainValues:
        return self

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return the value of an option, None or () for one that was not given."""
        if value is None:
            return () if self._is_list else None
        if self._is_plain:
            try:
                return [self._kind(each) for each in value] if self._is_list else self._kind(value)
            except ValueError:
                pass  # typer has the message
        return self._by_typer().coerce(value, param=param, ctx=ctx)
