"""JSON from outside, read into the dataclass that it should be, every type and range checked."""

from __future__ import annotations

import json
from typing import Any, NoReturn, TypeVar

import msgspec

from fer_core.errors import FerError

Kind = TypeVar("Kind")


def read_json(text: str | bytes, kind: type[Kind], what: str) -> Kind:
    """Return JSON text as a `kind`: a dataclass, a TypedDict, a list of them.

    `what` names the text in the FerError that comes when it is no JSON, lacks a field, or holds a
    value of another type or beyond its range. Fields that `kind` does not have are left out.
    """
    return convert_json(plain_json(text, what), kind, what)


def plain_json(text: str | bytes, what: str) -> Any:
    """Return JSON text as dicts, lists and plain values; raise FerError when it is no JSON."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise FerError(f"{what} cannot be read: {error}") from error


def convert_json(values: Any, kind: type[Kind], what: str) -> Kind:
    """Return plain values as a `kind`, see `read_json`."""
    try:
        return msgspec.convert(values, kind)
    except (msgspec.ValidationError, ValueError, RecursionError) as error:  # a lone surrogate, too
        raise FerError(f"{what} cannot be read: {error}") from error


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
