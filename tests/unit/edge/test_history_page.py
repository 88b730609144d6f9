"""The section History of a run's page."""

import json
import os
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from fer_edge.history.output import HistoryOutput
from fer_edge.history.periods import hour_of
from fer_edge.history.place import Place
from fer_edge.history.sqlite_file import SqliteStore
from fer_edge.outputs.stamp import Stamp
from fer_edge.page.history import deleting
from fer_edge.session.config import EdgeConfig
from fer_edge.session.models import make_model
from fer_edge.session.options import RunOptions
from fer_edge.session.outputs import make_outputs
from fer_edge.session.run import Run
from fer_edge.session.sources import LIVE
from fer_edge.sources.demo import DemoSource
from fer_edge.stages import StageTimes
from history_rows import looks, saved, total
from served_page import TOKEN, Served

WITH_TOKEN = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def now() -> int:
    """The hour that has begun; a test that runs as it ends looks at the day before, too."""
    return hour_of(int(time.time()))


@pytest.fixture
def kept(tmp_path: Path, now: int) -> Path:
    return saved(
        tmp_path / "h.sqlite",
        looks(now, 4, "happy", "anna", 60.0),
        looks(now, 2, "<b>odd</b>", "", 30.0),
        looks(now - 3 * 86400, 10, "sad", "ben", 60.0, camera="door"),
    )


def test_a_chart_is_told_to_those_who_may_look_and_to_nobody_else(kept: Path) -> None:
    served = Served(TOKEN, history=Place(str(kept)))
    with served.server:
        assert served.ask("/history").status == 401
        assert served.ask("/history.csv").status == 401
        answer = served.ask("/history?period=week", **WITH_TOKEN)
        told = json.loads(answer.read())
        assert told["labels"] == {"sad": 600, "happy": 240, "<b>odd</b>": 60}
        assert told["labels"].keys() == told["colours"].keys()
        assert (told["people"], told["cameras"]) == (["", "anna", "ben"], ["c", "door"])
        assert len(told["bars"]) in (167, 168, 169)  # with clocks that change
        assert sum(sum(bar["seconds"].values()) for bar in told["bars"]) == 900
        assert [(each["label"], each["minutes"]) for each in told["streaks"]] == [
            *(("sad", 10), ("happy", 4), ("<b>odd</b>", 2))
        ]
        assert (told["where"], told["kept_days"]) == (str(kept), 30)
        assert told["deleting"] == deleting(Place(str(kept)))
        for query, labels in (
            ("period=week&person=ben", {"sad"}),
            ("period=month&unknown=1", {"<b>odd</b>"}),
            ("period=month&camera=c", {"happy", "<b>odd</b>"}),
            ("period=week&person=ben%27%20OR%201=1", set()),
        ):
            told = json.loads(served.ask(f"/history?{query}", **WITH_TOKEN).read())
            assert told["labels"].keys() == labels
            assert len(told["people"]) == 3  # to choose from, whoever is chosen


@pytest.mark.skipif(os.name != "posix", reason="shells of Windows quote otherwise")
def test_the_command_that_deletes_a_person_is_one_for_a_shell() -> None:
    shown = deleting(Place("/srv/my histories/h.sqlite"))
    assert shown == "fer-edge history '/srv/my histories/h.sqlite' --delete-person NAME"
    shown = deleting(Place("postgresql://me:pw@db/seen?sslmode=require"))
    assert shown.startswith("fer-edge history ADDRESS --delete-person NAME, where ADDRESS is")
    assert "pw" not in shown


def test_the_rows_are_a_file_of_csv(kept: Path) -> None:
    served = Served(history=Place(str(kept)))
    with served.server:
        answer = served.ask("/history.csv?period=week&person=ben")
        head, row = answer.read().decode().splitlines()
        assert head == "start,camera,person,label,seconds"
        assert row.endswith(",door,ben,sad,600")
        assert str(answer.getheader("Content-Type")).startswith("text/csv")
        named = str(answer.getheader("Content-Disposition"))
        assert named.startswith('attachment; filename="history-20')
        assert served.ask("/history.csv", "POST").status == 405


def test_what_cannot_be_told_is_said_in_words(kept: Path, tmp_path: Path) -> None:
    served = Served(history=Place(str(kept)))
    with served.server:
        assert json.loads(served.ask("/about").read())["history"] is True
        wrong = served.ask("/history?period=year")
        assert wrong.status == 400
        assert json.loads(wrong.read())["error"] == "period must be one of day, week, month"
        assert served.ask("/history.csv?period=year").status == 400
        kept.write_bytes(b"no database" * 1000)
        damaged = served.ask("/history")
        assert damaged.status == 503
        assert "is damaged or no database" in json.loads(damaged.read())["error"]
        assert served.ask("/history.csv").status == 503
    without = Served()
    with without.server:
        assert without.ask("/history").status == 404
        assert json.loads(without.ask("/about").read())["history"] is False


def test_a_chart_is_read_while_the_writer_writes(kept: Path, now: int) -> None:
    """Neither waits for the other, and nobody sees half of a batch."""
    ending = threading.Event()

    def write() -> None:
        store = SqliteStore(kept)
        while not ending.is_set():
            store.write(looks(now, 3, "happy", "anna", 1.0))
        store.close()

    writing = threading.Thread(target=write)
    served = Served(history=Place(str(kept)))
    with served.server:
        writing.start()
        try:
            told = [json.loads(served.ask("/history?period=week").read()) for _ in range(20)]
        finally:
            ending.set()
            writing.join()
    seconds = [each["labels"]["happy"] for each in told]
    assert seconds == sorted(seconds)
    assert seconds[-1] > seconds[0]
    assert all((each - 240) % 3 == 0 for each in seconds)


def run_of(options: RunOptions, stack: ExitStack) -> Run:
    times, stop = StageTimes(), threading.Event()
    model = make_model(options, LIVE, stack, times)
    return Run(options, LIVE, DemoSource(), model, Stamp("desk"), stop, stack, times)


def test_a_run_with_a_history_keeps_shows_and_tells_of_it(tmp_path: Path) -> None:
    path = tmp_path / "h.sqlite"
    config = EdgeConfig(camera="0", show=False, serve="127.0.0.1:1", history=str(path))
    options = RunOptions(config, quiet=True)
    assert options.stored() == (f"how long each expression is seen, and every change in {path}",)
    with ExitStack() as stack:
        run = run_of(RunOptions(EdgeConfig(camera="0", show=False, history=str(path))), stack)
        (output,) = (each for each in make_outputs(run) if isinstance(each, HistoryOutput))
        output._writer.add(looks(60, 2, "happy").seconds, [])
        assert run.counts()["history_dropped"] == {"": 0}
    assert total(path) == 120.0  # leaving it has written


def test_a_run_without_a_history_loads_nothing_of_it() -> None:
    code = (
        "import sys, fer_edge.cli, fer_edge.session.watch, fer_edge.page.requests\n"
        "names = {name for name in sys.modules if name.startswith('fer_edge.history.')}\n"
        "print(sorted(names - {'fer_edge.history.cli'}), 'sqlite3' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "[] False\n"
