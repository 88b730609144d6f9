"""Days and hours of local time, also those that the change of the clocks makes shorter."""

from __future__ import annotations

import time as clock
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from itertools import pairwise

from fer_core.errors import ArgumentError

HOUR, DAY = "hour", "day"
DAYS = {"day": 1, "week": 7, "month": 30}
"""How many days, today included, a period of this name lasts."""
MOST_DAYS = 3660
FIRST_YEAR, LAST_YEAR = 1971, 2999
"""For days of these years every system of 64 bits tells when they begin in local time."""


def local(at: float, zone: tzinfo | None = None) -> datetime:
    """Return a moment in local time, with its offset.

    Args:
        at: In seconds since 1970.
        zone: None for this computer's.
    """
    return datetime.fromtimestamp(at, zone) if zone else datetime.fromtimestamp(at).astimezone()


def hour_of(at: int, zone: tzinfo | None = None) -> int:
    """Return when the local hour of a moment began, in seconds since 1970.

    Where local time is half an hour off (India), so are its hours.
    """
    offset = local(at, zone).utcoffset() or timedelta()
    shift = round(offset.total_seconds()) % 3600
    return (at + shift) // 3600 * 3600 - shift


@dataclass(frozen=True, slots=True)
class Period:
    """Some days of local time.

    Attributes:
        last: The last day, which still belongs to it.
        zone: None for this computer's.

    Raises:
        ArgumentError: It ends before it begins, or is longer than MOST_DAYS.
    """

    first: date
    last: date
    zone: tzinfo | None = None

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ArgumentError(f"{self.first} to {self.last}: the last day comes before the first")
        if (self.last - self.first).days >= MOST_DAYS:
            raise ArgumentError(f"{self.first} to {self.last}: at most {MOST_DAYS} days at once")

    @classmethod
    def of(cls, name: str, now: float, zone: tzinfo | None = None) -> Period:
        """Return the period of a name in DAYS that ends today.

        Args:
            name: day, week or month.
            now: In seconds since 1970.
            zone: None for this computer's.
        """
        today = local(now, zone).date()
        return cls(today - timedelta(DAYS[name] - 1), today, zone)

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.last - self.first).days + 1

    def edges(self, by: str) -> tuple[int, ...]:
        """Return where each hour or day begins, and where the last one ends, in seconds since 1970.

        A day of 23 or 25 hours has as many. Where clocks change by half an hour, the hours after
        the change begin at half past until the day ends.

        Args:
            by: HOUR or DAY.

        Raises:
            ArgumentError: This system cannot tell when a day begins: with 32 bits, after 2038.
        """
        days = [self.first + timedelta(day) for day in range(self.days + 1)]
        midnights = [self._midnight(day) for day in days]
        if by == DAY:
            return tuple(midnights)
        spans = pairwise(midnights)
        hours = [hour for begin, end in spans for hour in range(begin, end, 3600)]
        return (*hours, midnights[-1])

    def text(self) -> str:
        """Return the days in words."""
        first, last = (f"{day:%a} {day.day} {day:%b %Y}" for day in (self.first, self.last))
        return first if self.days == 1 else f"{first} to {last}"

    def _midnight(self, day: date) -> int:
        """Return when a day begins; raise ArgumentError for one after this system's last (2038)."""
        try:
            return round(datetime.combine(day, time(), self.zone).timestamp())
        except (OverflowError, OSError, ValueError) as error:
            raise ArgumentError(f"this computer's clock does not know {day}") from error


def read_period(
    names: Mapping[str, bool], first: str, last: str, now: float | None = None
) -> Period:
    """Return the period that the words of a command line mean, in this computer's local time.

    Args:
        names: Which names in DAYS are given.
        first: The first day as YYYY-MM-DD; empty for none.
        last: The last day; empty for today.
        now: In seconds since 1970; None for the clock's.

    Raises:
        ArgumentError: There is more than one period, or a day that is none.
    """
    given = [name for name, wanted in names.items() if wanted]
    if len(given) + bool(first or last) > 1:
        raise ArgumentError("give one of --day, --week, --month, and --from with --to")
    now = clock.time() if now is None else now
    if not (first or last):
        return Period.of(given[0] if given else "day", now)
    end = _day(last) if last else local(now).date()
    return Period(_day(first) if first else end, end)


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise ArgumentError(f"a day looks like 2026-11-01, got {text!r}") from error
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ArgumentError(f"a day must lie in {FIRST_YEAR} to {LAST_YEAR}, got {text!r}")
    return day
