"""Which published bundle was the newest that a device tried: so that it tries none twice."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from fer_core.errors import FerError
from fer_core.files import make_folder, write_text
from fer_core.typed_json import read_json

RECORD_FILE = "published.json"
MOST_TRIES = 3
"""How often a bundle is tried whose check the end of the process has cut short."""


@dataclass(frozen=True, slots=True)
class Tried:
    """The newest bundle that was tried.

    Attributes:
        number: That of its announcement, 0 for none.
        tries: How often its check has begun.
        state: What became of it, empty while it is not known.
        why: Why it was refused.
    """

    number: Annotated[int, Meta(ge=0, le=2**53)] = 0
    tries: int = 0
    state: str = ""
    why: str = ""

    @property
    def newest_done(self) -> int:
        """The number up to which no bundle is to be tried any more."""
        return self.number if self.state or self.tries >= MOST_TRIES else self.number - 1


class PublishedRecord:
    """One small JSON file in the folder of models."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / RECORD_FILE

    def read(self) -> Tried:
        """Return what it says.

        Raises:
            FerError: It cannot be read.
        """
        try:
            text = self._file.read_bytes()
        except FileNotFoundError:
            return Tried()
        except OSError as error:
            raise FerError(f"cannot read {self._file}: {error.strerror}") from error
        what = f"{self._file}, which says what was published; remove it to take bundles again: it"
        return read_json(text, Tried, what)

    def begin(self, number: int) -> None:
        """Note that a check begins: it may end the process.

        Raises:
            FerError: The file cannot be read or written.
        """
        tried = self.read()
        tries = tried.tries if tried.number == number else 0
        self._write(Tried(number, tries + 1))

    def end(self, number: int, state: str, why: str) -> None:
        """Note what became of a bundle.

        Raises:
            FerError: The file cannot be written.
        """
        self._write(Tried(number, 0, state, why))

    def _write(self, tried: Tried) -> None:
        make_folder(self._file.parent)
        write_text(self._file, json.dumps(asdict(tried)) + "\n")
