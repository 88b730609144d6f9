"""A history at a real PostgreSQL server."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from commands import call_here
from fer_core.errors import ArgumentError, FerError
from fer_edge.history import postgres, tables
from fer_edge.history.chart import Filter, read_chart
from fer_edge.history.periods import DAY, Period, local
from fer_edge.history.place import Place
from fer_edge.history.postgres import PostgresStore, Server
from fer_edge.history.rows import Batch
from fer_edge.history.tables import Tables
from fer_edge.history.writer import HistoryWriter
from history_rows import event, looks, merged, minute, saved
from postgres_server import PASSWORD, PostgresServer, postgres_server

NOON = minute("2026-11-27T12:00")
DAYS = 86400


@pytest.fixture(scope="module")
def running() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


@pytest.fixture
def server(running: PostgresServer) -> PostgresServer:
    """A server without a history."""
    with Server.of(running.url).connected() as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {postgres.SCHEMA} CASCADE".encode())
    return running


def reading(server: PostgresServer) -> AbstractContextManager[Tables]:
    return Place(server.url).reading()


def rows(server: PostgresServer, query: str) -> list[tuple[object, ...]]:
    with reading(server) as held:
        return held.rows(query)


def test_the_same_rows_give_the_same_chart_as_in_a_file(
    server: PostgresServer, tmp_path: Path
) -> None:
    batches = [
        looks(NOON, 90, "glad", "anna", 40.0),
        looks(NOON + 600, 20, "sad", "", 31.0),
        looks(NOON, 3, "glad", "anna", 5.0),
        Batch(events=[event(NOON, "anna"), event(NOON + 9, "anna", "ended")]),
    ]
    store = Place(server.url).store("hall-1")
    for batch in batches:
        store.write(batch)
    store.close()
    in_a_file = Place(str(saved(tmp_path / "h.sqlite", *batches)))
    today = local(NOON).date()
    charts = []
    for place in (Place(server.url), in_a_file):
        with place.reading() as held:
            charts.append(read_chart(held, Period(today, today), Filter(person="anna"), DAY))
    there, here = charts
    assert there.bars == here.bars
    assert there.labels == here.labels == {"glad": 90 * 40.0 + 15.0}
    assert [(each.start, each.minutes) for each in there.streaks] == [(NOON, 90)]
    assert there.cameras == {"hall-1/c": 3615.0}
    assert rows(server, "SELECT at, kind FROM events ORDER BY at") == [
        (NOON, "started"),
        (NOON + 9, "ended"),
    ]


def test_devices_share_a_server_and_each_thins_its_own(server: PostgresServer) -> None:
    old = merged([looks(NOON - 40 * DAYS, 5, "glad"), looks(NOON, 5, "glad")])
    hall, door = (PostgresStore(Server.of(server.url), name) for name in ("hall", "hall-2"))
    for store in (hall, door):
        store.write(old)
        store.write(Batch(events=[event(NOON - 40 * DAYS)]))
    while hall.thin(NOON - 30 * DAYS):
        pass
    hall.close()
    door.close()
    of_each = "SELECT camera, COUNT(*) FROM {} GROUP BY camera ORDER BY camera"
    assert rows(server, of_each.format("minutes")) == [("hall-2/c", 10), ("hall/c", 5)]
    assert rows(server, of_each.format("events")) == [("hall-2/c", 1)]


def test_rows_wait_for_a_server_that_is_away_and_it_is_said_once(
    server: PostgresServer, warnings: Callable[[], list[str]]
) -> None:
    kept = HistoryWriter(PostgresStore(Server.of(server.url), "hall"), 30)
    kept.add(looks(NOON, 1, "glad").seconds, [])
    kept.write()
    server.end()
    try:
        for _ in range(3):
            kept.add(looks(NOON, 4, "glad").seconds, [event(NOON)])
            kept.write()
    finally:
        server.start()
    kept.write()
    kept.write()
    assert rows(server, "SELECT SUM(seconds) FROM minutes") == [(13 * 60.0,)]
    assert rows(server, "SELECT COUNT(*) FROM events") == [(3,)]
    away, back = warnings()
    assert away.startswith(f"history: cannot use postgresql://127.0.0.1:{server.port}/postgres: ")
    assert "can write" in back
    assert PASSWORD not in away + back
    kept._store.close()


def test_a_wrong_password_is_said_without_it(server: PostgresServer) -> None:
    wrong = server.url.replace(PASSWORD, "hunter2")
    store = Place(wrong).store("hall")
    with pytest.raises(FerError, match="password authentication failed") as refused:
        store.write(looks(NOON, 1, "glad"))
    assert "hunter2" not in f"{refused.value!r} {Place(wrong)!r} {Server.of(wrong)!r}"


def test_a_newer_schema_is_refused_and_an_older_one_brought_up_to_date(
    server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = Server.of(server.url)
    first = PostgresStore(url, "hall")
    first.write(looks(NOON, 1, "glad"))
    newer = (*tables.MIGRATIONS, ("ALTER TABLE events ADD COLUMN room TEXT",))
    with monkeypatch.context() as patched:
        patched.setattr(postgres, "MIGRATIONS", newer)
        second = PostgresStore(url, "door")
        second.write(looks(NOON, 1, "glad"))
        second.close()
        assert rows(server, "SELECT COUNT(room) FROM events") == [(0,)]
    first.close()
    with pytest.raises(FerError, match=r"newer fer-edge .its schema is 2, this one knows 1"):
        first.write(looks(NOON, 1, "glad"))
    with pytest.raises(FerError, match="newer fer-edge"), reading(server):
        pass


def test_the_command_reads_and_deletes_there_and_changes_nothing_else(
    server: PostgresServer, tmp_path: Path
) -> None:
    done = call_here("fer-edge", "history", server.url, cwd=tmp_path, code=1)
    assert "holds no history" in done.stderr
    store = Place(server.url).store("hall")
    store.write(merged([looks(NOON, 5, "glad", "anna"), looks(NOON, 5, "sad", "ben")]))
    store.close()
    day = ("--from", f"{local(NOON).date()}", "--to", f"{local(NOON).date()}")
    done = call_here("fer-edge", "history", server.url, *day, cwd=tmp_path)
    assert "5 min  glad, anna" in done.stdout
    deleting = call_here("fer-edge", "history", server.url, "--delete-person", "anna", cwd=tmp_path)
    assert deleting.stdout.startswith("deleted 6 rows of anna\n")
    assert PASSWORD not in done.stdout + done.stderr + deleting.stdout + deleting.stderr
    assert rows(server, "SELECT DISTINCT person FROM minutes") == [("ben",)]
    with pytest.raises(FerError, match="read-only transaction"), reading(server) as held:
        held.delete_person("ben")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://db.local/homes", "postgresql://db.local/homes"),
        ("postgres://fer:a%40b@db.local:5433/homes", "postgresql://db.local:5433/homes"),
        ("postgresql://[::1]/homes?sslmode=require", "postgresql://[::1]/homes"),
        ("postgresql://fer@/homes?host=/run/postgresql", "postgresql:///homes"),
    ],
)
def test_an_address_is_shown_without_what_is_secret(url: str, shown: str) -> None:
    assert Place(url).shown == shown


@pytest.mark.parametrize(
    "url", ["postgresql://u:p@ss@h/d", "postgresql://u:p/s@h/d", "http://h/d", "postgresql://h"]
)
def test_another_address_is_refused_unseen(url: str) -> None:
    with pytest.raises(ArgumentError, match="history must be FILE or postgresql://") as refused:
        Place(url).store()
    assert url not in str(refused.value)
