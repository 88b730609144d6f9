"""What has been read: a file that is only appended to, one line a finished piece."""

from __future__ import annotations

import json
import os
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from fer_core.errors import FerError
from fer_core.typed_json import read_json
from fer_edge.score.shards import shard_file, shard_range

_SYNC_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a piece.

    Attributes:
        first: The number of its first source among all.
        count: How many sources it holds.
        frames: How many pictures were looked at.
        empty: How many sources were read and show no face.
        size: That of its shard in bytes; without a face there is no shard.
        errors: The sources that could not be read, and why.
    """

    first: int
    count: int
    frames: int = 0
    faces: int = 0
    empty: int = 0
    size: int = 0
    errors: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class _Line:
    """What is remembered of a line; the errors themselves stay in the file."""

    offset: int
    count: int = 0
    size: int = 0
    faces: int = 0
    errors: int = 0


class FinishedPieces:
    """The finished pieces of a folder of results; no two of them share a source.

    A line replaces all earlier ones that it overlaps. Sources of those that it does not hold are
    open again. Nothing is written: another process may be adding lines.

    Attributes:
        sources: How many sources are done.
        faces: How many faces they show.
        errors: How many of them could not be read.
    """

    def __init__(self, out: Path) -> None:
        """Read the manifest; lines whose shard is not as they say do not count.

        Args:
            out: The folder of results.

        Raises:
            FerError: It cannot be read.
        """
        self._out, self._file = out, out / "manifest.jsonl"
        self._lines: dict[int, _Line] = {}
        self._order: list[int] = []
        self.sources = self.faces = self.errors = 0
        try:
            self._end = self._load() if self._file.exists() else 0
        except OSError as error:
            raise FerError(f"cannot open {self._file}: {error.strerror}") from error

    def done(self, again: bool = False) -> dict[int, int]:
        """Return how many sources are done together, by the number of the first one.

        Args:
            again: Whether pieces with errors count as not done.
        """
        done = {first: line.count for first, line in self._lines.items()}
        if again:
            for result in self.results():
                if result.errors:
                    del done[result.first]
        return done

    def results(self) -> Iterator[Result]:
        """Yield the finished pieces, read anew from the file."""
        if not self._lines:
            return
        with self._file.open("rb") as lines:
            offset = 0
            for line in lines:
                result = _parsed(line)
                known = self._lines.get(result.first) if result else None
                if result and known and known.offset == offset:
                    yield result
                offset += len(line)

    def _load(self) -> int:
        """Count the lines; return where the last whole one ends."""
        offset = 0
        with self._file.open("rb") as lines:
            for line in lines:
                result = _parsed(line)
                if result is None:
                    break
                self._evict(result)
                if self._is_whole(result):
                    self._count(result, offset)
                offset += len(line)
        if offset < self._file.stat().st_size:
            self._require_torn_end(offset)
        return offset

    def _require_torn_end(self, offset: int) -> None:
        with self._file.open("rb") as lines:
            lines.seek(offset)
            lines.readline()
            if lines.read(1):
                raise FerError(
                    f"{self._file} is damaged at byte {offset}: cut it off there "
                    f"(truncate -s {offset} {self._file}), and the rest is read again"
                )

    def _is_whole(self, result: Result) -> bool:
        if not result.size:
            return True
        try:
            found = shard_file(self._out, result.first, result.count).stat().st_size
        except OSError:
            return False
        return found == result.size

    def _evict(self, result: Result) -> list[tuple[int, _Line]]:
        """Forget the lines that a newer one overlaps, and return them."""
        start = bisect_right(self._order, result.first)
        if start and (before := self._order[start - 1]) + self._lines[before].count > result.first:
            start -= 1
        stop = bisect_right(self._order, result.first + result.count - 1)
        evicted = [(first, self._lines.pop(first)) for first in self._order[start:stop]]
        del self._order[start:stop]
        for _, line in evicted:
            self._add(line, -1)
        return evicted

    def _count(self, result: Result, offset: int) -> None:
        line = _Line(offset, result.count, result.size, result.faces, len(result.errors))
        self._lines[result.first] = line
        self._order.insert(bisect_right(self._order, result.first), result.first)
        self._add(line, 1)

    def _add(self, line: _Line, sign: int) -> None:
        self.sources += sign * line.count
        self.faces += sign * line.faces
        self.errors += sign * line.errors


class Manifest(FinishedPieces):
    """The same for the one process that adds lines."""

    def __init__(self, out: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """Read the manifest and cut off a line that was not written to its end.

        Args:
            out: The folder of results.
            clock: The time, in seconds.

        Raises:
            FerError: It cannot be read or written.
        """
        super().__init__(out)
        self._clock, self._synced = clock, clock()
        try:
            self._append = self._file.open("ab", buffering=0)
            self._append.truncate(self._end)
        except OSError as error:
            raise FerError(f"cannot open {self._file}: {error.strerror}") from error

    def append(self, result: Result) -> None:
        """Write the line of a piece whose shard is there.

        Raises:
            FerError: It cannot be written.
        """
        line = json.dumps(asdict(result)).encode() + b"\n"
        try:
            offset = self._append.seek(0, os.SEEK_END)
            if self._append.write(line) < len(line):
                self._append.truncate(offset)
                raise OSError(28, "No space left on device")
            if self._clock() - self._synced > _SYNC_SECONDS:
                os.fsync(self._append.fileno())
                self._synced = self._clock()
        except OSError as error:
            raise FerError(f"cannot write {self._file}: {error.strerror}") from error
        for first, old in self._evict(result):
            if old.size and (first, old.count) != (result.first, result.count):
                shard_file(self._out, first, old.count).unlink(missing_ok=True)
        self._count(result, offset)

    def remove_other_shards(self) -> None:
        """Remove shards of no line, and unfinished ones: of workers that were killed.

        Nobody may be writing shards now.
        """
        for file in (self._out / "faces").glob("*/.*.parquet"):
            file.unlink(missing_ok=True)
        for file in (self._out / "faces").glob("*/*.parquet"):
            with suppress(ValueError):  # not one of ours
                first, count = shard_range(file)
                line = self._lines.get(first)
                if line is None or line.count != count or not line.size:
                    file.unlink(missing_ok=True)

    def close(self) -> None:
        """Wait until the disk has it all, and close the file."""
        with self._append:
            os.fsync(self._append.fileno())


def _parsed(line: bytes) -> Result | None:
    """Return a line as a result, None for one that is torn."""
    if not line.endswith(b"\n"):
        return None
    try:
        result = read_json(line, Result, "a line")
    except FerError:
        return None
    return result if result.first >= 0 and result.count > 0 and result.size >= 0 else None
