"""Kill workers, a node of Ray and the driver of `fer-edge score`; count lost and doubled sources.

score_archive.py runs it.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyarrow import parquet

from fer_edge.score.manifest import FinishedPieces

DRIVER, NODE = "drivers", "nodes"
WHEN = ((0.2, DRIVER), (0.4, NODE), (0.6, DRIVER), (0.8, DRIVER))
"""After which part of the sources what is killed once."""


@dataclass(frozen=True, slots=True)
class Victims:
    """What can be killed.

    Attributes:
        env: The environment of the driver.
        workers: Returns the processes that read, given the driver's.
        lose_node: Takes the place of one node by a new one.
    """

    env: dict[str, str]
    workers: Callable[[int], list[int]]
    lose_node: Callable[[], None] | None = None


@contextmanager
def victims(on: str) -> Iterator[Victims]:
    """Start three nodes of Ray as processes where `on` is ray."""
    if on == "local":
        from child_processes import pool_workers

        yield Victims(dict(os.environ), pool_workers)
        return
    from ray_nodes import busy_workers, ray_nodes

    with ray_nodes(3) as cluster:
        env = {**os.environ, "RAY_ADDRESS": cluster.address}
        yield Victims(env, lambda _: list(busy_workers(cluster)), lambda: _lose_node(cluster))


def disturb(
    command: list[str], out: Path, total: int, prey: Victims, seconds: float
) -> Counter[str]:
    """Run a command again and again until it ends by itself; return what was killed.

    Every so many seconds, give or take a half, up to two workers are.
    """
    killed, chance = Counter[str](), random.Random(0)
    waiting = [each for each in WHEN if each[1] != NODE or prey.lose_node]
    while True:
        with subprocess.Popen([*command, "--out", str(out), "--quiet"], env=prey.env) as driver:
            while driver.poll() is None:
                time.sleep(chance.uniform(0.5, 1.5) * seconds)
                due = [what for part, what in waiting if _done(out) >= part * total][:1]
                del waiting[: len(due)]
                killed += _kill(driver, due, chance.randint(0, 2), prey)
        if driver.returncode == 0:
            break
        if driver.returncode != -signal.SIGKILL:
            raise SystemExit(f"exit code {driver.returncode}")
        killed[DRIVER] += 1
    if waiting:
        raise SystemExit(f"it was done before this was killed: {waiting}; take more pictures")
    return killed


def _kill(
    driver: subprocess.Popen[bytes], due: list[str], workers: int, prey: Victims
) -> Counter[str]:
    """Kill some workers, and what is due; return how many workers and nodes that were."""
    killed = Counter[str]()
    for process in prey.workers(driver.pid)[:workers]:
        os.kill(process, signal.SIGKILL)
        killed["workers"] += 1
    if NODE in due and prey.lose_node:
        prey.lose_node()
        killed[NODE] += 1
    if DRIVER in due:
        driver.kill()
        driver.wait()
    return killed


def report(out: Path, calm: Path, total: int) -> str:
    """Compare a folder of results with that of a run in which nothing was killed."""
    seen = Counter(
        number
        for result in FinishedPieces(out).results()
        for number in range(result.first, result.first + result.count)
    )
    once = seen == Counter(range(total))
    rows = _rows(out)
    return (
        f"{sum(1 for _ in FinishedPieces(out).results())} lines, {len(seen)} of {total} sources, "
        f"each once: {once}; {len(rows)} rows, equal: {rows == _rows(calm)}"
    )


def _done(out: Path) -> int:
    return FinishedPieces(out).sources


def _rows(out: Path) -> list[str]:
    """Return all rows as text, in the order of source, frame and box."""
    rows = parquet.read_table(out / "faces").to_pylist()
    return [
        str(row)
        for row in sorted(rows, key=lambda row: (row["source"], row["frame"], str(row["box"])))
    ]


def _lose_node(cluster: Any) -> None:
    from ray_nodes import add_node

    lost = next(node for node in cluster.list_all_nodes() if not node.head)
    cluster.remove_node(lost, allow_graceful=False)
    add_node(cluster)
