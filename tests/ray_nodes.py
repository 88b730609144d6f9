"""A Ray cluster of several nodes on this computer, and the processes that may be killed in it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def ray_nodes(nodes: int, cpus: int = 1) -> Iterator[Any]:
    """Run a head without cores and so many nodes while the block runs.

    Yields:
        The cluster; its `address` is for $RAY_ADDRESS.
    """
    from ray.cluster_utils import Cluster

    small = {"object_store_memory": 80_000_000, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **small})
    try:
        for _ in range(nodes):
            cluster.add_node(num_cpus=cpus, **small)
        yield cluster
    finally:
        cluster.shutdown()


def raylets(cluster: Any) -> set[int]:
    """Return the process ids of the nodes' daemons."""
    return {
        info.process.pid
        for node in cluster.list_all_nodes()
        for name, infos in node.all_processes.items()
        if name == "raylet"
        for info in infos
    }


def busy_workers(cluster: Any) -> list[int]:
    """Return the process ids of workers that read a piece now."""
    parents, found = raylets(cluster), []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            words = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if parent in parents and words.startswith(b"ray::_run"):
            found.append(int(entry.name))
    return sorted(found)


def kill_one(cluster: Any) -> bool:
    """End a worker that reads by SIGKILL; return whether there was one."""
    for process in busy_workers(cluster)[:1]:
        os.kill(process, signal.SIGKILL)
        return True
    return False
