"""Jobs on a cluster that a stand-in plays: what comes of them, and when they start again."""

from __future__ import annotations

import errno
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fer_core.errors import ArgumentError, FerError
from fer_core.pools import Place
from fer_core.ray_cluster import Lost
from fer_train.jobs import node, ray_pool
from fer_train.jobs.node import Call, Left, train_on_node
from fer_train.jobs.pools import Cause, Where, read_where, run_all
from fer_train.jobs.process import Failure
from fer_train.jobs.ray_pool import RayPool
from fer_train.run_facts import accuracies
from plain_jobs import PlainJob
from stand_in_cluster import StandInCluster

WHERE = Where(Place(cluster="ray"), cores=3)
GONE = Lost("its worker died (WorkerCrashedError: gone)")


class FakeCluster(StandInCluster):
    """One place; a task ends when it is waited for, as the script says."""

    def __init__(self, script: Callable[[PlainJob], Any]) -> None:
        super().__init__()
        self.script = script
        self.tried, self.begun = [], []

    def require_worker(self, call: Call, job: None) -> None:
        call.require_share()
        self.tried.append(call)

    def places(self) -> int:
        return 1

    def has_gpus(self) -> bool:
        return True

    def submit(self, flight: Any, call: Call, job: PlainJob, inputs: tuple[Path, ...]) -> None:
        call.require_share()
        assert inputs == (job.out.parent,)
        self.begun.append(job.name)
        self.flying.append((flight, job))

    def ended(self, seconds: float) -> list[tuple[Any, Any]]:
        flight, job = self.flying.pop(0)
        return [(flight, self.script(job))]

    def end(self, flight: Any) -> None:
        self.flying = [each for each in self.flying if each[0] is not flight]


def done(job: PlainJob) -> Left:
    (job.out / "metrics.json").write_text("{}")
    return Left(Failure(), "node-7", {"metrics.json": 2})


@pytest.fixture
def pool_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., RayPool]:
    def of(cluster: FakeCluster, say: Callable[[str], None] = lambda line: None) -> RayPool:
        monkeypatch.setattr(ray_pool, "Cluster", cluster)
        return RayPool(WHERE, tmp_path, say, say)

    return of


def jobs_of(folder: Path, *names: str) -> list[PlainJob]:
    return [PlainJob(name, folder / name) for name in names]


def add_epoch(job: PlainJob) -> int:
    """Add an epoch to the history of a job; return how many there are."""
    file = job.out / "history.csv"
    lines = file.read_text().splitlines() if file.exists() else ["epoch,val_accuracy"]
    file.write_text("\n".join([*lines, f"{len(lines)},0.5"]) + "\n")
    return len(lines)


def test_a_job_whose_worker_dies_goes_on_while_it_gets_further(
    pool_of: Callable[..., RayPool], tmp_path: Path
) -> None:
    """Six deaths, each after an epoch, end nothing; the places left are for the others."""

    def script(job: PlainJob) -> Any:
        return done(job) if job.name == "calm" or add_epoch(job) == 7 else GONE

    said: list[str] = []
    cluster = FakeCluster(script)
    jobs = list(jobs_of(tmp_path, "struck", "calm"))
    assert run_all(jobs, pool_of(cluster, said.append), said.append) == []
    assert cluster.begun.count("struck") == 7
    assert cluster.begun.count("calm") == 1
    assert f"struck: {GONE.reason}; it continues from epoch 7" in said
    assert "struck: epoch 7, validation 50.00%" in said
    assert said[0] == "Ray: 1 jobs at a time now, each with 3 cores, 2 GB of memory"
    assert "--job-gpus 1 uses them" in said[1]
    assert cluster.closed
    assert not list(tmp_path.glob(".fer-jobs-*"))


def test_a_job_that_gets_no_further_has_failed(
    pool_of: Callable[..., RayPool], tmp_path: Path
) -> None:
    cluster = FakeCluster(lambda job: done(job) if job.name == "calm" else GONE)
    (ended,) = run_all(list(jobs_of(tmp_path, "struck", "calm")), pool_of(cluster), print)
    assert ended.reason == f"{GONE.reason}, 3 times without an epoch in between"
    assert ended.cause is Cause.KILLED
    assert cluster.begun.count("struck") == 3


def test_a_failure_names_its_node_and_is_not_tried_again(
    pool_of: Callable[..., RayPool], tmp_path: Path
) -> None:
    failure = Failure("the disk is full", Cause.STORAGE)
    cluster = FakeCluster(lambda job: Left(failure, "node-7", {}))
    (ended,) = run_all(list(jobs_of(tmp_path, "full")), pool_of(cluster), print)
    assert (ended.reason, ended.cause) == ("the disk is full (on node-7)", Cause.STORAGE)
    assert cluster.begun == ["full"]


def test_a_job_is_done_once_its_files_are_seen_here(
    pool_of: Callable[..., RayPool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = Left(Failure(), "node-7", {"metrics.json": 2})
    (job,) = jobs_of(tmp_path, "late")
    pool = pool_of(FakeCluster(lambda job: late))
    pool.submit(job)
    assert pool.outcomes(0.01) == []
    assert pool.is_busy
    (job.out / "metrics.json").write_text("{")  # a part of it
    assert pool.outcomes(0.01) == []
    (job.out / "metrics.json").write_text("{}")
    (ended,) = pool.outcomes(0.01)
    assert not ended.reason
    assert not pool.is_busy
    monkeypatch.setattr(ray_pool, "_ARRIVE_SECONDS", 0.0)
    (job.out / "metrics.json").unlink()
    pool.submit(job)
    (ended,) = pool.outcomes(0.01)
    assert "metrics.json that the node node-7 wrote is not in" in ended.reason
    assert ended.cause is Cause.STORAGE


def test_a_job_that_is_ended_is_told_of_no_more(
    pool_of: Callable[..., RayPool], tmp_path: Path
) -> None:
    cluster = FakeCluster(done)
    pool = pool_of(cluster)
    job, other = jobs_of(tmp_path, "first", "second")
    pool.submit(job)
    assert pool.has_room  # one more than there are places, which waits
    pool.submit(other)
    assert not pool.has_room
    pool.end(job)
    assert [ended.job.name for ended in pool.outcomes(0.01)] == ["second"]
    assert not pool.is_busy


def test_a_cluster_that_cannot_train_is_left(
    pool_of: Callable[..., RayPool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = FakeCluster(done)

    def refuse(call: Call, job: None) -> None:
        raise FerError("no worker starts")

    monkeypatch.setattr(cluster, "require_worker", refuse)
    with pytest.raises(FerError, match="no worker starts"):
        pool_of(cluster)
    assert cluster.closed
    assert not list(tmp_path.iterdir())


def test_a_node_without_the_folder_refuses(tmp_path: Path) -> None:
    """Also once the call has ended, since another one may have the folder then."""
    call = Call.begun(tmp_path, WHERE)
    call.require_share()
    call.end()
    with pytest.raises(FerError, match="--out must be a folder that all nodes share"):
        train_on_node(call, None)


def test_a_node_without_the_data_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    (job,) = jobs_of(tmp_path, "good")
    faces = tmp_path / "faces.npz"
    left = train_on_node(Call.begun(tmp_path, WHERE), job, (tmp_path, faces))
    assert left.failure.cause is Cause.STORAGE
    assert left.failure.reason.endswith(f"does not see {faces}")
    assert not job.out.exists()


def test_a_new_call_takes_the_mark_of_a_dead_one(tmp_path: Path) -> None:
    old, new = Call.begun(tmp_path, WHERE), Call.begun(tmp_path, WHERE)
    new.require_share()
    with pytest.raises(FerError, match="does not see"):
        old.require_share()


def test_what_a_job_gets_of_its_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KERAS_BACKEND", "OMP_NUM_THREADS", "XLA_PYTHON_CLIENT_MEM_FRACTION"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    Call.begun(tmp_path, WHERE).settle()
    assert os.environ["KERAS_BACKEND"] == "tensorflow"
    monkeypatch.delenv("KERAS_BACKEND")
    Call.begun(tmp_path, Where(WHERE.place, 2, gpus=0.5)).settle()
    assert "KERAS_BACKEND" not in os.environ
    assert os.environ["XLA_PYTHON_CLIENT_MEM_FRACTION"] == "0.45"
    chosen = {"KERAS_BACKEND": "torch", "TF_ENABLE_ONEDNN_OPTS": "0"}
    for name, value in chosen.items():
        monkeypatch.setenv(name, value)
    call = Call.begun(tmp_path, WHERE)
    for name in chosen:
        monkeypatch.delenv(name)
    call.settle()
    assert {name: os.environ[name] for name in chosen} == chosen


def test_a_history_that_its_node_replaces_meanwhile_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NFS says so to who reads a file that is another one now."""
    (job,) = jobs_of(tmp_path, "good")
    job.out.mkdir()
    add_epoch(job)
    read, stale = Path.read_text, [errno.ESTALE]

    def read_text(file: Path, **how: Any) -> str:
        if stale:
            number = stale.pop()
            raise OSError(number, os.strerror(number), file)
        return read(file, **how)

    monkeypatch.setattr(Path, "read_text", read_text)
    assert accuracies(job.out) == [0.5]
    stale += [errno.EIO]
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        accuracies(job.out)


def test_the_log_is_no_file_to_wait_for(tmp_path: Path) -> None:
    for name in ("log.txt", ".fer-job-lock", "model.keras"):
        (tmp_path / name).write_text("12345")
    assert node.files_of(tmp_path) == {"model.keras": 5}


def test_what_a_job_takes_is_for_a_cluster() -> None:
    assert read_where("ray", 4, 0.5) == Where(Place(cluster="ray"), 4, 0.5)
    assert read_where("ray", None, None) == Where(Place(cluster="ray"), 1, 0.0)
    assert read_where("local:2", None, None).place == Place(workers=2)
    for on, cpus, gpus in (("local", 2, None), ("local:2", None, 1.0)):
        with pytest.raises(ArgumentError, match="are for --on ray"):
            read_where(on, cpus, gpus)
    assert read_where("ray", None, 2.0).gpus == 2
    for gpus in (1.5, 0.00001, math.nan, math.inf):
        with pytest.raises(ArgumentError, match=f"a share from 0.01 to 1, got {gpus}"):
            read_where("ray", None, gpus)
