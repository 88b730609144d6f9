"""What is said where Ray cannot work, without Ray itself."""

from __future__ import annotations

import os
import sys
from types import SimpleNamespace
from unittest import mock

import pytest

from fer_core.demand import Demand
from fer_core.errors import FerError
from fer_core.ray_cluster import Cluster, Lost

MISMATCH = """Version mismatch: The cluster was started with:
    Ray: 2.40.0
    Python: 3.10.1
This process was started with:
    Ray: 2.60.0"""
DEMAND = Demand("fer-edge-kit[train]", "fer-train", cpus=2, memory_bytes=4)


class RayError(Exception):
    """Stands for Ray's own."""


class TaskError(RayError):
    """Stands for RayTaskError."""


class SetupError(RayError):
    """Stands for RuntimeEnvSetupError."""


def fake_ray(**more: object) -> mock.Mock:
    errors = SimpleNamespace(
        RayError=RayError, RayTaskError=TaskError, RuntimeEnvSetupError=SetupError
    )
    ray = mock.Mock(exceptions=errors, __version__="2.60.0", **more)
    ray.remote.return_value.return_value.remote = lambda *words: mock.sentinel.task
    return ray


def joined(monkeypatch: pytest.MonkeyPatch, **more: object) -> Cluster[str]:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(sys, "stdout", sys.stdout)  # a cluster has it until it is closed
    more = {"wait": lambda tasks, **_: (tasks, [])} | more
    monkeypatch.setitem(sys.modules, "ray", fake_ray(**more))
    return Cluster("ray", print, DEMAND)


def test_workers_that_die_at_their_start_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    died = RayError("The worker died\nof SIGILL")
    cluster = joined(monkeypatch, get=mock.Mock(side_effect=died))
    with pytest.raises(FerError, match=r"no worker starts: its worker died .*The worker died\)"):
        cluster.require_worker()
    cluster.submit("a")
    lost = Lost("its worker died (RayError: The worker died)")
    assert cluster.ended(1.0) == [("a", lost)]
    assert cluster.in_flight == 0


def test_both_versions_of_ray_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FerError, match=r"started with: Ray: 2\.40\.0 Python: 3\.10\.1 .*2\.60\.0"):
        joined(monkeypatch, init=mock.Mock(side_effect=RuntimeError(MISMATCH)))


def test_a_node_that_does_not_start_in_time_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    late = Exception("The current node timed out during startup.")  # as Ray 2.60 raises it
    with pytest.raises(FerError, match=r"cannot join the cluster of this computer: .* timed out"):
        joined(monkeypatch, init=mock.Mock(side_effect=late))


def test_what_a_worker_raises_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = TaskError("Traceback\nModuleNotFoundError: No module named 'fer_train'")
    other = TaskError("Traceback\nZeroDivisionError: division by zero")
    ours = TaskError("...")
    ours.cause = FerError("the disk is full")  # type: ignore[attr-defined]
    for error, words in (
        (missing, r'runtime-env-json \'\{"pip": \["fer-edge-kit\[train\]"\]\}\' -- fer-train '),
        (other, r"a worker of the cluster failed: ZeroDivisionError: division by zero"),
        (ours, "^the disk is full$"),
        (SetupError("no pip"), r"the cluster cannot make its runtime_env: no pip"),
    ):
        cluster = joined(monkeypatch, get=mock.Mock(side_effect=error))
        cluster.submit("a")
        with pytest.raises(FerError, match=words):
            cluster.ended(1.0)


@pytest.mark.parametrize("call", ["wait", "get", "nodes"])
def test_a_lost_connection_loses_nothing(monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    cluster = joined(monkeypatch, **{call: mock.Mock(side_effect=ConnectionError("closed"))})
    cluster.submit("a")
    with pytest.raises(FerError, match=r"connection to the head .* is lost \(closed\)"):
        cluster.places() if call == "nodes" else cluster.ended(1.0)


def test_a_head_that_goes_before_the_first_task_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = joined(monkeypatch)
    monkeypatch.setattr(cluster._run, "remote", mock.Mock(side_effect=ConnectionError("closed")))
    with pytest.raises(FerError, match=r"connection to the head .* is lost \(closed\)"):
        cluster.require_worker()


def test_a_task_without_a_connection_of_its_own_blames_no_head(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ray raises what is both its own error and that of the task."""
    both = type("TaskConnectionError", (TaskError, ConnectionError), {})
    cluster = joined(monkeypatch, get=mock.Mock(side_effect=both("Traceback\nE: no server")))
    cluster.submit("a")
    with pytest.raises(FerError, match="a worker of the cluster failed: E: no server"):
        cluster.ended(1.0)


def test_places_are_what_each_node_bears(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = [
        {"Alive": True, "Resources": {"CPU": 7.0, "memory": 100.0}},
        {"Alive": True, "Resources": {"CPU": 8.0, "memory": 9.0}},
        {"Alive": True, "Resources": {"memory": 100.0}},
        {"Alive": False, "Resources": {"CPU": 8.0, "memory": 100.0}},
    ]
    cluster = joined(monkeypatch, nodes=lambda: nodes)
    assert cluster.places() == 3 + 2
    assert not cluster.has_gpus()
    assert Demand("", "", cpus=1, gpus=0.25).times_in({"CPU": 16.0, "GPU": 2.0}) == 8
    assert Demand("", "", cpus=1, gpus=0.1).times_in({"CPU": 16.0, "GPU": 1.0}) == 10


def test_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = [{"Alive": True, "Resources": {"CPU": 1.0}}] * 2
    cluster = joined(monkeypatch, nodes=lambda: nodes, wait=lambda tasks, **_: ([], tasks))
    words = r"takes 2 cores, 4e-09 GB of memory, and there are 2 nodes \(1 cores, 0 GPUs\)"
    with pytest.raises(FerError, match=words):
        cluster.require_worker()


def test_without_ray_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(FerError, match=r"needs Ray: pip install '\.\[cluster\]'"):
        Cluster("ray", print, DEMAND)


def test_a_worker_that_is_killed_at_its_start_does_not_end_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    came = mock.Mock(side_effect=[RayError("killed"), RayError("killed"), "done"])
    joined(monkeypatch, get=came).require_worker()
    assert came.call_count == 3


@pytest.mark.parametrize(("set_by_user", "used"), [(None, "0"), ("1", "1"), ("0", "0")])
def test_ray_sends_no_statistics_unless_the_user_says_so(
    monkeypatch: pytest.MonkeyPatch, set_by_user: str | None, used: str
) -> None:
    name = "RAY_USAGE_STATS_ENABLED"
    monkeypatch.setenv(name, "restored after the test")
    if set_by_user is None:
        monkeypatch.delenv(name)
    else:
        monkeypatch.setenv(name, set_by_user)
    seen = []
    joined(monkeypatch, init=lambda *_, **__: seen.append(os.environ[name]))
    assert seen == [used]


def test_what_ray_prints_is_no_result(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster = joined(
        monkeypatch,
        init=lambda *_, **__: print("joining"),
        get=lambda _: print("working"),
        shutdown=lambda: print("leaving"),
    )
    cluster.require_worker()
    cluster.close()
    print("the result")
    assert capsys.readouterr() == ("the result\n", "joining\nworking\nleaving\n")


def test_stdout_comes_back_if_nobody_can_be_joined(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(FerError):
        joined(monkeypatch, init=mock.Mock(side_effect=RuntimeError(MISMATCH)))
    print("still there")
    assert capsys.readouterr().out == "still there\n"
