"""Made-up rows of a history."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, tzinfo
from pathlib import Path

from fer_edge.history.rows import Batch, Bucket, EventRow
from fer_edge.history.sqlite_file import SqliteStore, reading


def minute(text: str, zone: tzinfo | None = None) -> int:
    """Return a moment such as 2026-11-27T09:00, in local time without a zone."""
    return round(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp())


def looks(
    first: int, minutes: int, label: str, person: str = "", seconds: float = 60.0, camera: str = "c"
) -> Batch:
    """Return so many minutes in a row with one expression."""
    buckets = (Bucket(first + 60 * index, camera, person, label) for index in range(minutes))
    return Batch(dict.fromkeys(buckets, seconds))


def event(at: float, person: str = "", kind: str = "started", camera: str = "c") -> EventRow:
    return EventRow(at, camera, person, kind, "happy", 0.75, 1)


def saved(path: Path, *batches: Batch) -> Path:
    """Write batches into a file and return it."""
    store = SqliteStore(path)
    for batch in batches:
        store.write(batch)
    store.close()
    return path


def read(path: Path, query: str) -> list[tuple[object, ...]]:
    with reading(path) as tables:
        return [tuple(row) for row in tables.rows(query)]


def total(path: Path, table: str = "minutes") -> float:
    ((seconds,),) = read(path, f"SELECT COALESCE(SUM(seconds), 0) FROM {table}")
    assert isinstance(seconds, float | int)
    return float(seconds)


def merged(batches: Iterable[Batch]) -> Batch:
    whole = Batch()
    for batch in batches:
        for bucket, seconds in batch.seconds.items():
            whole.seconds[bucket] = whole.seconds.get(bucket, 0.0) + seconds
        whole.events += batch.events
    return whole
