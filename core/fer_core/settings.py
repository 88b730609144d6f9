"""Settings of a package: one frozen dataclass, filled from TOML, then from the command line."""

from __future__ import annotations

import difflib
import json
import logging
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar, get_type_hints

from fer_core.errors import ArgumentError, FerError

Settings = TypeVar("Settings")
_LOG = logging.getLogger(__name__)


def load_settings(
    kind: type[Settings],
    path: Path | None,
    overrides: Mapping[str, object],
    renamed: Mapping[str, str] = MappingProxyType({}),
    hint: Callable[[str], None] = _LOG.warning,
) -> Settings:
    """Return `kind` with the values of a TOML file, then those overrides that are not None.

    Args:
        kind: A dataclass, each field a setting.
        path: The file; None for none.
        overrides: Values by the names of settings.
        renamed: Earlier names of keys, which are read too, with those of today.
        hint: What gets a line for each earlier name.

    Raises:
        FerError: The file cannot be read, or holds an unknown key or a wrong value.
        ArgumentError: An override is no allowed value.
    """
    values = _with_new_names(read_toml(path), renamed, path, hint) if path else {}
    known = get_type_hints(kind)
    secret = {each.name for each in fields(kind) if not each.repr}  # type: ignore[arg-type]
    if unknown := [key for key in values if key not in known]:
        raise FerError.joined([_unknown(key, known, path) for key in unknown])
    for key, value in values.items():
        values[key] = _checked(key, value, known[key], path, shown=key not in secret)
    given = {key: value for key, value in overrides.items() if value is not None}
    try:
        kind(**values)
    except ValueError as error:
        raise FerError(f"{path}: {error}", see="setting-wrong") from error
    try:
        return kind(**{**values, **given})
    except ValueError as error:
        raise ArgumentError(str(error), see="setting-wrong") from error


def _unknown(key: str, known: Iterable[str], path: Path | None) -> FerError:
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.0)[0]
    return FerError(
        f"{path}: unknown key {key!r}; the nearest known one is {near!r}", see="setting-unknown"
    )


def _with_new_names(
    values: dict[str, Any], renamed: Mapping[str, str], path: Path, hint: Callable[[str], None]
) -> dict[str, Any]:
    """Return the values under the names of today; raise FerError for one under both names."""
    for old in renamed.keys() & values.keys():
        if renamed[old] in values:
            raise FerError(
                f"{path}: {old} is called {renamed[old]} now: leave {old} out", see="setting-wrong"
            )
        hint(f"{path}: {old} is called {renamed[old]} now, and will not be read much longer")
    return {renamed.get(key, key): value for key, value in values.items()}


def settings_toml(settings: object) -> str:
    """Return a settings dataclass as TOML text, one key a line, that `load_settings` reads."""
    lines = []
    for each in fields(settings):  # type: ignore[arg-type]  # any dataclass instance
        value = getattr(settings, each.name)
        if value is not None:
            lines.append(f"{each.name} = {_toml_value(value)}")
    return "\n".join(lines) + "\n"


def read_toml(path: Path) -> dict[str, Any]:
    """Return what a TOML file holds.

    Raises:
        FerError: It cannot be read.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig", errors="surrogateescape"))
    except OSError as error:
        raise FerError(
            f"cannot read the settings in {path}: {error.strerror}", see="settings-unreadable"
        ) from error
    except (ValueError, RecursionError) as error:
        hint = "; text needs quotes" if "Invalid value" in str(error) else ""
        raise FerError(
            f"cannot read the settings in {path}: {error}{hint}", see="settings-unreadable"
        ) from error


def _checked(key: str, value: object, kind: object, path: Path | None, shown: bool) -> object:
    if kind == bool | None:
        kind = bool
    if kind is float and type(value) is int:
        return float(value)
    allowed = {
        str: "text, in quotes",
        int: "a whole number",
        float: "a number",
        bool: "true or false",
    }
    for candidate, words in allowed.items():
        if kind is candidate and type(value) is not candidate:
            got = f", got {value!r}" if shown else ""
            raise FerError(f"{path}: {key} must be {words}{got}", see="setting-wrong")
    return value


def _toml_value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    quoted = json.dumps(str(value), ensure_ascii=False)  # TOML has JSON's escapes
    return quoted.replace("\x7f", "\\u007f")  # which TOML, unlike JSON, wants escaped
