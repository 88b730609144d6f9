"""JSON from outside, read into the dataclass that it should be, every type and range checked."""

from __future__ import annotations

import json
from typing import Any, NoReturn, TypeVar

import msgspec

from fer_core.errors import FerError

Kind = TypeVar("Kind")


def read_json(text: str | bytes, kind: type[Kind], what: str) -> Kind:
    """Return JSON text as a `kind`; fields that `kind` does not have are left out.

    Args:
        text: The text.
        kind: A dataclass, a TypedDict, or a list of them.
        what: What the text is called in messages.

    Raises:
        FerError: It is no JSON, or a field lacks, is of another type or beyond its range.
    """
    return convert_json(plain_json(text, what), kind, what)


def plain_json(text: str | bytes, what: str) -> Any:
    """Return JSON text as dicts, lists and plain values.

    Args:
        text: The text.
        what: What it is called in messages.

    Raises:
        FerError: It is no JSON.
    """
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise FerError(f"{what} cannot be read: {error}") from error


def convert_json(values: Any, kind: type[Kind], what: str) -> Kind:
    """Return plain values as a `kind`, see `read_json`.

    Args:
        values: What `json.loads` returns.
        kind: A dataclass, a TypedDict, or a list of them.
        what: What the values are called in messages.

    Raises:
        FerError: A field lacks, is of another type or beyond its range.
    """
    try:
        return msgspec.convert(values, kind)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:  # or a lone surrogate
        raise FerError(f"{what} cannot be read: {error}") from error


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
