"""A Ray cluster of several nodes on this computer, and the processes that may be killed in it."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from child_processes import children


@contextmanager
def ray_nodes(nodes: int, cpus: int = 1) -> Iterator[Any]:
    """Run a head without cores and so many nodes while the block runs.

    Yields:
        The cluster; its `address` is for $RAY_ADDRESS.
    """
    from ray.cluster_utils import Cluster

    cluster = Cluster()
    try:
        for cores in (0, *[cpus] * nodes):
            add_node(cluster, cores)
        yield cluster
    finally:
        cluster.shutdown()


def add_node(cluster: Any, cpus: int = 1) -> None:
    """Add a small node. Ray gives a node 30 s to start, too few on a busy computer: five tries."""
    small = {"include_dashboard": False, "include_log_monitor": False}
    for tries_left in reversed(range(5)):
        try:
            cluster.add_node(num_cpus=cpus, object_store_memory=80_000_000, **small)
        except Exception as error:  # Ray raises nothing narrower
            if not tries_left or "timed out during startup" not in str(error):
                raise
        else:
            return


def raylets(cluster: Any) -> dict[int, Any]:
    """Return the nodes by the process ids of their daemons."""
    return {
        info.process.pid: node
        for node in cluster.list_all_nodes()
        for name, infos in node.all_processes.items()
        if name == "raylet"
        for info in infos
    }


def busy_workers(cluster: Any) -> dict[int, Any]:
    """Return the nodes of workers that have a task now, by the workers' process ids."""
    nodes = raylets(cluster)
    workers = children(nodes, b"ray::_run", b"ray::train_on_node")
    return {worker: nodes[raylet] for worker, raylet in workers.items()}


def exchange_busy_node(cluster: Any, seconds: float = 60.0) -> None:
    """Add a node, and end one that has a task, with all its processes."""
    add_node(cluster)
    until(lambda: bool(busy_workers(cluster)), seconds)
    cluster.remove_node(next(iter(busy_workers(cluster).values())), allow_graceful=False)


def kill_one(cluster: Any, chance: random.Random | None = None) -> bool:
    """End a worker that has a task by SIGKILL, the first or a random one; return whether it did."""
    workers = list(busy_workers(cluster))
    if workers:
        os.kill(chance.choice(workers) if chance else workers[0], signal.SIGKILL)
    return bool(workers)


def until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait until something is true; fail where it does not come in time."""
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends, "it does not come"
        time.sleep(0.02)
