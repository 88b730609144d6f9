"""What a year of a camera takes: made-up days of three people, 14 hours each.

    python edge/studies/history_year.py FOLDER

FOLDER must lie on the disk that is to be measured; FOLDER/year.sqlite stays there to be looked at.
Each person is in sight three quarters of the time, in stretches of some minutes. An expression
lasts eight seconds in the mean. `always` is the worst case: all three, without a pause.
"""

from __future__ import annotations

import argparse
import sqlite3
import statistics
import time
from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from fer_edge.history.chart import Filter, read_chart
from fer_edge.history.periods import DAY, DAYS, HOUR, Period
from fer_edge.history.rows import Batch, Bucket, EventRow
from fer_edge.history.sqlite_file import SqliteStore, reading

LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
COMMON = (0.04, 0.01, 0.03, 0.22, 0.10, 0.05, 0.55)
LIMITS = np.cumsum(COMMON)[:-1]
PEOPLE = ("anna", "ben", "")
LAST = datetime(2026, 11, 27)
KEPT_DAYS, FROM_HOUR, HOURS = 30, 7, 14


def made_up_day(day: datetime, chance: np.random.Generator, presence: float) -> Batch:
    """Return a day's rows."""
    seconds: dict[Bucket, float] = defaultdict(float)
    events = []
    for track, person in enumerate(PEOPLE):
        at = (day + timedelta(hours=FROM_HOUR)).timestamp()
        ends, label = at + 3600 * HOURS, ""
        while at < ends:
            if chance.random() > presence:
                events.append(EventRow(at, "camera", person, "ended", "none", 0.0, track))
                at, label = at + chance.exponential(120), ""
                continue
            for _ in range(12):
                new = LABELS[np.searchsorted(LIMITS, chance.random())]
                lasts = chance.exponential(8)
                if new != label:
                    kind = "changed" if label else "started"
                    events.append(EventRow(at, "camera", person, kind, new, 0.71, track))
                label = new
                while lasts > 0:
                    minute = int(at // 60) * 60
                    part = min(lasts, minute + 60 - at + 1e-3)
                    seconds[Bucket(minute, "camera", person, label)] += part
                    at, lasts = at + part, lasts - part
    return Batch(dict(seconds), events)


def write_year(path: Path, presence: float, days: int = 365) -> None:
    """Write so many days up to LAST, and thin after each as a run does."""
    store, chance = SqliteStore(path), np.random.default_rng(1)
    for back in range(days - 1, -1, -1):
        day = LAST - timedelta(back)
        store.write(made_up_day(day, chance, presence))
        while store.thin(int((day + timedelta(1 - KEPT_DAYS)).timestamp())):
            pass
    store.close()


def told_size(path: Path) -> str:
    """Return how large a history is, and how many rows of which table."""
    with reading(path) as tables:
        counts = [
            f"{tables.rows(f'SELECT COUNT(*) FROM {name}')[0][0]:,} {name}"
            for name in ("minutes", "hours", "events")
        ]
    return f"{path.stat().st_size / 1e6:.1f} MB: {', '.join(counts)}"


def chart_times(path: Path, runs: int = 20) -> str:
    """Return how long each chart takes, opening the file included."""
    told, now = [], (LAST + timedelta(hours=20)).timestamp()
    for name in DAYS:
        times = []
        for _ in range(runs):
            started = time.perf_counter()
            with reading(path) as tables:
                read_chart(tables, Period.of(name, now), Filter(), DAY if name == "month" else HOUR)
            times.append(1e3 * (time.perf_counter() - started))
        told.append(f"{name} {statistics.median(times):.0f} (at most {max(times):.0f})")
    return ", ".join(told)


def commit_times(path: Path, synchronous: str, count: int = 200) -> str:
    """Return what a batch of half a minute takes on the disk."""
    store, times = SqliteStore(path), []
    store.write(Batch())
    connection = store._connection
    assert connection
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    written = _written_bytes()
    for index in range(count):
        minute = int(LAST.timestamp()) + 60 * (index // 2)
        labels = LABELS[3:6]
        seconds = {Bucket(minute, "camera", who, label): 7.0 for who in PEOPLE for label in labels}
        events = [EventRow(minute, "camera", "anna", "changed", "happy", 0.7, 1)] * 4
        started = time.perf_counter()
        store.write(Batch(seconds, events))
        times.append(1e3 * (time.perf_counter() - started))
    kib = (_written_bytes() - written) / count / 1024
    store.close()
    times.sort()
    return (
        f"median {statistics.median(times):.1f} ms, p99 {times[-3]:.1f} ms, {kib:.0f} KiB written"
    )


def _written_bytes() -> int:
    lines = Path("/proc/self/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes"))


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    folder = parser.add_argument("folder", type=Path) and parser.parse_args().folder
    print(f"SQLite {sqlite3.sqlite_version}")
    for synchronous in ("FULL", "NORMAL"):
        path = folder / f"{synchronous}.sqlite"
        print(f"a batch, synchronous {synchronous}: {commit_times(path, synchronous)}")
        path.unlink()
    for name, presence in (("year", 0.8), ("always", 1.0)):
        path = folder / f"{name}.sqlite"
        path.unlink(missing_ok=True)
        write_year(path, presence)
        print(f"{name}: {told_size(path)}")
        print(f"{name}, ms a chart: {chart_times(path)}")


if __name__ == "__main__":
    main()
