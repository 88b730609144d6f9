"""A Ray cluster of several nodes on this computer, and the processes that may be killed in it."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

PORTS = (
    "metrics_agent_port",
    "metrics_export_port",
    "dashboard_agent_listen_port",
    "runtime_env_agent_port",
)


@contextmanager
def ray_nodes(nodes: int, cpus: int = 1) -> Iterator[Any]:
    """Run a head without cores and so many nodes while the block runs.

    Yields:
        The cluster; its `address` is for $RAY_ADDRESS.
    """
    os.environ.setdefault("RAY_raylet_start_wait_time_s", "300")  # the computer may be busy
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 0, "include_dashboard": False, **small_node()}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        for _ in range(nodes):
            cluster.add_node(num_cpus=cpus, **small_node())
        yield cluster
    finally:
        cluster.shutdown()


def small_node() -> dict[str, int]:
    """Return what a node takes: little memory, and ports that are free now.

    Ray ends a node whose agents do not name theirs within seconds, as on a busy computer.
    """
    with ExitStack() as stack:
        free = [stack.enter_context(socket.socket()) for _ in PORTS]
        for each in free:
            each.bind(("127.0.0.1", 0))
        ports = {name: each.getsockname()[1] for name, each in zip(PORTS, free, strict=True)}
    return {"object_store_memory": 80_000_000, **ports}


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
