"""The power is cut while fer-train trains and fer-convert converts."""

from __future__ import annotations

import csv
import json
import re
import shutil
import sys
import sysconfig
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from fer_core.bundle import ModelBundle
from fer_core.files import load_arrays
from fer_train.run import run_training
from fer_train.run_folder import has_begun, resumed_config
from vm.cut_disk import files_after_cut
from vm.image import REPOSITORY, System
from vm.machine import Machine
from vm.trainer import EPOCHS
from vm.uml import UmlMachine

pytestmark = pytest.mark.vm
CUTS = 20
RESUMED = 3
"""How many of the runs that were cut off go on here, each of which takes some seconds."""
LONG = 1500.0
MAPPINGS = 262144
"""User-mode Linux maps the pages of a process one by one, and TensorFlow has many."""
ROOMS = ("core", "edge", "train", "convert", "tests")
PACKAGES = Path(sysconfig.get_path("purelib"))
TRAINER = "python3 -u /trainer/tests/vm/trainer.py /data"
WHOLE = re.compile(r".*\.(npz|toml|csv|json|txt|png|keras|h5|tflite)|\.fer-lock|tensorboard")
UNFINISHED = re.compile(r"\..*\.fer-unfinished-.*")


@pytest.fixture(scope="module")
def training(machine: UmlMachine) -> UmlMachine:
    """A computer that trains and converts on its data disk, with the packages of this one."""
    if sys.version_info[:2] != (3, 11):
        pytest.skip("the computer has Python 3.11, so it cannot use these packages")
    if int(Path("/proc/sys/vm/max_map_count").read_text()) < MAPPINGS:
        pytest.skip(f"TensorFlow needs more mappings: sudo sysctl vm.max_map_count={MAPPINGS}")
    mount_trainer(machine)
    start_trainer(machine)
    wait_until_said(machine, "converted run-1")
    return machine


@pytest.fixture(scope="module")
def resumed() -> list[str]:
    """The runs that went on after a cut."""
    return []


def mount_trainer(machine: Machine) -> None:
    """Let the computer see the source and the packages of this one; it cannot write there."""
    for place, here in (("/trainer", REPOSITORY), ("/packages", PACKAGES)):
        machine.run(f"mkdir -p {place} && mount -r -t hostfs -o {here} none {place}")


def start_trainer(machine: Machine, *words: str) -> None:
    """Start what trains, or goes on with a run."""
    path = ":".join([*(f"/trainer/{room}" for room in ROOMS), "/packages"])
    ways = f"-E PYTHONPATH={path} -E PYTHONDONTWRITEBYTECODE=1 -p StandardOutput=file:/dev/console"
    ways += " -p StandardError=journal"
    unit = f"systemd-run --quiet --uid=pi --working-directory=/data --unit=trainer {ways}"
    machine.run(" ".join([unit, TRAINER, *words]))


def wait_until_said(machine: Machine, line: str) -> None:
    """Wait for a line of the trainer; where there is none, raise what its journal says."""
    ends = time.monotonic() + LONG
    while line not in said(machine):
        state = machine.run("systemctl is-failed trainer", code=None).out.strip()
        journal = machine.run("journalctl -u trainer --no-pager | tail -20", code=None).out
        assert state != "failed", journal
        assert time.monotonic() < ends, f"never said {line!r}: {journal}"
        time.sleep(3)


def said(machine: Machine) -> list[str]:
    """Return the whole lines of the computer's console."""
    return [line.strip() for line in machine.console.read_text(errors="replace").split("\n")[:-1]]


@pytest.mark.parametrize("cut", range(CUTS))
def test_what_is_trained_and_converted_is_whole_or_absent(
    training: UmlMachine, tmp_path: Path, cut: int, resumed: list[str]
) -> None:
    """The disk is looked at as a cut would leave it, after pauses of other lengths each time."""
    time.sleep(2 + cut * 0.83 % 3)
    lines = said(training)
    training.disk_if_cut_now(tmp_path / "data.img")
    found = files_after_cut(tmp_path / "data.img", tmp_path)
    runs = sorted(found.glob("run-*"), key=lambda run: int(run.name.removeprefix("run-")))
    for run in runs[-2:]:
        check_files(run)
    for run in runs[-1:]:
        check_promises(run, lines)
    newest = runs[-1]
    if len(resumed) < RESUMED and has_begun(newest) and not (newest / "metrics.json").exists():
        resume(newest, found / "faces.npz")
        resumed.append(newest.name)


@pytest.mark.usefixtures("training")
def test_runs_that_were_cut_off_went_on(resumed: list[str]) -> None:
    assert len(resumed) == RESUMED


def check_files(run: Path) -> None:
    """Each file is whole, or is one that nobody takes for a whole one."""
    for file in run.iterdir():
        assert WHOLE.fullmatch(file.name) or UNFINISHED.fullmatch(file.name), file
        if UNFINISHED.fullmatch(file.name):
            continue
        match file.suffix:
            case ".npz":
                load_arrays(file)
            case ".json":
                json.loads(file.read_text())
            case ".csv":
                assert 1 <= len(rows_of(file)) <= epochs_done(run)
            case ".keras":
                with zipfile.ZipFile(file) as archive:
                    assert archive.testzip() is None
            case ".tflite":
                ModelBundle.load(file)
            case ".png":
                assert file.read_bytes().endswith(b"IEND\xaeB`\x82")
            case ".txt" | ".h5":
                assert file.read_bytes()
    if (run / "config.toml").exists() and has_begun(run):
        assert resumed_config(run).epochs == EPOCHS


def check_promises(run: Path, lines: list[str]) -> None:
    """What was said to be done before the cut is there."""
    epochs = [line for line in lines if re.fullmatch(rf"epoch \d+ of {run.name}", line)]
    if epochs:
        assert epochs_done(run) >= len(epochs)
    if f"trained {run.name}" in lines:
        assert len(rows_of(run / "history.csv")) == EPOCHS
        names = "model.keras model.h5 metrics.json report.txt history.csv curves.png confusion.png"
        assert all((run / name).exists() for name in names.split())
    if f"converted {run.name}" in lines:
        assert len(list(run.glob("*-int8.tflite"))) == 1
        assert (run / "parity.json").exists()


def rows_of(history: Path) -> list[dict[str, str]]:
    """Return what a history says, a row an epoch; raise AssertionError for one that is torn."""
    rows = list(csv.DictReader(history.read_text().splitlines()))
    assert all(None not in row.values() for row in rows)
    return rows


def epochs_done(run: Path) -> int:
    """Return how many epochs the checkpoint of a run holds."""
    return int(json.loads(str(load_arrays(run / "checkpoint.npz")["facts"]))["epoch"])


def resume(run: Path, data: Path) -> None:
    """Go on with a run where it was cut off; its pictures lie elsewhere here."""
    done = epochs_done(run)
    before = json.loads(str(load_arrays(run / "checkpoint.npz")["facts"]))["history"]
    run_training(replace(resumed_config(run), data=str(data)), run, True, lambda line: None)
    rows = rows_of(run / "history.csv")
    assert len(rows) == EPOCHS
    assert [float(row["loss"]) for row in rows[:done]] == [row["loss"] for row in before]


def test_a_computer_boots_after_a_cut_and_goes_on_with_the_run(
    training: UmlMachine, vm_system: System
) -> None:
    """The kernel's process is killed in the middle of a run; nothing unfinished stays."""
    number = 1 + max(int(line.rpartition("-")[2]) for line in said(training) if "trained" in line)
    wait_until_said(training, f"epoch 1 of run-{number}")
    training.cut_power()
    shutil.copy(training.console, training.console.with_name("console-before.log"))
    booted = UmlMachine(vm_system, training.data.parent)
    try:
        booted.run("mount /dev/ubdb /data")
        mount_trainer(booted)
        start_trainer(booted, f"run-{number}")
        wait_until_said(booted, f"converted run-{number}")
        names = booted.run(f"ls -A /data/run-{number}").out.split()
        assert "metrics.json" in names
        assert [name for name in names if not WHOLE.fullmatch(name)] == []
        assert ".fer-lock" not in names
    finally:
        booted.cut_power()
