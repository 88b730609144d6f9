"""Trainings beside each other through the installed command: folds, and a sweep that is stopped."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from commands import call, call_here, command_path
from drawn_faces import drawn_dataset, save_npz

pytestmark = pytest.mark.slow

SPACE = """
arch = "b"
data = "drawn.npz"
epochs = 16
batch_size = 8
[learning_rate]
low = 0.001
high = 0.01
log = true
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_npz(tmp_path / "drawn.npz", drawn_dataset((6, 3, 2)))
    (tmp_path / "space.toml").write_text(SPACE)
    return tmp_path


def test_folds_beside_each_other_come_to_the_same_figures(folder: Path) -> None:
    options = ("--data", "drawn.npz", "--arch", "b", "--epochs", 2, "--batch-size", 8)
    beside = call(
        "fer-train", "folds", 2, *options, "--on", "local:2", "--out", "beside", cwd=folder
    )
    assert "2 jobs at a time" in beside.stderr
    assert "fold 2: epoch   2/2" in beside.stderr
    alone = call_here("fer-train", "--folds", 2, *options, "--out", "alone", cwd=folder)
    assert beside.stdout.replace("beside", "alone") == alone.stdout
    facts = [(folder / out / "cross_validation.json").read_text() for out in ("beside", "alone")]
    assert facts[0] == facts[1]
    again = call_here("fer-train", "folds", "--out", "beside", "--resume", cwd=folder)
    assert again.stdout == beside.stdout


def figures(history: list[str]) -> list[list[float]]:
    """Return the rows of a history as numbers."""
    return [[float(cell) for cell in row.split(",")] for row in history[1:]]


def wait_for_the_end(group: int) -> None:
    """Wait until no process of a group runs any more."""
    ends = time.monotonic() + 20
    while time.monotonic() < ends:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    pytest.fail("a process of the sweep is left")


def test_a_sweep_that_is_stopped_goes_on_where_it_was(folder: Path) -> None:
    words = ("sweep", "space.toml", "--out", "tried", "--budget", "2", "--prune-at", "never")
    running = subprocess.Popen(
        [command_path("fer-train"), *words, "--on", "local:1"],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    history = folder / "tried" / "trials" / "0000" / "history.csv"
    try:
        ends = time.monotonic() + 120
        while not history.exists():
            assert time.monotonic() < ends
            assert running.poll() is None
            time.sleep(0.02)
        os.killpg(running.pid, signal.SIGINT)  # as Ctrl-C in a terminal does
        _, said = running.communicate(timeout=60)
    finally:
        running.kill()
    assert running.returncode == 130, said
    assert "the same command continues" in said
    assert "Traceback" not in said
    wait_for_the_end(running.pid)
    before = history.read_text().splitlines()
    assert len(before) < 17
    done = call("fer-train", *words, "--on", "local:2", cwd=folder)
    assert "trials that continue: 0" in done.stderr
    after = history.read_text().splitlines()
    assert figures(after[: len(before)]) == figures(before)
    assert len(after) == 17
    with (folder / "tried" / "trials.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["trial"], row["state"]) for row in rows] == [("0", "complete"), ("1", "complete")]
    metrics = json.loads((folder / "tried" / "trials" / "0000" / "metrics.json").read_text())
    assert float(rows[0]["accuracy"]) == pytest.approx(metrics["validation"]["accuracy"], abs=1e-6)
    best = folder / "tried" / "best.toml"
    done = call_here("fer-train", "--config", best, "--epochs", 1, "--out", "best", cwd=folder)
    assert "b-plain, epoch 1 of 1, validation split" in done.stdout
