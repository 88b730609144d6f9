"""The tables of a history, in SQL that SQLite and PostgreSQL both understand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from fer_edge.history.periods import hour_of
from fer_edge.history.rows import Batch, Bucket

_SECONDS = """CREATE TABLE {name} (
    start BIGINT NOT NULL, camera TEXT NOT NULL, person TEXT NOT NULL, label TEXT NOT NULL,
    seconds DOUBLE PRECISION NOT NULL, PRIMARY KEY (start, camera, person, label))"""
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        _SECONDS.format(name="minutes"),
        _SECONDS.format(name="hours"),
        """CREATE TABLE events (
    at DOUBLE PRECISION NOT NULL, camera TEXT NOT NULL, person TEXT NOT NULL, kind TEXT NOT NULL,
    label TEXT NOT NULL, confidence DOUBLE PRECISION NOT NULL, track BIGINT NOT NULL)""",
        "CREATE INDEX events_at ON events (at)",
    ),
)
"""What makes each version of the schema out of the one before; the first out of nothing."""
NAMES = ("minutes", "hours", "events")
_ADD = """INSERT INTO {name} (start, camera, person, label, seconds) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (start, camera, person, label)
DO UPDATE SET seconds = {name}.seconds + excluded.seconds"""
_ADD_EVENT = """INSERT INTO events (at, camera, person, kind, label, confidence, track)
VALUES (?, ?, ?, ?, ?, ?, ?)"""
_OF_CAMERAS = "substr(camera, 1, length(?)) = ?"
THINNED_SECONDS = 6 * 3600
"""How much of the oldest time one transaction deletes: a quarter of a day."""


class Cursor(Protocol):
    """A cursor of Python's database interface (PEP 249)."""

    @property
    def rowcount(self) -> int:
        """How many rows the last statement changed."""

    def execute(self, query: str, values: Sequence[Any] = ...) -> Any:
        """Run a statement."""

    def executemany(self, query: str, values: Iterable[Sequence[Any]]) -> Any:
        """Run a statement for each of several rows of values."""

    def __iter__(self) -> Iterator[Any]:
        """Yield what a query found."""

    def fetchall(self) -> list[Any]:
        """Return what a query found."""


class Tables:
    """The tables, through a cursor. Transactions are up to whoever has the cursor."""

    def __init__(self, cursor: Cursor, mark: str = "?") -> None:
        """Take the cursor, and what stands for a value in its statements."""
        self._cursor, self._mark = cursor, mark

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return what a query finds."""
        self._run(query, values)
        return self._cursor.fetchall()

    def each(self, query: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield what a query finds, without holding all of it."""
        self._run(query, values)
        yield from self._cursor

    def add(self, batch: Batch) -> None:
        """Add the seconds to their minutes and hours, and the events."""
        hours: dict[Bucket, float] = defaultdict(float)
        for bucket, seconds in batch.seconds.items():
            hours[bucket._replace(start=hour_of(bucket.start))] += seconds
        for name, counted in (("minutes", batch.seconds), ("hours", hours)):
            rows = [(*bucket, round(seconds, 2)) for bucket, seconds in counted.items()]
            self._run_many(_ADD.format(name=name), rows)
        self._run_many(_ADD_EVENT, batch.events)

    def thin(self, before: int, cameras: str = "") -> bool:
        """Delete the oldest minutes and events from before a moment; return whether more are left.

        Args:
            before: In seconds since 1970.
            cameras: What the names of the cameras begin with.
        """
        of = (cameras, cameras)
        oldest = self.rows(f"SELECT MIN(start) FROM minutes WHERE {_OF_CAMERAS}", of)
        oldest += self.rows(f"SELECT MIN(at) FROM events WHERE {_OF_CAMERAS}", of)
        first = min((at for (at,) in oldest if at is not None), default=before)
        if first >= before:
            return False
        until = min(before, int(first) + THINNED_SECONDS)
        self._run(f"DELETE FROM minutes WHERE start < ? AND {_OF_CAMERAS}", (until, *of))
        self._run(f"DELETE FROM events WHERE at < ? AND {_OF_CAMERAS}", (until, *of))
        return True

    def people(self) -> list[str]:
        """Return everybody's name in alphabetical order."""
        found: set[str] = set()
        for name in NAMES:
            found |= {person for (person,) in self.rows(f"SELECT DISTINCT person FROM {name}")}
        return sorted(found - {""})

    def delete_person(self, person: str) -> int:
        """Delete every row of a person; return how many there were."""
        deleted = 0
        for name in NAMES:
            self._run(f"DELETE FROM {name} WHERE person = ?", (person,))
            deleted += self._cursor.rowcount
        return deleted

    def _run(self, query: str, values: Sequence[Any]) -> None:
        self._cursor.execute(query.replace("?", self._mark), values)

    def _run_many(self, query: str, rows: Iterable[Sequence[Any]]) -> None:
        self._cursor.executemany(query.replace("?", self._mark), rows)
