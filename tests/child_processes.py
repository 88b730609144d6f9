"""The processes that a process has started, as Linux tells them in /proc."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path


def children(parents: Collection[int], *words: bytes) -> dict[int, int]:
    """Return the parent of each running process that one of `parents` has started.

    Args:
        parents: Process ids.
        words: The command line contains one of these.

    Returns:
        The parent's process id by the child's, in their order.
    """
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            command = (entry / "cmdline").read_bytes()
        except OSError:  # it has ended
            continue
        if parent in parents and any(word in command for word in words):
            found[int(entry.name)] = parent
    return dict(sorted(found.items()))


def pool_workers(driver: int) -> list[int]:
    """Return the workers of a process with a pool; multiprocessing's resource tracker is none."""
    return list(children([driver], b"spawn_main"))
