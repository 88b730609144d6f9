"""The file of a history and the thread that writes it, through faults."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from fer_core.errors import FerError
from fer_edge.history import sqlite_file, tables, writer
from fer_edge.history.rows import Batch, Bucket
from fer_edge.history.sqlite_file import SqliteStore, reading
from fer_edge.history.store import UnusableError
from fer_edge.history.writer import HistoryWriter
from history_rows import event, looks, merged, minute, read, saved, total

DAY = 86400
NOON = minute("2026-11-27T12:00")


def test_seconds_add_up_in_their_minute_and_hour(tmp_path: Path) -> None:
    late, soon = looks(NOON + 3540, 1, "glad", "anna", 20.0), looks(NOON + 3600, 2, "glad", "anna")
    path = saved(tmp_path / "h.sqlite", late, late, soon, Batch(events=[event(NOON + 0.25)]))
    kept = "SELECT start, seconds FROM {} ORDER BY start"
    assert read(path, kept.format("minutes")) == [
        (NOON + 3540, 40.0),
        (NOON + 3600, 60.0),
        (NOON + 3660, 60.0),
    ]
    assert read(path, kept.format("hours")) == [(NOON, 40.0), (NOON + 3600, 120.0)]
    assert read(path, "SELECT at, kind, label FROM events") == [(NOON + 0.25, "started", "happy")]


def test_old_minutes_and_events_go_in_small_steps_and_hours_stay(tmp_path: Path) -> None:
    batches = [looks(NOON - day * DAY, 30, "glad", seconds=10.0) for day in (40, 31, 29, 0)]
    batches += [Batch(events=[event(NOON - day * DAY) for day in (50, 31, 29)])]
    path = saved(tmp_path / "h.sqlite", merged(batches))
    store = SqliteStore(path)
    steps = 0
    while store.thin(NOON - 30 * DAY):
        steps += 1
    store.close()
    assert steps >= 3  # each a transaction of a quarter of a day
    assert total(path, "minutes") == 2 * 300.0
    assert total(path, "hours") == 4 * 300.0
    assert read(path, "SELECT at FROM events") == [(NOON - 29 * DAY,)]


def test_a_person_is_deleted_to_the_last_byte(tmp_path: Path) -> None:
    """While a run has the file open, too."""
    path = tmp_path / "h.sqlite"
    store = SqliteStore(path)
    store.write(merged([looks(NOON, 300, "glad", "anna"), looks(NOON, 5, "glad", "ben")]))
    store.write(Batch(events=[event(NOON + at, "anna") for at in range(300)]))
    assert b"anna" in path.read_bytes() + Path(f"{path}-wal").read_bytes()
    with closing(SqliteStore(path)) as other:
        deleted = other.delete_person("anna")
    assert deleted == 300 + 5 + 300
    assert b"anna" not in path.read_bytes() + Path(f"{path}-wal").read_bytes()
    store.write(looks(NOON + 3600, 1, "glad", "ben"))
    store.close()
    assert total(path) == 6 * 60.0


def test_a_newer_file_and_those_of_others_are_refused_with_words(tmp_path: Path) -> None:
    path = saved(tmp_path / "h.sqlite", looks(NOON, 1, "glad"))
    with closing(sqlite3.connect(path)) as changed:
        changed.execute("PRAGMA user_version = 99")
    other = tmp_path / "music.sqlite"
    with closing(sqlite3.connect(other)) as foreign:
        foreign.execute("CREATE TABLE songs (name TEXT)")
    with pytest.raises(UnusableError, match=r"newer fer-edge .its schema is 99, this one knows"):
        SqliteStore(path).require_usable()
    with pytest.raises(FerError, match="newer fer-edge"), reading(path):
        pass
    with pytest.raises(UnusableError, match="is a database of another program: choose another"):
        SqliteStore(other).require_usable()
    with pytest.raises(UnusableError, match=r"cannot open .*: No such file"):
        SqliteStore(tmp_path / "none" / "h.sqlite").require_usable()


def test_an_older_file_is_brought_up_to_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(tmp_path / "h.sqlite", looks(NOON, 3, "glad"))
    newer = (*tables.MIGRATIONS, ("ALTER TABLE events ADD COLUMN room TEXT",))
    monkeypatch.setattr(sqlite_file, "MIGRATIONS", newer)
    saved(path, looks(NOON, 3, "glad"))
    assert total(path) == 360.0
    assert read(path, "SELECT room FROM events") == []
    broken = (*newer, ("CREATE TABLE half (x)", "CREATE TABLE half (x)"))
    monkeypatch.setattr(sqlite_file, "MIGRATIONS", broken)
    with pytest.raises(FerError, match="half"):
        SqliteStore(path).write(Batch())
    monkeypatch.setattr(sqlite_file, "MIGRATIONS", newer)  # nothing of it has stayed
    assert total(path) == 360.0


def test_reading_changes_nothing(tmp_path: Path) -> None:
    path = saved(tmp_path / "h.sqlite", looks(NOON, 1, "glad"))
    with reading(path) as held, pytest.raises(sqlite3.OperationalError, match="readonly"):
        held.delete_person("")
    with pytest.raises(FerError, match="there is no history"), reading(tmp_path / "none"):
        pass
    assert total(path) == 60.0


WRITES = """
import sys, time
from pathlib import Path
from fer_edge.history import writer
from fer_edge.history.rows import Bucket, EventRow
from fer_edge.history.sqlite_file import SqliteStore
writer.WRITE_SECONDS = 0.005
with writer.HistoryWriter(SqliteStore(Path(sys.argv[1])), 1) as kept:
    for index in range(1_000_000):
        minute = 60 * (index // 50)
        kept.add({Bucket(minute, "c", "anna", f"label {index % 7}"): 1.0},
                 [EventRow(minute, "c", "anna", "changed", "happy", 0.5, 1)])
        time.sleep(0.0005)
"""


def _seconds_written(path: Path) -> float:
    try:
        return float(total(path))
    except FerError:  # it is not there yet, or has no tables
        return 0.0


def test_a_killed_process_leaves_a_whole_file(tmp_path: Path) -> None:
    """Ended by SIGKILL in the middle of its transactions, again and again on one file."""
    path, before = tmp_path / "h.sqlite", 0.0
    for pause in (0.0, 0.013, 0.031):
        with subprocess.Popen([sys.executable, "-c", WRITES, str(path)]) as process:
            ends = time.monotonic() + 60  # a busy disk takes seconds for the first transaction
            while _seconds_written(path) <= before and time.monotonic() < ends:
                time.sleep(0.01)
            time.sleep(pause)
            process.send_signal(signal.SIGKILL)
        with closing(sqlite3.connect(path)) as left:
            assert left.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        seconds = total(path)
        assert seconds > before
        assert seconds == total(path, "hours") == read(path, "SELECT COUNT(*) FROM events")[0][0]
        before = seconds


@contextmanager
def full_disk(limit_bytes: int) -> Iterator[None]:
    """Let no file of this process grow beyond so much."""
    resource = pytest.importorskip("resource", reason="limits of POSIX")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, before[1]))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_is_said_once_and_nothing_is_lost(
    tmp_path: Path, warnings: Callable[[], list[str]]
) -> None:
    path = tmp_path / "h.sqlite"
    kept = HistoryWriter(SqliteStore(path), 30)
    kept.add(looks(NOON, 5, "glad").seconds, [])
    kept.write()
    with full_disk(16_000):
        for step in range(4):
            kept.add(looks(NOON, 400, "glad").seconds, [event(NOON + step)])
            kept.write()
    assert len(warnings()) == 1
    assert str(path) in warnings()[0]
    kept.write()
    assert "can write" in warnings()[1]
    assert total(path) == 60.0 * (5 + 4 * 400)
    assert len(read(path, "SELECT at FROM events")) == 4
    assert kept.dropped == 0


def test_a_file_in_use_waits_and_so_does_a_damaged_one(
    tmp_path: Path, warnings: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_file, "BUSY_SECONDS", 0.01)
    path = saved(tmp_path / "h.sqlite", looks(NOON, 1, "glad"))
    kept = HistoryWriter(SqliteStore(path), 30)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        kept.add(looks(NOON, 1, "glad").seconds, [])
        kept.write()
        other.execute("COMMIT")
    kept.write()
    assert total(path) == 120.0
    path.write_bytes(b"no database" * 1000)
    SqliteStore(path).require_usable()  # a run begins all the same, and says it
    kept.add(looks(NOON, 2, "glad").seconds, [])
    kept._store.close()
    kept.write()
    path.rename(f"{path}.damaged")
    kept.write()
    assert total(path) == 120.0
    told = ["locked", "can write", "is damaged or no database: mv ", "can write"]
    assert len(warnings()) == len(told)
    assert all(part in line for part, line in zip(told, warnings(), strict=True))


def test_a_file_that_is_removed_begins_anew(tmp_path: Path) -> None:
    path = saved(tmp_path / "h.sqlite", looks(NOON, 1, "glad"))
    store = SqliteStore(path)
    store.write(looks(NOON, 1, "glad"))
    for file in tmp_path.iterdir():
        file.unlink()
    store.write(looks(NOON, 1, "glad", seconds=7.0))
    store.close()
    assert total(path) == 7.0


class Fails:
    """A store that cannot be written, or takes long."""

    shown = "nowhere"

    def __init__(self) -> None:
        self.go_on, self.asked = threading.Event(), threading.Event()
        self.thinned: list[int] = []
        self.well = False
        self.rows = 0

    def write(self, batch: Batch) -> None:
        self.asked.set()
        self.go_on.wait(10)
        if not self.well:
            raise FerError("nowhere is away")
        self.rows += len(batch)

    def thin(self, before: int) -> bool:
        self.thinned.append(before)
        return False

    def close(self) -> None:
        """Nothing is open."""


def test_what_waits_is_bounded_and_what_is_lost_is_counted(
    monkeypatch: pytest.MonkeyPatch, warnings: Callable[[], list[str]]
) -> None:
    monkeypatch.setattr(writer, "MOST_WAITING", 10)
    store = Fails()
    store.go_on.set()
    kept = HistoryWriter(store, 30)
    for _ in range(3):
        kept.add(looks(NOON, 8, "glad").seconds, [event(NOON), event(NOON)])
        kept.write()
    assert kept.dropped == 4  # events; the seconds of known minutes still add up
    store.well = True
    kept.write()
    assert store.rows == 10
    assert warnings() == [
        "history: nowhere is away; what is new waits",
        "history: can write nowhere again; 4 rows were dropped",
    ]


def test_a_slow_disk_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "WRITE_SECONDS", 0.001)
    store = Fails()
    store.well = True
    with HistoryWriter(store, 30) as kept:
        kept.add(looks(NOON, 1, "glad").seconds, [])
        assert store.asked.wait(5)
        slowest = 0.0
        for index in range(200):
            started = time.perf_counter()
            kept.add({Bucket(60 * index, "c", "", "glad"): 1.0}, [])
            slowest = max(slowest, time.perf_counter() - started)
        assert slowest < 0.5  # the disk takes ten seconds
        store.go_on.set()
    assert store.rows == 201


def test_rows_that_a_hung_server_holds_at_the_end_are_told(
    monkeypatch: pytest.MonkeyPatch, warnings: Callable[[], list[str]]
) -> None:
    monkeypatch.setattr(writer, "CLOSING_SECONDS", 0.05)
    store = Fails()
    store.well = True
    with HistoryWriter(store, 30) as kept:
        kept.add(looks(NOON, 8, "glad").seconds, [event(NOON)])
    try:
        assert warnings() == ["9 rows of the history could not be written"]
    finally:
        store.go_on.set()


def test_old_rows_go_now_and_then_but_not_after_the_clock_was_set() -> None:
    now, wall = [0.0], [float(NOON)]
    store = Fails()
    kept = HistoryWriter(store, 30, lambda: now[0], lambda: wall[0])
    for passed, shown in ((10, 10), (600, 600), (30, 30), (600, 900 * DAY), (600, 600)):
        now[0], wall[0] = now[0] + passed, wall[0] + shown
        kept.write()
    first, second = store.thinned  # not in the 30 s after the first, nor when the clock leapt
    assert first == NOON + 610 - 30 * DAY
    assert second == int(wall[0]) - 30 * DAY


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_a_history_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = saved(tmp_path / "h.sqlite", looks(NOON, 1, "glad"))
    assert path.stat().st_mode & 0o077 == 0
