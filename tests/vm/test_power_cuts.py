"""The power is cut while fer-edge records, writes events and a history, and settings are saved."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import time
from pathlib import Path

import pytest

from fer_edge.outputs.clips.cut import keep_whole_pieces, playable_seconds
from vm.conftest import CAMERA
from vm.cut_disk import files_after_cut
from vm.image import System
from vm.machine import Machine
from vm.uml import UmlMachine

pytestmark = pytest.mark.vm
CUTS = 20
LONG = 1500.0
EDGE = f"/home/pi/fer/bin/fer-edge --camera {CAMERA} --quiet --no-show --before 1 --after 1"
WRITES = "--save rec.mp4 --events events.jsonl --history seen.sqlite --clips clips"
KNOWN = re.compile(
    r"settings\.toml|events\.jsonl|rec\.mp4|clips|lost\+found|seen\.sqlite.*"
    r"|\.(half|settings|index)\.fer-unfinished-.*"
)


@pytest.fixture(scope="module")
def writing(machine: UmlMachine) -> UmlMachine:
    """A computer on which fer-edge records and writes, and settings are saved, on its data disk."""
    unit = "systemd-run --quiet --uid=pi --working-directory=/data"
    machine.run(f"{unit} --unit=edge {EDGE} {WRITES}")
    machine.write("/home/pi/saver.py", Path(__file__).with_name("saver.py").read_text())
    saver = "/home/pi/fer/bin/python -u /home/pi/saver.py /data"
    machine.run(f"{unit} --unit=saver -p StandardOutput=file:/dev/console {saver}")
    machine.until("test $(stat -c %s /data/rec.mp4) -gt 20000", seconds=LONG)
    machine.until("test $(wc -l < /data/events.jsonl) -gt 1", seconds=LONG)
    machine.until("ls /data/clips/*.mp4", seconds=LONG)
    return machine


@pytest.mark.parametrize("cut", range(CUTS))
def test_every_file_is_whole_or_absent(writing: UmlMachine, tmp_path: Path, cut: int) -> None:
    """The disk is looked at as a cut would leave it, after pauses of other lengths each time."""
    time.sleep(2 + cut * 0.37 % 1)
    saved = acknowledged(writing)
    writing.disk_if_cut_now(tmp_path / "data.img")
    check_disk(tmp_path, saved)


def test_a_computer_boots_after_a_cut_and_removes_what_is_unfinished(
    writing: UmlMachine, vm_system: System, tmp_path: Path
) -> None:
    """The kernel's process is killed here, as are the disks' threads."""
    saved = acknowledged(writing)
    writing.cut_power()
    folder = writing.data.parent
    shutil.copy(writing.data, tmp_path)
    check_disk(tmp_path, saved)
    booted = UmlMachine(vm_system, folder)
    try:
        booted.run("mount /dev/ubdb /data")
        assert booted.run("ls -a /data | grep unfinished").out.count(".half.fer-unfinished-") == 1
        write = "from fer_core.files import *; write_text(Path('/data/other.txt'), 'x')"
        booted.run(f'~/fer/bin/python -c "{write}"', "pi", LONG)
        assert booted.run("ls -a /data | grep unfinished", code=1).out == ""
        unit = "systemd-run --quiet --uid=pi --working-directory=/data --unit=edge"
        booted.run(f"{unit} {EDGE} {WRITES}")
        booted.until("ls /data/rec-*.mp4", seconds=LONG)  # the one that was cut off is kept
        booted.until("test -s /data/rec.mp4", seconds=LONG)
        torn = [line for line in booted.read("/data/events.jsonl").splitlines() if line[-1:] != "}"]
        assert len(torn) <= 1
        assert not any("\0" in line for line in torn)
        index = [json.loads(line) for line in booted.read("/data/clips/index.jsonl").splitlines()]
        new = {clip["file"] for clip in index if not clip["whole"] and not clip["seconds"]}
        assert len(new) <= 1  # that of this run
        assert booted.run("systemctl --failed --no-legend").out == ""
    finally:
        booted.cut_power()


def check_disk(folder: Path, saved: int) -> None:
    """Look at each file of data.img in a folder; `saved` is the number of settings said saved."""
    found = files_after_cut(folder / "data.img", folder)
    check_settings(found / "settings.toml", saved)
    check_lines(found / "events.jsonl")
    check_history(found / "seen.sqlite")
    assert seconds_played(found / "rec.mp4") > 0
    for clip in (found / "clips").glob("*.mp4"):
        seconds_played(clip)
    for line in (found / "clips" / "index.jsonl").read_text().splitlines():
        assert json.loads(line)["file"]
    names = {file.name for file in found.iterdir()}
    assert {name for name in names if not KNOWN.fullmatch(name)} == set()
    assert len([name for name in names if name.startswith(".half.fer-unfinished-")]) == 1


def acknowledged(machine: Machine) -> int:
    """Return the number of the newest settings that were said to be saved."""
    said = machine.console.read_text(errors="replace")
    return max((int(number) for number in re.findall(r"saved (\d+)\r?\n", said)), default=0)


def check_settings(file: Path, saved: int) -> None:
    """What was said to be saved is there, whole, or a newer one."""
    lines = file.read_text().splitlines()
    assert len(lines) == 2000
    assert len(set(lines)) == 1
    assert int(lines[0].removeprefix("number = ")) >= saved


def check_lines(file: Path) -> None:
    """Every line but the last one is whole; zeros may come after them, which the next run cuts."""
    for line in file.read_bytes().rstrip(b"\0").splitlines(keepends=True):
        assert not line.endswith(b"\n") or json.loads(line)["kind"]


def check_history(file: Path) -> None:
    """SQLite finds no damage; the file may not be there yet."""
    if file.exists():
        connection = sqlite3.connect(file)
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
        connection.close()


def seconds_played(file: Path) -> float:
    """Return how long a recording plays, as fer-edge finds it after a power cut."""
    keep_whole_pieces(file)
    return playable_seconds(file) or 0.0
