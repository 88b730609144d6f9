"""What reads pieces: processes of this computer, or a cluster; the loop cannot tell which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from fer_core.pools import Pool
from fer_edge.score.manifest import Result
from fer_edge.score.plan import Piece


class Work(Protocol):
    """What is done with pieces; it travels to the workers by pickle."""

    def begin(self) -> None:
        """Load what every piece needs, once in a process.

        Raises:
            FerError: It cannot be loaded there.
        """

    def score(self, piece: Piece) -> Result:
        """Read a piece.

        Raises:
            FerError: Nobody can go on, as on a full disk.
        """


@dataclass(frozen=True, slots=True)
class Death:
    """A piece whose worker died.

    Attributes:
        reason: How, in words.
    """

    piece: Piece
    reason: str


class PiecePool(Pool[Piece, Result | Death], Protocol):
    """Workers with a bounded number of pieces in flight; those are lost when it is closed."""

    @property
    def workers(self) -> int:
        """How many pieces are read at a time."""
