"""Where much work runs: what all pools have in common, and how `--on` names them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol, TypeVar

from fer_core.errors import ArgumentError

MOST_WORKERS = 1024
CLIENT_PORT = 10001
"""Where the head of a Ray cluster answers `ray://`."""

Task_contra = TypeVar("Task_contra", contravariant=True)
Outcome = TypeVar("Outcome")


class Pool(Protocol[Task_contra, Outcome]):
    """Places for tasks: processes of this computer or a cluster; who fills it cannot tell."""

    @property
    def has_room(self) -> bool:
        """Whether it takes one more task now."""

    @property
    def is_busy(self) -> bool:
        """Whether a task is in flight."""

    def submit(self, task: Task_contra, /) -> None:
        """Start a task."""

    def outcomes(self, seconds: float) -> list[Outcome]:
        """Wait for tasks that end, at most so long; return what came of them.

        Raises:
            FerError: Nobody can go on.
        """

    def close(self) -> None:
        """End what runs."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where `--on` says that tasks run.

    Attributes:
        workers: How many at a time on this computer; 0 for as many as it bears.
        cluster: Empty for this computer; "ray" for the Ray cluster of this computer or of
            $RAY_ADDRESS, "ray://HEAD:PORT" for another one.
    """

    workers: int = 0
    cluster: str = ""


def read_place(on: str) -> Place:
    """Return the place that `--on` names.

    Args:
        on: local, local:N, ray or ray://HEAD, with or without a port.

    Raises:
        ArgumentError: It is none of these.
    """
    if on == "ray":
        return Place(cluster=on)
    if head := re.fullmatch(r"ray://(\[[^/\s\]]+\]|[^/\s:]+)(?::([0-9]{1,5}))?", on):
        return Place(cluster=f"ray://{head[1]}:{head[2] or CLIENT_PORT}")
    local = re.fullmatch(r"local(?::([0-9]{1,4}))?", on)
    if not local:
        raise ArgumentError(f"--on must be local, local:N, ray or ray://HEAD:PORT, got {on!r}")
    if local[1] and not 1 <= int(local[1]) <= MOST_WORKERS:
        raise ArgumentError(f"--on local:N takes 1 to {MOST_WORKERS} at a time, got {local[1]}")
    return Place(workers=int(local[1] or 0))
