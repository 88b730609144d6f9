"""A chart as text, and the rows of a period as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping

from fer_core.text import printable_name
from fer_edge.history.chart import Bar, Chart, Row, Streak, bar_name, duration
from fer_edge.history.periods import DAY, Period, local

BAR_WIDTH = 24
UNKNOWN = "not known"
"""What those are called whom nobody knows."""
MOST_LABELS = 3


def chart_text(chart: Chart) -> str:
    """Return a chart as lines for a terminal."""
    if not chart.total:
        return f"{chart.period.text()}: nobody in sight"
    lines = [f"{chart.period.text()}: {duration(chart.total)} in sight, everybody added up"]
    lines += ["", *_bars(chart), "", "share"]
    lines += _shares(chart.labels, chart.total)
    for title, counted in (("person", chart.people), ("camera", chart.cameras)):
        if len(counted) > 1:
            lines += ["", title, *_shares(counted, chart.total)]
    if chart.streaks:
        lines += ["", "longest streaks", *(_streak(each, chart) for each in chart.streaks)]
    return "\n".join(lines)


def rows_csv(rows: Iterable[Row], period: Period) -> str:
    """Return rows as CSV, each with the local time at which its hour begins."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(Row._fields)
    for row in rows:
        writer.writerow((local(row.start, period.zone).isoformat(), *row[1:4], round(row.seconds)))
    return text.getvalue()


def person_name(person: str) -> str:
    """Return a person's name for a reader."""
    return printable_name(person) or UNKNOWN


def person_of(name: str) -> str | None:
    """Return the person that a reader's word means: nobody known for UNKNOWN, None for no word."""
    return "" if name == UNKNOWN else name or None


def _bars(chart: Chart) -> Iterator[str]:
    """Yield a line for each bar from the first with a face to the last."""
    filled = [index for index, bar in enumerate(chart.bars) if bar.total]
    longest = max(bar.total for bar in chart.bars)
    for bar in chart.bars[filled[0] : filled[-1] + 1]:
        drawn = "#" * max(round(BAR_WIDTH * bar.total / longest), bar.total > 0)
        name = bar_name(bar.start, chart.by, chart.period.zone)
        if chart.period.days > 1 and chart.by != DAY:
            name = f"{bar_name(bar.start, DAY, chart.period.zone)} {name}"
        yield f"{name:<16}  {_time(bar)}  {drawn:<{BAR_WIDTH}}  {_labels(bar)}".rstrip()


def _time(bar: Bar) -> str:
    told = duration(bar.total) if bar.total else "-"
    return f"{told:>12}"


def _labels(bar: Bar) -> str:
    most = sorted(bar.seconds.items(), key=lambda each: -each[1])[:MOST_LABELS]
    return ", ".join(f"{printable_name(label)} {part / bar.total:.0%}" for label, part in most)


def _shares(counted: Mapping[str, float], total: float) -> Iterator[str]:
    for name, seconds in counted.items():
        drawn = "#" * round(BAR_WIDTH * seconds / total)
        shown = (
            f"{person_name(name):<16}  {duration(seconds):>12}  {seconds / total:>4.0%}  {drawn}"
        )
        yield shown.rstrip()


def _streak(streak: Streak, chart: Chart) -> str:
    zone = chart.period.zone
    begins = f"{bar_name(streak.start, DAY, zone)} {local(streak.start, zone):%H:%M}"
    what = f"{printable_name(streak.label)}, {person_name(streak.person)}"
    return f"{begins:<16}  {duration(60 * streak.minutes):>12}  {what}"
