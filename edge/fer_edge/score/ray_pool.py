"""Workers that are tasks of a Ray cluster; the only file that names Ray."""

from __future__ import annotations

import os
import platform
import socket
from typing import Any

from fer_core.errors import ArgumentError, FerError
from fer_edge.score.manifest import Result
from fer_edge.score.plan import Piece
from fer_edge.score.pools import Death, Work

_CLIENT_PORT = 10001
_CONNECT_SECONDS = 5.0
_FIRST_SECONDS = 600.0
"""How long the first task may take: Ray may install packages before."""
_MOST_FALSE_STARTS = 5
"""How many workers may die before one starts: a node may go, or the system kill one."""
_IN_FLIGHT = 2
"""Pieces a core: one that is read, one that waits at its node."""
_MOST_TOLD = 500
_PACKAGE = "fer-edge-kit[edge-headless,score]"


class RayPool:
    """A task a piece, on whatever nodes the cluster has. Ray itself repeats none."""

    def __init__(self, work: Work, address: str) -> None:
        """Connect to a cluster.

        Args:
            work: What its workers do.
            address: "ray" for the cluster of this computer (one is started where there is none) or
                of $RAY_ADDRESS, "ray://HEAD:PORT" for another one.

        Raises:
            ArgumentError: The address is none.
            FerError: Ray is not installed or other than there, the head cannot be reached, or the
                workers lack this package or do not see the folder of results.
        """
        self._ray = _connected(address)
        self._work = self._ray.put(work)
        self._run = self._ray.remote(num_cpus=1, max_retries=0)(_run)
        self._pieces: dict[Any, Piece] = {}
        try:
            self._try_one()
        except FerError:
            self.close()
            raise

    @property
    def has_room(self) -> bool:
        """Whether fewer pieces are in flight than the cluster has cores for."""
        return len(self._pieces) < _IN_FLIGHT * self.workers

    @property
    def workers(self) -> int:
        """How many cores the cluster has now; nodes come and go."""
        return max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    @property
    def is_busy(self) -> bool:
        """Whether a piece is in flight."""
        return bool(self._pieces)

    def submit(self, piece: Piece) -> None:
        """Send a piece to the cluster."""
        self._pieces[self._run.remote(self._work, piece)] = piece

    def outcomes(self, seconds: float) -> list[Result | Death]:
        """Wait for pieces that end, at most so long; return what came of them.

        Raises:
            FerError: A worker says that nobody can go on.
        """
        tasks = list(self._pieces)
        ended, _ = self._ray.wait(tasks, num_returns=len(tasks), timeout=0)
        if not ended:
            ended, _ = self._ray.wait(tasks, num_returns=1, timeout=seconds)
        found: list[Result | Death] = []
        for task in ended:
            piece = self._pieces.pop(task)
            result = self._outcome(task)
            found.append(Death(piece, result) if isinstance(result, str) else result)
        return found

    def close(self) -> None:
        """Leave the cluster, which ends the tasks."""
        self._ray.shutdown()

    def _try_one(self) -> None:
        """Let one worker load what it needs; raise FerError where none can."""
        for _ in range(_MOST_FALSE_STARTS):
            task = self._run.remote(self._work, Piece(0, ()))
            if not self._ray.wait([task], timeout=_FIRST_SECONDS)[0]:
                raise FerError(
                    f"no worker of the cluster answers within {_FIRST_SECONDS:.0f} s: it has "
                    f"{self._ray.cluster_resources().get('CPU', 0):.0f} cores, perhaps all are "
                    "taken"
                )
            result = self._outcome(task)
            if not isinstance(result, str):
                return
        raise FerError(f"no worker starts: {result} each time")

    def _outcome(self, task: Any) -> Any:
        """Return the result of a task, or how its worker died, in words."""
        errors = self._ray.exceptions
        try:
            return self._ray.get(task)
        except errors.RuntimeEnvSetupError as error:
            raise FerError(f"the cluster cannot make its runtime_env: {error}") from error
        except errors.RayTaskError as error:
            raise _explained(error) from error
        except errors.RayError as error:
            return f"its worker died ({type(error).__name__}: {_first_line(error)})"


def _run(work: Work, piece: Piece) -> Result:
    """Read a piece on a node; an empty one tries whether the node can."""
    work.begin()
    return work.score(piece) if piece.sources else Result(0, 0)


def _connected(address: str) -> Any:
    """Return Ray, connected to a cluster."""
    try:
        import ray
    except ImportError as error:
        raise FerError("--on ray needs Ray: pip install '.[cluster]'") from error
    where = os.environ.get("RAY_ADDRESS", "") if address == "ray" else _with_port(address)
    if ":" in where:
        _require_listener(where)  # Ray itself asks for minutes
    try:
        ray.init(where or None, log_to_driver=False, logging_level="error")
    except (ConnectionError, RuntimeError, TimeoutError, ValueError, OSError) as error:
        ray.shutdown()  # what it had begun
        raise FerError(
            f"cannot join the cluster {where or 'of this computer'}: {_one_line(error)}. It needs "
            f"the same Ray ({ray.__version__}) and Python ({platform.python_version()}, the last "
            "number too) as this computer."
        ) from error
    return ray


def _with_port(address: str) -> str:
    """Return the address of a head with its port; raise ArgumentError for one that is none."""
    host, _, port = address.removeprefix("ray://").partition(":")
    if not host or not (port or str(_CLIENT_PORT)).isdecimal():
        raise ArgumentError(f"--on must be ray or ray://HEAD:PORT, got {address}")
    return f"ray://{host}:{port or _CLIENT_PORT}"


def _require_listener(address: str) -> None:
    """Raise FerError where nobody listens at the address of a head."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    option = "--ray-client-server-port" if address.startswith("ray://") else "--port"
    try:
        socket.create_connection((host, int(port)), _CONNECT_SECONDS).close()
    except (OSError, ValueError) as error:
        raise FerError(
            f"no Ray answers at {host}:{port} ({error}): is the head started "
            f"(ray start --head {option} {port}), and does a firewall let it in?"
        ) from error


def _explained(error: Any) -> FerError:
    """Return what a task raised in our words."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, FerError):
        return cause
    text = str(error)
    if "ModuleNotFoundError" in text or "ImportError" in text or "failed to import" in text:
        return FerError(
            "the workers of the cluster cannot load this package: install it on every node, or "
            "let Ray do so: ray job submit --runtime-env-json "
            f"""'{{"pip": ["{_PACKAGE}"]}}' -- fer-edge score ... ({_last_line(text)})"""
        )
    return FerError(f"a worker of the cluster failed: {_last_line(text)}")


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _one_line(error: Exception) -> str:
    """Return what Ray says in several lines, such as both versions, in one."""
    return " ".join(str(error).split())[:_MOST_TOLD] or type(error).__name__


def _last_line(text: str) -> str:
    return next(iter(reversed(text.strip().splitlines())), "")
