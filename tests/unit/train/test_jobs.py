"""Jobs in processes of this computer."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from fer_train.jobs import local_pool
from fer_train.jobs.local_pool import LocalPool
from fer_train.jobs.pools import Cause, read_where, run_all
from fer_train.jobs.room import JOB_BYTES, Room, room_for
from plain_jobs import PlainJob


def jobs_of(folder: Path, *names: str) -> list[PlainJob]:
    return [PlainJob(name, folder / name) for name in names]


def wait_for(*files: Path) -> None:
    ends = time.monotonic() + 60
    while not all(file.exists() for file in files):
        assert time.monotonic() < ends
        time.sleep(0.02)


def test_one_job_that_fails_ends_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    said: list[str] = []
    pool = LocalPool(Room(2, 3, ""), said.append)
    jobs = jobs_of(tmp_path, "refuse", "break", "torn", "die", "good")
    failed = {ended.job.name: ended.reason for ended in run_all(list(jobs), pool, said.append)}
    assert failed["refuse"] == "the data is missing"
    assert "refuse failed: the data is missing" in said
    assert not any(line.startswith("good failed") for line in said)
    assert failed["break"].startswith("ZeroDivisionError()")
    assert "Traceback" in (tmp_path / "break" / "log.txt").read_text()
    assert failed["torn"] == "writing: Unable to synchronously create file"
    assert failed["die"].startswith("its process died (SIGKILL; the memory may have been full")
    assert "good" not in failed
    assert (tmp_path / "good" / "ended").exists()
    assert "good: threads 3" in said


def test_what_the_computer_does_is_told_from_what_the_training_does(tmp_path: Path) -> None:
    pool = LocalPool(Room(2, 1, ""), lambda line: None)
    jobs = jobs_of(tmp_path, "full", "absent", "break", "crash", "end", "die")
    failed = {ended.job.name: ended.cause for ended in run_all(list(jobs), pool, print)}
    assert failed == {
        "full": Cause.STORAGE,
        "absent": Cause.TRAINING,
        "break": Cause.TRAINING,
        "crash": Cause.TRAINING,
        "end": Cause.KILLED,
        "die": Cause.KILLED,
    }


def test_a_job_that_is_ended_cleans_up_and_the_others_go_on(tmp_path: Path) -> None:
    first, second = PlainJob("wait", tmp_path / "first"), PlainJob("wait", tmp_path / "second")
    pool = LocalPool(Room(2, 1, ""), lambda line: None)
    pool.submit(first)
    assert pool.has_room
    pool.submit(second)
    assert not pool.has_room
    wait_for(first.out / "begun", second.out / "begun")
    pool.end(first)
    assert (first.out / "ended").exists()
    assert pool.is_busy
    assert pool.has_room
    assert pool.outcomes(0.1) == []
    pool.close()
    assert (second.out / "ended").exists()
    assert not pool.is_busy


def test_a_job_that_crashes_on_windows_has_died(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert local_pool._death(0xC0000005) == "its process died (0xC0000005)"
    assert "ended with exit code 1;" in local_pool._death(1)


def test_cores_and_memory_decide_how_many_jobs_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fer_train.jobs.room.has_jax_for_gpu", lambda: False)
    monkeypatch.setattr("fer_train.jobs.room.usable_cores", lambda: 8)
    monkeypatch.setattr("fer_train.jobs.room.free_bytes", lambda _: 5 * JOB_BYTES)
    assert (room_for(20).jobs, room_for(20).threads) == (5, 1)
    assert (room_for(2).jobs, room_for(2).threads) == (2, 4)
    assert (room_for(20, 7).jobs, room_for(20, 7).threads) == (7, 1)
    assert room_for(20).text().startswith("5 jobs at a time with 1 thread each (cores: 8, free")
    monkeypatch.setattr("fer_train.jobs.room.most_processes", lambda: 6)
    assert room_for(20, 7).jobs == 6
    monkeypatch.setattr("fer_train.jobs.room.free_bytes", lambda _: 0)
    assert room_for(20).jobs == 1


@pytest.mark.parametrize(
    ("on", "cores", "gpus", "options"),
    [
        ("local", None, None, ""),
        ("local:3", None, None, " --on local:3"),
        ("ray", 1, None, " --on ray"),
        ("ray://head", 4, 0.5, " --on ray://head:10001 --job-cpus 4 --job-gpus 0.5"),
    ],
)
def test_the_command_that_goes_on_names_the_same_place(
    on: str, cores: int | None, gpus: float | None, options: str
) -> None:
    assert read_where(on, cores, gpus).options == options
