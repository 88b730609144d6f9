"""What a period of a history shows: a bar for each hour or day, shares and the longest streaks."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import NamedTuple

from fer_edge.history.periods import DAY, HOUR, Period, local
from fer_edge.history.tables import Tables

STREAK_SECONDS = 30
"""A streak is minutes in a row, in each of which a person showed one expression this long."""
MOST_STREAKS = 5


@dataclass(frozen=True, slots=True)
class Filter:
    """Whose rows are wanted; None for everybody's.

    Attributes:
        person: Empty for those nobody knows.
    """

    camera: str | None = None
    person: str | None = None

    def condition(self, period: Period) -> tuple[str, list[object]]:
        """Return what rows of a period have to meet, in SQL, and its values."""
        edges = period.edges(DAY)
        terms = ["start >= ?", "start < ?"]
        values: list[object] = [edges[0], edges[-1]]
        for name, value in (("camera", self.camera), ("person", self.person)):
            if value is not None:
                terms.append(f"{name} = ?")
                values.append(value)
        return " AND ".join(terms), values


class Row(NamedTuple):
    """The seconds of one expression in one hour; `start` in seconds since 1970."""

    start: int
    camera: str
    person: str
    label: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Bar:
    """An hour or a day: when it begins, in seconds since 1970, and the seconds of each label."""

    start: int
    seconds: Mapping[str, float]

    @property
    def total(self) -> float:
        """All its seconds; those of people beside each other add up."""
        return sum(self.seconds.values())


@dataclass(frozen=True, slots=True)
class Streak:
    """Minutes in a row with one expression; `start` in seconds since 1970."""

    camera: str
    person: str
    label: str
    start: int
    minutes: int


@dataclass(frozen=True, slots=True)
class Chart:
    """What a period shows.

    Attributes:
        by: HOUR or DAY, what a bar is.
        bars: One for each hour or day of the period, also for those without a face.
        labels: The seconds of each label, most first.
        people: The seconds of each person, most first; the empty name for those nobody knows.
        cameras: The seconds of each camera, most first.
        streaks: The longest ones, of the time for which there are minutes.
    """

    period: Period
    by: str
    bars: tuple[Bar, ...]
    labels: Mapping[str, float]
    people: Mapping[str, float]
    cameras: Mapping[str, float]
    streaks: tuple[Streak, ...]

    @property
    def total(self) -> float:
        """All the seconds; those of people beside each other add up."""
        return sum(self.labels.values())


def read_names(tables: Tables, period: Period) -> tuple[list[str], list[str]]:
    """Return who was seen in a period, empty for those nobody knows, and by which cameras."""
    condition, values = Filter().condition(period)
    people, cameras = (
        sorted(_summed(tables, column, condition, values)) for column in ("person", "camera")
    )
    return people, cameras


def read_rows(tables: Tables, period: Period, wanted: Filter) -> list[Row]:
    """Return the hours of a period, the oldest first."""
    condition, values = wanted.condition(period)
    columns = ", ".join(Row._fields)
    query = f"SELECT {columns} FROM hours WHERE {condition} ORDER BY start, camera, person, label"
    return [Row(*row) for row in tables.rows(query, values)]


def read_chart(tables: Tables, period: Period, wanted: Filter, by: str = HOUR) -> Chart:
    """Return what a period shows.

    Args:
        tables: Those of a history.
        period: Some days.
        wanted: Whose rows count.
        by: HOUR or DAY, what a bar is.
    """
    edges = period.edges(by)
    bars = [defaultdict[str, float](float) for _ in edges[:-1]]
    labels = defaultdict[str, float](float)
    condition, values = wanted.condition(period)
    summed = f"SELECT start, label, SUM(seconds) FROM hours WHERE {condition} GROUP BY start, label"
    for start, label, seconds in tables.rows(summed, values):
        bars[bisect_right(edges, start) - 1][label] += seconds
        labels[label] += seconds
    return Chart(
        period,
        by,
        tuple(Bar(start, each) for start, each in zip(edges, bars, strict=False)),
        _by_size(labels),
        _summed(tables, "person", condition, values),
        _summed(tables, "camera", condition, values),
        _streaks(tables, condition, values),
    )


def _summed(
    tables: Tables, column: str, condition: str, values: Sequence[object]
) -> dict[str, float]:
    query = f"SELECT {column}, SUM(seconds) FROM hours WHERE {condition} GROUP BY {column}"
    return _by_size(dict(tables.rows(query, values)))


def _by_size(counted: Mapping[str, float]) -> dict[str, float]:
    return dict(sorted(counted.items(), key=lambda each: -each[1]))


def _streaks(tables: Tables, condition: str, values: Sequence[object]) -> tuple[Streak, ...]:
    """Return the longest streaks; window functions of SQL take three times as long."""
    query = (
        "SELECT start, camera, person, label FROM minutes "
        f"WHERE seconds >= ? AND {condition} ORDER BY start"
    )
    ended: list[tuple[int, int, tuple[str, str, str]]] = []
    open_since: dict[tuple[str, str, str], tuple[int, int]] = {}
    for start, camera, person, label in tables.each(query, [STREAK_SECONDS, *values]):
        face = (camera, person, label)
        first, last = open_since.get(face, (start, start))
        if start - last > 60:
            if last > first:  # a minute alone is no streak
                ended.append((first - last, first, face))
            first = start
        open_since[face] = (first, start)
    ended += [(first - last, first, face) for face, (first, last) in open_since.items()]
    longest = sorted(each for each in ended if each[0])[:MOST_STREAKS]
    return tuple(Streak(*face, first, 1 - less // 60) for less, first, face in longest)


def bar_name(start: int, by: str, zone: tzinfo | None = None) -> str:
    """Return what an hour or a day is called: `09:00`, or `Mon 23 Nov`."""
    moment = local(start, zone)
    return f"{moment:%H:%M}" if by == HOUR else f"{moment:%a} {moment.day} {moment:%b}"


def duration(seconds: float) -> str:
    """Return a time as people say it: `35 s`, `12 min`, `3 h 05 min`."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"
