"""Tasks on a Ray cluster, and what goes wrong there in words; the only file that names Ray."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from fer_core.demand import Demand
from fer_core.errors import FerError
from fer_core.ray_head import require_listener

_FIRST_SECONDS = 600.0
"""How long the first task may take: Ray may install packages before."""
_MOST_FALSE_STARTS = 5
"""How many workers may die before one starts: a node may go, or the system kill one."""
_COUNT_SECONDS = 1.0
"""For so long the nodes are taken to be those that they were."""
_MOST_TOLD = 500

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Lost:
    """What came of a task whose worker or node died.

    Attributes:
        reason: How, in words.
    """

    reason: str


class Cluster(Generic[Item]):
    """A Ray cluster that this process has joined, and its tasks there, each for an item.

    Until it is closed, what this process prints goes to stderr: Ray prints there what it logs.
    """

    def __init__(self, address: str, run: Callable[..., Any], demand: Demand) -> None:
        """Join it.

        Args:
            address: "ray" for the cluster of this computer (one is started where there is none) or
                of $RAY_ADDRESS, "ray://HEAD:PORT" for another one.
            run: What a task does: a function of a module that the nodes have, too.
            demand: What each task takes.

        Raises:
            FerError: Ray is not installed or other than there, or the head cannot be reached.
        """
        with ExitStack() as until_closed:
            until_closed.enter_context(redirect_stdout(sys.stderr))
            self._ray, self._demand = _joined(address), demand
            self._until_closed = until_closed.pop_all()
        self._run = self._ray.remote(**demand.options())(run)
        self._flying: dict[Any, Item] = {}
        self._counted: tuple[float, int] | None = None

    def shared(self, value: object) -> Any:
        """Return a value for the arguments of many tasks, which travels to each node once."""
        with _connection_lost():
            return self._ray.put(value)

    def require_worker(self, *arguments: object) -> None:
        """Wait until one task is done: it tries whether a node can do any.

        Raises:
            FerError: None can; the message says why.
        """
        for _ in range(_MOST_FALSE_STARTS):
            with _connection_lost():
                task = self._run.remote(*arguments)
                if not self._ray.wait([task], timeout=_FIRST_SECONDS)[0]:
                    self._ray.cancel(task, force=True)
                    raise FerError(
                        f"no worker of the cluster answers within {_FIRST_SECONDS:.0f} s: a task "
                        f"takes {self._demand.text()}, and there are {self._sizes()}; perhaps all "
                        "are taken"
                    )
            result = self._outcome(task)
            if not isinstance(result, Lost):
                return
        raise FerError(f"no worker starts: {result.reason} each time")

    @property
    def in_flight(self) -> int:
        """How many tasks wait or run."""
        return len(self._flying)

    def places(self) -> int:
        """Return how many tasks all nodes bear at a time; nodes come and go."""
        now = time.monotonic()
        if not self._counted or now - self._counted[0] > _COUNT_SECONDS:
            nodes = [node["Resources"] for node in self._nodes()]
            self._counted = now, sum(map(self._demand.times_in, nodes))
        return self._counted[1]

    def has_gpus(self) -> bool:
        """Return whether a node has a GPU."""
        return any(node["Resources"].get("GPU") for node in self._nodes())

    def submit(self, item: Item, *arguments: object) -> None:
        """Start the task of an item."""
        with _connection_lost():
            self._flying[self._run.remote(*arguments)] = item

    def ended(self, seconds: float) -> list[tuple[Item, Any]]:
        """Wait for tasks that end, at most so long; return items with what their tasks returned.

        A task whose worker died has returned `Lost`.

        Raises:
            FerError: A task raised it, a node lacks the package, or the connection is lost.
        """
        tasks = list(self._flying)
        with _connection_lost():
            ended, _ = self._ray.wait(tasks, num_returns=len(tasks), timeout=0)
            if not ended:
                ended, _ = self._ray.wait(tasks, num_returns=1, timeout=seconds)
        return [(self._flying.pop(task), self._outcome(task)) for task in ended]

    def end(self, item: Item) -> None:
        """End the task of an item."""
        for task in [task for task, each in self._flying.items() if each is item]:
            del self._flying[task]
            with _connection_lost():
                self._ray.cancel(task, force=True)

    def close(self) -> None:
        """Leave the cluster, which ends the tasks."""
        with self._until_closed:
            self._ray.shutdown()

    def _nodes(self) -> list[dict[str, Any]]:
        with _connection_lost():
            return [node for node in self._ray.nodes() if node["Alive"]]

    def _sizes(self) -> str:
        """Return what the nodes have, in words."""
        sizes = [
            f"{node['Resources'].get('CPU', 0):g} cores, {node['Resources'].get('GPU', 0):g} GPUs"
            for node in self._nodes()
        ]
        return f"{len(sizes)} nodes ({'; '.join(sorted(set(sizes)))})"

    def _outcome(self, task: Any) -> Any:
        """Return what a task returned, or how its worker died."""
        errors = self._ray.exceptions
        with _connection_lost():
            try:
                return self._ray.get(task)
            except errors.RuntimeEnvSetupError as error:
                raise FerError(f"the cluster cannot make its runtime_env: {error}") from error
            except errors.RayTaskError as error:  # also a ConnectionError, if the task raised one
                raise self._explained(error) from error
            except errors.RayError as error:
                return Lost(f"its worker died ({type(error).__name__}: {_first_line(error)})")

    def _explained(self, error: Any) -> FerError:
        """Return what a task raised in our words."""
        cause = getattr(error, "cause", None)
        if isinstance(cause, FerError):
            return cause
        text = str(error)
        if "ModuleNotFoundError" in text or "ImportError" in text or "failed to import" in text:
            return FerError(
                "the workers of the cluster cannot load this package. Install it on every node, "
                "or let Ray do so: ray job submit --runtime-env-json "
                f"""'{{"pip": ["{self._demand.package}"]}}' -- {self._demand.command} ... """
                f"({_last_line(text)})"
            )
        return FerError(f"a worker of the cluster failed: {_last_line(text)}")


@contextmanager
def _connection_lost() -> Iterator[None]:
    """Say so where the head is gone."""
    try:
        yield
    except ConnectionError as error:
        raise FerError(
            f"the connection to the head of the cluster is lost ({_one_line(error)}). What is done "
            "stays done: start the cluster again, and the same command continues"
        ) from error


def require_head(address: str) -> None:
    """Make sure, within seconds, that a head listens; no cluster is joined.

    Args:
        address: As `Cluster` takes it.

    Raises:
        FerError: Nobody listens, or Ray is not installed.
    """
    _found(address)


def _found(address: str) -> tuple[Any, str]:
    """Return Ray, and where its head listens; empty where nobody says."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise FerError("--on ray needs Ray: pip install '.[cluster]'") from error
    where = os.environ.get("RAY_ADDRESS", "") if address == "ray" else address
    if ":" in where:
        require_listener(where)  # Ray itself asks for minutes
    return ray, where


def _joined(address: str) -> Any:
    """Return Ray, connected to a cluster; it sends its makers no statistics unless you say so."""
    ray, where = _found(address)
    try:
        ray.init(where or None, log_to_driver=False, logging_level="error")
    except Exception as error:  # a node that does not start in time is a bare one
        ray.shutdown()  # what it had begun
        raise FerError(
            f"cannot join the cluster {where or 'of this computer'}: {_one_line(error)}. It needs "
            f"the same Ray ({ray.__version__}) and Python ({platform.python_version()}, the last "
            "number too) as this computer."
        ) from error
    return ray


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _one_line(error: Exception) -> str:
    """Return what Ray says in several lines, such as both versions, in one."""
    return " ".join(str(error).split())[:_MOST_TOLD] or type(error).__name__


def _last_line(text: str) -> str:
    return next(iter(reversed(text.strip().splitlines())), "")
