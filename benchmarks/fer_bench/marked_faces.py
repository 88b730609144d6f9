"""The CSV files that say where the faces of photos and clips are."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fer_core.errors import FerError
from fer_core.values import Box

_SIDES = ("x", "y", "w", "h")
_SHOWN = 30
"""So many characters of a wrong value are shown."""


@dataclass(frozen=True, slots=True)
class MarkedRow:
    """A row of such a file.

    Attributes:
        file: The name of the photo or clip.
        box: Where the face is, in pixels; None where the row's sides are empty.
        values: All of the row, by column.
        where: The file and its line, for errors.
    """

    file: str
    box: Box | None
    values: Mapping[str, str | None]
    where: str

    def whole_number(self, column: str, least: int | None = None) -> int:
        """Return a value of the row.

        Args:
            column: Its column.
            least: The smallest that is allowed; None for any.

        Raises:
            FerError: It is none, or too small.
        """
        return _whole_number(self.values, column, self.where, least)


def marked_rows(file: Path, columns: Sequence[str] = ()) -> Iterator[MarkedRow]:
    """Yield the rows of a file with the columns file, x, y, w, h.

    Args:
        file: The CSV file, with a line of column names.
        columns: Those that it needs besides.

    Raises:
        FerError: The file cannot be read, lacks a column, or holds a wrong value.
    """
    needed = ("file", *columns, *_SIDES)
    try:
        with file.open(newline="", encoding="utf-8-sig") as held:
            rows = csv.DictReader(held)
            if lacking := [each for each in needed if each not in (rows.fieldnames or ())]:
                raise FerError(
                    f"{file} has no column {lacking[0]!r}; its first line must name the columns "
                    f"{','.join(needed)}"
                )
            for values in rows:
                yield _row(values, f"{file}, line {rows.line_num}")
    except OSError as error:
        raise FerError(f"cannot read {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise FerError(
            f"{file} is not text in UTF-8; name a CSV file with the columns {','.join(needed)}"
        ) from error
    except csv.Error as error:
        raise FerError(f"{file} is not a CSV file: {error}") from error


def _row(values: Mapping[str, str | None], where: str) -> MarkedRow:
    name = values["file"]
    if not name:
        raise FerError(f"{where}: file is empty; it must name a photo or clip")
    box = None
    if any(values[side] for side in _SIDES):
        x, y = (_whole_number(values, side, where) for side in "xy")
        width, height = (_whole_number(values, side, where, 1) for side in "wh")
        box = Box(x, y, width, height)
    return MarkedRow(name, box, values, where)


def _whole_number(
    values: Mapping[str, str | None], column: str, where: str, least: int | None = None
) -> int:
    value = values[column] or ""
    try:
        number = int(value)
        if least is not None and number < least:
            raise ValueError
    except ValueError as error:
        wanted = "a whole number" if least is None else f"a whole number, {least} or more"
        got = f"got {value[:_SHOWN]!r}" if value else "and is empty"
        raise FerError(f"{where}: {column} must be {wanted}, {got}") from error
    return number
