"""Workers that are tasks of a Ray cluster."""

from __future__ import annotations

from typing import Any

from fer_core.demand import Demand
from fer_core.errors import FerError
from fer_core.ray_cluster import Cluster, Lost
from fer_edge.score.manifest import Result
from fer_edge.score.plan import Piece
from fer_edge.score.pools import Death, Work

_IN_FLIGHT = 2
"""Pieces a core: one that is read, one that waits at its node."""
_DEMAND = Demand("fer-edge-kit[edge-headless,score]", "fer-edge score")


class RayPool:
    """A task a piece, on whatever nodes the cluster has."""

    def __init__(self, work: Work, address: str) -> None:
        """Connect to a cluster.

        Args:
            work: What its workers do.
            address: As `Cluster` takes it.

        Raises:
            FerError: The cluster cannot be joined, or the workers lack this package or do not see
                the folder of results.
        """
        self._cluster: Cluster[Piece] = Cluster(address, _run, _DEMAND)
        try:
            self._work: Any = self._cluster.shared(work)
            self._cluster.require_worker(self._work, Piece(0, ()))
        except FerError:
            self.close()
            raise

    @property
    def has_room(self) -> bool:
        """Whether fewer pieces are in flight than the cluster has cores for."""
        return self._cluster.in_flight < _IN_FLIGHT * self.workers

    @property
    def workers(self) -> int:
        """How many cores the cluster has now."""
        return max(1, self._cluster.places())

    @property
    def is_busy(self) -> bool:
        """Whether a piece is in flight."""
        return self._cluster.in_flight > 0

    def submit(self, piece: Piece) -> None:
        """Send a piece to the cluster."""
        self._cluster.submit(piece, self._work, piece)

    def outcomes(self, seconds: float) -> list[Result | Death]:
        """Wait for pieces that end, at most so long; return what came of them.

        Raises:
            FerError: A worker says that nobody can go on.
        """
        return [
            Death(piece, result.reason) if isinstance(result, Lost) else result
            for piece, result in self._cluster.ended(seconds)
        ]

    def close(self) -> None:
        """Leave the cluster, which ends the tasks."""
        self._cluster.close()


def _run(work: Work, piece: Piece) -> Result:
    """Read a piece on a node; an empty one tries whether the node can."""
    work.begin()
    return work.score(piece) if piece.sources else Result(0, 0)
