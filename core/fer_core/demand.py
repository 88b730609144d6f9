"""What a task takes of a node of a cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Demand:
    """What a task takes of its node.

    Attributes:
        package: What nodes need, as pip names it.
        command: The command that asks, for messages.
        cpus: Cores.
        gpus: GPUs, or a share of one.
        memory_bytes: Memory, by which no more tasks go to a node than it bears; 0 for no limit.
        own_process: Whether each task has a process of its own, else one works for many.
    """

    package: str
    command: str
    cpus: float = 1.0
    gpus: float = 0.0
    memory_bytes: int = 0
    own_process: bool = False

    def options(self) -> dict[str, Any]:
        """Return it as Ray wants it. Ray itself repeats no task."""
        own = {"max_calls": 1} if self.own_process else {}
        memory = {"memory": self.memory_bytes} if self.memory_bytes else {}
        return {"num_cpus": self.cpus, "num_gpus": self.gpus, "max_retries": 0, **memory, **own}

    def times_in(self, resources: dict[str, float]) -> int:
        """Return how many such tasks a node with these resources bears at a time."""
        wanted = {"CPU": self.cpus, "GPU": self.gpus, "memory": float(self.memory_bytes)}
        shares = [resources.get(name, 0.0) / each for name, each in wanted.items() if each]
        return int(min(shares, default=0.0) + 1e-6)

    def text(self) -> str:
        """Return it in words."""
        cores = f"{self.cpus:g} core{'s' * (self.cpus != 1)}"
        gpus = f", {self.gpus:g} GPU{'s' * (self.gpus > 1)}" if self.gpus else ""
        memory = f", {self.memory_bytes / 1e9:g} GB of memory" if self.memory_bytes else ""
        return f"{cores}{gpus}{memory}"
