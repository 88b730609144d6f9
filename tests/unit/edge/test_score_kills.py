"""What the study of killed workers kills on a Ray cluster, which stand-ins play."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import time
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest

import ray_nodes
from child_processes import children, pool_workers

pytest.importorskip("pyarrow", reason="pyarrow is not here")
STUDIES = Path(__file__).parents[3] / "edge" / "studies"


def test_some_of_the_busy_workers_can_be_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(STUDIES))
    import score_kills

    cluster = SimpleNamespace(address="127.0.0.1:9")
    monkeypatch.setattr(ray_nodes, "ray_nodes", lambda nodes: nullcontext(cluster))
    monkeypatch.setattr(ray_nodes, "busy_workers", lambda cluster: {11: "node", 12: "node"})
    with score_kills.victims("ray") as prey:
        assert prey.workers(1)[:1] == [11]
        assert prey.env["RAY_ADDRESS"] == cluster.address


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds processes in /proc")
def test_workers_are_told_from_other_children() -> None:
    worker = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(60,))
    worker.start()
    with subprocess.Popen(["sleep", "60"]) as other:
        try:
            ray_nodes.until(lambda: worker.pid in pool_workers(os.getpid()))
            assert other.pid not in pool_workers(os.getpid())
            parents = children([os.getpid()], b"spawn_main", b"sleep")
            assert parents[other.pid] == parents[worker.pid] == os.getpid()
            assert pool_workers(other.pid) == []
        finally:
            worker.kill()
            other.kill()
    worker.join()
    assert worker.pid not in pool_workers(os.getpid())
