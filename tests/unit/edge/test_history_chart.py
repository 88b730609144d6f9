"""Days of local time, what a chart shows, and the command."""

import csv
import io
import re
import time
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import cv2
import pytest

from commands import call_here
from fer_core.errors import ArgumentError
from fer_edge.history.chart import Filter, read_chart, read_rows
from fer_edge.history.periods import DAY, HOUR, Period, hour_of, local, read_period
from fer_edge.history.plot import draw_chart
from fer_edge.history.report import chart_text, rows_csv
from fer_edge.history.rows import Batch
from fer_edge.history.sqlite_file import reading
from history_rows import event, looks, merged, minute, saved, total

BERLIN, KOLKATA = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kolkata")
HAVANA, LORD_HOWE = ZoneInfo("America/Havana"), ZoneInfo("Australia/Lord_Howe")
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)


def hours_of(period: Period) -> list[str]:
    return [f"{local(at, period.zone):%H:%M}" for at in period.edges(HOUR)[:-1]]


def test_days_have_23_24_and_25_hours() -> None:
    assert hours_of(Period(SPRING, SPRING, BERLIN))[:4] == ["00:00", "01:00", "03:00", "04:00"]
    assert len(hours_of(Period(SPRING, SPRING, BERLIN))) == 23
    assert hours_of(Period(AUTUMN, AUTUMN, BERLIN))[:5] == [
        *("00:00", "01:00", "02:00", "02:00", "03:00")
    ]
    assert len(hours_of(Period(AUTUMN, AUTUMN, BERLIN))) == 25
    ordinary = Period(date(2026, 11, 27), date(2026, 11, 27), KOLKATA)
    assert hours_of(ordinary) == [f"{hour:02d}:00" for hour in range(24)]


def test_days_begin_where_no_midnight_is_and_where_half_an_hour_lacks() -> None:
    spring = Period(date(2026, 3, 8), date(2026, 3, 9), HAVANA)  # clocks go from 0:00 to 1:00
    assert [local(at, HAVANA).isoformat() for at in spring.edges(DAY)] == [
        "2026-03-08T01:00:00-04:00",
        "2026-03-09T00:00:00-04:00",
        "2026-03-10T00:00:00-04:00",
    ]
    half = Period(date(2026, 10, 4), date(2026, 10, 4), LORD_HOWE)  # 23 hours and a half
    edges = half.edges(HOUR)
    assert edges[-1] - edges[0] == 23.5 * 3600
    assert len(edges) == 25
    assert list(edges) == sorted(set(edges))


def test_hours_are_those_of_local_time() -> None:
    nine = round(datetime(2026, 11, 27, 9, 40, tzinfo=KOLKATA).timestamp())
    assert local(hour_of(nine, KOLKATA), KOLKATA).strftime("%H:%M") == "09:00"
    assert hour_of(nine, timezone.utc) % 3600 == 0
    twice = round(datetime(2026, 10, 25, 2, 40, fold=1, tzinfo=BERLIN).timestamp())
    assert local(hour_of(twice, BERLIN), BERLIN).isoformat() == "2026-10-25T02:00:00+01:00"


def test_periods_end_today() -> None:
    now = datetime(2026, 10, 26, 0, 30, tzinfo=BERLIN).timestamp()
    assert Period.of("day", now, BERLIN).first == date(2026, 10, 26)
    assert Period.of("day", now, timezone.utc).first == AUTUMN
    week, month = Period.of("week", now, BERLIN), Period.of("month", now, BERLIN)
    assert (week.first, week.days, month.days) == (date(2026, 10, 20), 7, 30)
    assert len(week.edges(HOUR)) == 7 * 24 + 1 + 1  # with the longest day


def test_words_of_the_command_line_name_days() -> None:
    now = minute("2026-11-27T12:00")
    assert read_period({}, "", "", now).text() == "Fri 27 Nov 2026"
    assert read_period({"week": True}, "", "", now).text() == "Sat 21 Nov 2026 to Fri 27 Nov 2026"
    assert read_period({}, "2026-11-26", "", now).days == 2
    assert read_period({}, "", "2026-11-03", now).text() == "Tue 3 Nov 2026"
    for names, first, last, reason in (
        ({"day": True, "week": True}, "", "", "give one of --day"),
        ({"day": True}, "2026-11-01", "", "give one of --day"),
        ({}, "yesterday", "", "a day looks like 2026-11-01, got 'yesterday'"),
        ({}, "2026-11-28", "", "comes before the first"),
        ({}, "1999-01-01", "", "at most 3660 days"),
        ({}, "9999-12-31", "9999-12-31", "a day must lie in 1971 to 2999, got '9999-12-31'"),
        ({}, "0001-01-01", "0001-01-01", "a day must lie in 1971 to 2999"),
    ):
        with pytest.raises(ArgumentError, match=reason):
            read_period(names, first, last, now)


@pytest.mark.parametrize("day", ["1971-01-01", "2999-12-31"])
def test_the_first_and_the_last_day_have_hours(day: str) -> None:
    assert len(read_period({}, day, day).edges(HOUR)) == 25


@pytest.mark.parametrize("fault", [OverflowError, OSError, ValueError])
def test_a_day_that_the_system_does_not_know_is_said(fault: type[Exception]) -> None:
    """With 32 bits, time ends in 2038."""

    class Ending(tzinfo):
        def utcoffset(self, when: datetime | None) -> timedelta:
            raise fault("timestamp out of range")

    period = Period(date(2038, 1, 20), date(2038, 1, 20), Ending())
    with pytest.raises(ArgumentError, match="clock does not know 2038-01-20"):
        period.edges(HOUR)


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This computer's time is that of Berlin."""
    if not hasattr(time, "tzset"):
        pytest.skip("no tzset here")
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture
def autumn(tmp_path: Path, berlin: None) -> Path:
    """A history of the night in which the hour from 2 to 3 comes twice, and of the day after."""
    first = minute("2026-10-25T02:10", ZoneInfo("Etc/GMT-2"))  # summer time
    return saved(
        tmp_path / "h.sqlite",
        looks(first, 20, "sad", "anna"),
        looks(first + 3600, 5, "happy", "anna"),
        looks(first + 3600 + 420, 3, "happy", "anna", 45.0),
        looks(minute("2026-10-25T23:50"), 20, "neutral", "", 20.0),
        looks(minute("2026-10-26T09:00"), 40, "neutral", "ben", camera="door"),
        Batch(events=[event(first, "anna")]),
    )


def test_a_chart_adds_up_bars_shares_and_streaks(autumn: Path) -> None:
    period = Period(AUTUMN, date(2026, 10, 26))
    with reading(autumn) as tables:
        days = read_chart(tables, period, Filter(), DAY)
        hours = read_chart(tables, period, Filter())
        anna = read_chart(tables, period, Filter(person="anna"))
        door = read_chart(tables, period, Filter(camera="door"))
    assert [bar.total for bar in days.bars] == [1200 + 300 + 135 + 200, 200 + 2400]
    filled = {local(bar.start).isoformat(): dict(bar.seconds) for bar in hours.bars if bar.total}
    assert filled == {
        "2026-10-25T02:00:00+02:00": {"sad": 1200},
        "2026-10-25T02:00:00+01:00": {"happy": 435},
        "2026-10-25T23:00:00+01:00": {"neutral": 200},
        "2026-10-26T00:00:00+01:00": {"neutral": 200},
        "2026-10-26T09:00:00+01:00": {"neutral": 2400},
    }
    assert hours.labels == {"neutral": 2800, "sad": 1200, "happy": 435}
    assert list(hours.labels) == ["neutral", "sad", "happy"]
    assert hours.people == {"ben": 2400, "anna": 1635, "": 400}
    assert hours.cameras == {"door": 2400, "c": 2035}
    streaks = [(each.person, each.label, each.minutes) for each in hours.streaks]
    assert streaks == [
        ("ben", "neutral", 40),
        ("anna", "sad", 20),
        *[("anna", "happy", 5)],
        ("anna", "happy", 3),
    ]
    assert anna.total == 1635
    assert (list(door.people), door.streaks[0].camera) == (["ben"], "door")


def test_text_csv_and_plot_show_the_same(autumn: Path) -> None:
    period = Period(AUTUMN, AUTUMN)
    with reading(autumn) as tables:
        chart = read_chart(tables, period, Filter())
        rows = read_rows(tables, period, Filter())
        nobody = read_chart(tables, Period(SPRING, SPRING), Filter())
    lines = chart_text(chart).splitlines()
    assert lines[0] == "Sun 25 Oct 2026: 31 min in sight, everybody added up"
    bars = [line for line in lines if re.match(r"\d\d:00 ", line)]
    assert bars[0].split() == ["02:00", "20", "min", "#" * 24, "sad", "100%"]
    assert bars[1].split()[:4] == ["02:00", "7", "min", "#" * 9]
    assert bars[2].split() == ["03:00", "-"]  # an hour without a face between two with some
    assert len(bars) == 23
    assert "not known" in "\n".join(lines)
    assert chart_text(nobody) == "Sun 29 Mar 2026: nobody in sight"
    told = list(csv.DictReader(io.StringIO(rows_csv(rows, period))))
    assert told[0] == {
        "start": "2026-10-25T02:00:00+02:00",
        "camera": "c",
        "person": "anna",
        "label": "sad",
        "seconds": "1200",
    }
    assert sum(int(row["seconds"]) for row in told) == chart.total
    picture = draw_chart(chart)
    assert picture.shape == (640, 1280, 3)
    assert (picture != draw_chart(nobody)).any()


def test_the_command_prints_exports_plots_and_deletes(autumn: Path) -> None:
    days = ("--from", "2026-10-25", "--to", "2026-10-26")
    said = call_here("fer-edge", "history", autumn, *days, cwd=autumn.parent).stdout
    assert said.startswith("Sun 25 Oct 2026 to Mon 26 Oct 2026: 1 h 14 min in sight")
    assert re.search(r"^Mon 26 Oct 09:00 +40 min +neutral, ben$", said, re.MULTILINE)
    words = (*days, "--person", "anna", "--csv", "out.csv", "--plot", "out.png")
    said = call_here("fer-edge", "history", autumn, *words, cwd=autumn.parent).stdout
    assert said.endswith("saved out.csv\nsaved out.png\n")
    assert "ben" not in said + (autumn.parent / "out.csv").read_text()
    assert cv2.imread(str(autumn.parent / "out.png")) is not None
    said = call_here("fer-edge", "history", autumn, *days, "--csv", "-", cwd=autumn.parent).stdout
    assert said.startswith("start,camera,person,label,seconds\n2026-10-25T02:00:00+02:00,c,anna,")
    both = (*days, "--csv", "-", "--plot", "both.png")
    done = call_here("fer-edge", "history", autumn, *both, cwd=autumn.parent)
    assert cv2.imread(str(autumn.parent / "both.png")) is not None
    assert "saved" not in done.stdout
    assert done.stderr == "saved both.png\n"
    unnamed = (*days, "--plot", "both")
    done = call_here("fer-edge", "history", autumn, *unnamed, cwd=autumn.parent, code=1)
    assert "the name must end in .bmp, .jpeg, .jpg, .png, .webp" in done.stderr
    unknown = (*days, "--person", "not known", "--csv", "-")
    said = call_here("fer-edge", "history", autumn, *unknown, cwd=autumn.parent).stdout
    assert [line.split(",")[2] for line in said.splitlines()] == ["person", "", ""]
    typo = ("--camera", "dor"), ("--person", "bne")
    for wanted, known in zip(typo, ("it has c", "it has anna, ben"), strict=True):
        done = call_here("fer-edge", "history", autumn, *days, *wanted, cwd=autumn.parent, code=1)
        assert f"has no {wanted[0][2:]} {wanted[1]} in this period; {known}" in done.stderr
    before = total(autumn)
    deleting = ("--delete-person", "anna")
    said = call_here("fer-edge", "history", autumn, *deleting, cwd=autumn.parent).stdout
    assert said.startswith("deleted 31 rows of anna\n")
    assert total(autumn) == before - 1635
    done = call_here("fer-edge", "history", autumn, *deleting, cwd=autumn.parent, code=1)
    assert "holds nothing of anna; it knows ben" in done.stderr


def test_a_person_is_deleted_in_either_form_of_the_name(tmp_path: Path) -> None:
    """Before names of a Mac were composed (NFC), a history kept them as its folders had them."""
    first = minute("2026-11-20T12:00")
    forms = [unicodedata.normalize(form, "Zoë") for form in ("NFC", "NFD")]
    path = saved(tmp_path / "h.sqlite", *(looks(first, 2, "happy", who) for who in (*forms, "ben")))
    call_here("fer-edge", "history", path, "--delete-person", forms[0], cwd=tmp_path)
    with reading(path) as tables:
        assert tables.people() == ["ben"]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("none.sqlite",), "there is no history none.sqlite: fer-edge --camera 0 --history"),
        (("notes.txt",), "notes.txt is damaged or no database"),
        (("empty.sqlite",), "empty.sqlite is no history of fer-edge"),
        (("none.sqlite", "--delete-person", "anna"), "there is no history none.sqlite"),
    ],
)
def test_what_is_no_history_is_said(tmp_path: Path, words: tuple[str, ...], reason: str) -> None:
    (tmp_path / "notes.txt").write_text("Buy milk.\n" * 100)
    (tmp_path / "empty.sqlite").touch()
    done = call_here("fer-edge", "history", *words, cwd=tmp_path, code=1)
    assert reason in done.stderr
    assert {file.name for file in tmp_path.iterdir()} == {"notes.txt", "empty.sqlite"}


def test_a_chart_of_a_long_history_needs_no_whole_table(tmp_path: Path) -> None:
    """Its queries find their rows by the primary key."""
    first = minute("2026-11-20T12:00")
    path = saved(tmp_path / "h.sqlite", merged(looks(first, 30, label) for label in ("a", "b")))
    asked: list[str] = []
    with reading(path) as tables:
        run = tables._run

        def explained(query: str, values: Sequence[object]) -> None:
            run(f"EXPLAIN QUERY PLAN {query}", values)
            asked.extend(str(row[3]) for row in tables._cursor.fetchall())
            run(query, values)

        tables._run = explained  # type: ignore[method-assign]
        read_chart(tables, Period(date(2026, 11, 20), date(2026, 11, 20)), Filter(person="x"))
    assert len([plan for plan in asked if "USING PRIMARY KEY (start>? AND start<?)" in plan]) == 4
    assert not [plan for plan in asked if plan.startswith("SCAN")]
