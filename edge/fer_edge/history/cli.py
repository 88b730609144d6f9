"""The command fer-edge history."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from fer_edge.history.chart import Chart, Filter
    from fer_edge.history.periods import Period
    from fer_edge.history.place import Place


def history(
    where: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="The FILE or postgresql:// address that a run has as --history."
        ),
    ],
    day: Annotated[bool, typer.Option("--day", help="Today by hour. This is the default.")] = False,
    week: Annotated[bool, typer.Option("--week", help="Seven days until today.")] = False,
    month: Annotated[bool, typer.Option("--month", help="Thirty days until today.")] = False,
    first: Annotated[str, typer.Option("--from", help="The first day, as 2026-11-01.")] = "",
    last: Annotated[str, typer.Option("--to", help="The last day. Default: today.")] = "",
    camera: Annotated[str, typer.Option(help="Only this camera.")] = "",
    person: Annotated[str, typer.Option(help="Only this person, or 'not known'.")] = "",
    csv: Annotated[
        str, typer.Option(help="Write the hours as CSV to OUT, or to stdout with -.")
    ] = "",
    plot: Annotated[Path | None, typer.Option(help="Save the chart as OUT.png.")] = None,
    delete_person: Annotated[str, typer.Option(help="Delete everything kept of this person.")] = "",
) -> None:
    """Print, plot or export what fer-edge --history has kept, or delete a person from it."""
    from fer_edge.history.chart import Filter
    from fer_edge.history.periods import read_period
    from fer_edge.history.place import Place
    from fer_edge.history.report import person_of

    place = Place(where)
    if delete_person:
        _delete(place, delete_person)
        return
    period = read_period({"day": day, "week": week, "month": month}, first, last)
    _show(place, period, Filter(camera or None, person_of(person)), csv, plot)


def _delete(place: Place, person: str) -> None:
    from contextlib import closing

    from fer_core.errors import FerError
    from fer_core.text import composed, printable_name

    with place.reading() as tables:  # a file is not made by deleting from it
        known = tables.people()
    meant = [name for name in known if composed(name) == composed(person)]
    if not meant:
        names = ", ".join(printable_name(name) for name in known) or "nobody"
        raise FerError(f"{place.shown} holds nothing of {person}; it knows {names}")
    with closing(place.store()) as store:
        deleted = sum(map(store.delete_person, meant))
    print(f"deleted {deleted:,} rows of {printable_name(person)}")
    print("a run that knows this person continues to write: see --faces")


def _show(place: Place, period: Period, wanted: Filter, csv: str, plot: Path | None) -> None:
    from fer_core.logs import talk
    from fer_edge.history.chart import read_chart, read_names, read_rows
    from fer_edge.history.periods import DAY, HOUR
    from fer_edge.history.report import chart_text, rows_csv

    with place.reading() as tables:
        if wanted.camera or wanted.person:
            _check_names(place, wanted, *read_names(tables, period))
        chart = read_chart(tables, period, wanted, HOUR if period.days <= 2 else DAY)
        exported = rows_csv(read_rows(tables, period, wanted), period) if csv else ""
    print(exported if csv == "-" else f"{chart_text(chart)}\n", end="")
    say = talk(quiet=False) if csv == "-" else print
    if csv not in ("", "-"):
        from fer_core.files import write_text

        write_text(Path(csv), exported)
        say(f"saved {csv}")
    if plot:
        _plot(chart, plot)
        say(f"saved {plot}")


def _check_names(place: Place, wanted: Filter, people: list[str], cameras: list[str]) -> None:
    """Raise FerError for a camera or a person of whom a period with others has nothing."""
    from fer_core.errors import FerError
    from fer_core.text import printable_name

    for kind, name, known in (
        ("camera", wanted.camera, cameras),
        ("person", wanted.person, people),
    ):
        if name and any(known) and name not in known:
            there = ", ".join(printable_name(each) for each in known if each)
            raise FerError(f"{place.shown} has no {kind} {name} in this period; it has {there}")


def _plot(chart: Chart, path: Path) -> None:
    from fer_edge.history.plot import draw_chart
    from fer_edge.outputs.recording import save_picture

    save_picture(path, draw_chart(chart))
