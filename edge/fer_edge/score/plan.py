"""What is to be read: the sources in an order that never changes, cut into pieces."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fer_core.errors import FerError
from fer_core.files import make_folder
from fer_core.values import Int64Array
from fer_edge.score.addresses import without_secrets
from fer_edge.score.keys import KEY_BYTES, find_repeated, key_of, read_keys
from fer_edge.score.sources import Source

PIECE = 200
"""How many pictures are a piece: seconds of work, and a file of some 20 KB."""
_SOURCES, _PIECES, _KEYS, _WORDS = "sources.jsonl", "pieces.bin", "keys.bin", "words.json"
_NEW = ".new-"


@dataclass(frozen=True, slots=True)
class Piece:
    """Sources that one worker reads in one go.

    Attributes:
        first: The number of its first source among all of the plan.
        sources: What it holds; their numbers follow each other.
    """

    first: int
    sources: tuple[Source, ...]

    def part(self, start: int, stop: int) -> Piece:
        """Return the piece of some of its sources, by their place in it."""
        return Piece(self.first + start, self.sources[start:stop])


@dataclass(frozen=True, slots=True)
class Added:
    """How many sources are new in a plan, were given twice, and have changed since."""

    new: int
    repeated: int
    changed: int


class Plan:
    """The sources of a folder of results: parts, each listed at once and never changed.

    Attributes:
        total: How many sources there are.
    """

    def __init__(self, folder: Path) -> None:
        """Look at the plan, which may be empty or not there; nothing is written."""
        self._folder = folder
        self._parts = sorted(each for each in folder.glob("*") if each.name.isdecimal())
        self._sizes = [(each / _KEYS).stat().st_size // KEY_BYTES for each in self._parts]

    @property
    def total(self) -> int:
        """How many sources there are."""
        return sum(self._sizes)

    @property
    def words(self) -> list[str]:
        """What was listed last, without secrets."""
        if not self._parts:
            return []
        words: list[str] = json.loads((self._parts[-1] / _WORDS).read_text())
        return words

    def extend(self, listing: Iterable[Source], words: Sequence[str], most: int = PIECE) -> Added:
        """List sources, and add those that are new as a part of its own.

        Nobody else may be writing the plan now.

        Args:
            listing: The sources.
            words: What named them.
            most: How many pictures are a piece.

        Raises:
            FerError: The listing fails, or the disk is full; the plan is as before.
        """
        for left in make_folder(self._folder).glob(f"{_NEW}*"):  # of a run that was killed
            shutil.rmtree(left, ignore_errors=True)
        new = Path(tempfile.mkdtemp(prefix=_NEW, dir=self._folder))
        try:
            _write_listing(listing, new)
            keys = read_keys(new / f"all-{_KEYS}")
            known = [read_keys(part / _KEYS) for part in self._parts]
            repeated, changed = find_repeated(keys, known)
            count = len(keys) - len(repeated)
            del keys  # Windows deletes no file that is looked at
            if count:
                (new / _WORDS).write_text(json.dumps([without_secrets(word) for word in words]))
                _cut(new, repeated, most)
                self._take(new, count)
        except OSError as error:
            raise FerError(f"cannot write the plan in {self._folder}: {error.strerror}") from error
        finally:
            shutil.rmtree(new, ignore_errors=True)
        return Added(count, len(repeated), changed)

    def pieces(self, done: dict[int, int]) -> Iterator[Piece]:
        """Yield the pieces that are not done.

        Args:
            done: How many sources are done together, by the number of the first one.
        """
        before = 0
        for part, size in zip(self._parts, self._sizes, strict=True):
            table = np.fromfile(part / _PIECES, np.int64).reshape(-1, 2)
            ends = np.append(table[1:, 1], size)
            with (part / _SOURCES).open("rb") as lines:
                for (offset, first), end in zip(table, ends, strict=True):
                    ranges = _open_ranges(before + int(first), before + int(end), done)
                    if ranges:
                        lines.seek(offset)
                        read = [_read(lines.readline()) for _ in range(end - first)]
                        whole = Piece(before + int(first), tuple(read))
                        for start, stop in ranges:
                            yield whole.part(start - whole.first, stop - whole.first)
            before += size

    def _take(self, new: Path, count: int) -> None:
        place = self._folder / f"{len(self._parts):04d}"
        for file in new.iterdir():
            with file.open("r+b") as written:  # Windows syncs no file that is only read
                os.fsync(written.fileno())
        new.rename(place)
        self._parts.append(place)
        self._sizes.append(count)


def _open_ranges(first: int, end: int, done: dict[int, int]) -> list[tuple[int, int]]:
    """Return the ranges of sources, from `first` to before `end`, that are not done."""
    if done.get(first) == end - first:
        return []
    ranges, at, open_from = [], first, first
    while at < end:
        if at in done:
            if at > open_from:
                ranges.append((open_from, at))
            at = open_from = at + done[at]
        else:
            at += 1
    return [*ranges, (open_from, end)] if end > open_from else ranges


def _write_listing(listing: Iterable[Source], folder: Path) -> None:
    """Write a line and a key a source, also for those that come twice."""
    with (
        (folder / f"all-{_SOURCES}").open("wb", 1 << 20) as lines,
        (folder / f"all-{_KEYS}").open("wb", 1 << 20) as keys,
    ):
        for source in listing:
            lines.write(json.dumps([source.address, source.version]).encode() + b"\n")
            keys.write(key_of(source))


def _cut(folder: Path, repeated: Int64Array, most: int) -> None:
    """Write the lines and keys that are not repeated, and where each piece begins."""
    skipped = iter(repeated.tolist())
    skip, number, open_ = next(skipped, -1), 0, 0
    with (
        (folder / f"all-{_SOURCES}").open("rb") as all_lines,
        (folder / f"all-{_KEYS}").open("rb") as all_keys,
        (folder / _SOURCES).open("wb", 1 << 20) as lines,
        (folder / _KEYS).open("wb", 1 << 20) as keys,
        (folder / _PIECES).open("wb", 1 << 20) as pieces,
    ):
        offset = 0
        for index, line in enumerate(all_lines):
            key = all_keys.read(KEY_BYTES)
            if index == skip:
                skip = next(skipped, -1)
                continue
            alone = _read(line).is_video
            if alone or not open_:
                pieces.write(np.array([offset, number], np.int64).tobytes())
            open_ = 0 if alone else (open_ + 1) % most
            lines.write(line)
            keys.write(key)
            offset, number = offset + len(line), number + 1
    for name in (_SOURCES, _KEYS):
        (folder / f"all-{name}").unlink()


def _read(line: bytes) -> Source:
    return Source(*json.loads(line))
