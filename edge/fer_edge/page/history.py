"""What the page answers about the history that a run keeps."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fer_core.errors import ArgumentError, FerError
from fer_core.text import typed
from fer_edge.history.chart import Chart, Filter, bar_name, read_chart, read_names, read_rows
from fer_edge.history.periods import DAY, DAYS, HOUR, Period, local
from fer_edge.history.place import Place, is_address
from fer_edge.history.report import rows_csv
from fer_edge.outputs.overlay import css_colour

Answer = tuple[dict[str, Any], HTTPStatus]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a visitor wants to see.

    Attributes:
        period: A name in DAYS.
        wanted: Whose rows.
    """

    period: str
    wanted: Filter

    @classmethod
    def of(cls, query: Callable[[str], str]) -> Asked:
        """Read it from an address, given what returns a value of its query.

        Raises:
            ArgumentError: There is no such period.
        """
        name = query("period") or "day"
        if name not in DAYS:
            raise ArgumentError(f"period must be one of {', '.join(DAYS)}")
        person = "" if query("unknown") else query("person") or None
        return cls(name, Filter(query("camera") or None, person))

    def days(self) -> Period:
        """Return the days until today, in this device's local time."""
        return Period.of(self.period, time.time())


def told_history(place: Place, kept_days: int, query: Callable[[str], str]) -> Answer:
    """Return a chart and what may be chosen, as JSON values.

    Args:
        place: Where the history is.
        kept_days: How long minutes are kept.
        query: Returns a value of the address's query.
    """
    try:
        asked = Asked.of(query)
        period = asked.days()
        with place.reading() as tables:
            by = DAY if asked.period == "month" else HOUR
            chart = read_chart(tables, period, asked.wanted, by)
            people, cameras = read_names(tables, period)
    except ArgumentError as error:
        return error.to_json(), HTTPStatus.BAD_REQUEST
    except FerError as error:
        return error.to_json(), HTTPStatus.SERVICE_UNAVAILABLE
    told = {"people": people, "cameras": cameras, "where": place.shown, "kept_days": kept_days}
    return {**_chart_json(chart), **told, "deleting": deleting(place)}, HTTPStatus.OK


def deleting(place: Place) -> str:
    """Return the command that deletes a person, as a shell takes it.

    An address of a server may hold a password, which a page does not show.
    """
    if is_address(place.text):
        return (
            "fer-edge history ADDRESS --delete-person NAME, where ADDRESS is that in your settings"
        )
    return typed("fer-edge", "history", place.shown, "--delete-person", "NAME")


def exported_history(place: Place, query: Callable[[str], str]) -> tuple[str, str, HTTPStatus]:
    """Return the rows of a chart as CSV, the name of a file for them, and how it went.

    Args:
        place: Where the history is.
        query: Returns a value of the address's query.
    """
    try:
        asked = Asked.of(query)
        period = asked.days()
        with place.reading() as tables:
            rows = read_rows(tables, period, asked.wanted)
    except ArgumentError as error:
        return str(error), "", HTTPStatus.BAD_REQUEST
    except FerError as error:
        return str(error), "", HTTPStatus.SERVICE_UNAVAILABLE
    return rows_csv(rows, period), f"history-{period.first}-{period.last}.csv", HTTPStatus.OK


def _chart_json(chart: Chart) -> dict[str, Any]:
    bars = [
        {
            "day": bar_name(bar.start, DAY),
            "time": bar_name(bar.start, HOUR) if chart.by == HOUR else "",
            "seconds": {label: round(seconds) for label, seconds in bar.seconds.items()},
        }
        for bar in chart.bars
    ]
    streaks = [
        {
            "when": f"{bar_name(each.start, DAY)} {bar_name(each.start, HOUR)}",
            "minutes": each.minutes,
            "label": each.label,
            "person": each.person,
        }
        for each in chart.streaks
    ]
    return {
        "title": chart.period.text(),
        "zone": f"{local(time.time()):%Z}",
        "labels": {label: round(seconds) for label, seconds in chart.labels.items()},
        "colours": {label: css_colour(label) for label in chart.labels},
        "bars": bars,
        "streaks": streaks,
    }
