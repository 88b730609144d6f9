"""The rows of a data set as they are read, good and bad."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from fer_core.dataset import FerDataset
from fer_core.errors import FerError
from fer_core.values import UInt8Array

SHOWN_FAULTS = 5

Row = tuple[UInt8Array, int, int, int]
"""Pixels (h, w) or (h, w, 3), class index, split index, row number."""


@dataclass(slots=True)
class Faults:
    """The bad rows of one data set, gathered so that all can be told at once."""

    where: str
    skip: bool
    rows: list[str] = field(default_factory=list)

    def add(self, row: str, what: str) -> None:
        """Note what is wrong with a row."""
        self.rows.append(f"{row}: {what}")

    def shown(self) -> str:
        """Return the first bad rows, each on a line of its own."""
        rest = len(self.rows) - SHOWN_FAULTS
        more = [f"and {rest} more"] if rest > 0 else []
        return "".join(f"\n  {line}" for line in [*self.rows[:SHOWN_FAULTS], *more])

    def settle(self) -> None:
        """Refuse the bad rows, unless they are to be left out.

        Raises:
            FerError: There are some, which the message lists.
        """
        if not self.rows or self.skip:
            return
        raise FerError(
            f"{self.where}: {len(self.rows)} bad rows{self.shown()}\n"
            "Correct them, or read on without them: --skip-bad",
            see="data-bad-rows",
        )


def assemble(rows: Iterable[Row], names: tuple[str, ...], path: Path, faults: Faults) -> FerDataset:
    """Return the data set of the good rows.

    Args:
        rows: All rows; bad ones go to `faults`.
        names: The labels that the rows' indices stand for.
        path: Where they come from.
        faults: What gathers the bad rows.

    Raises:
        FerError: There is no good row, or there are bad ones that are not to be left out.
    """
    kept = list(rows)
    faults.settle()
    if not kept:
        raise FerError(f"{path} holds no picture that can be read{faults.shown()}")
    images = np.stack([row[0] for row in kept])
    labels, split, number = (np.array([row[i] for row in kept], np.int64) for i in (1, 2, 3))
    return FerDataset(images, labels, split, names, number, path.name, tuple(faults.rows))
