"""What reads pieces: processes of this computer, or a cluster; the loop cannot tell which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

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


class Pool(Protocol):
    """Workers with a bounded number of pieces in flight."""

    @property
    def has_room(self) -> bool:
        """Whether it takes one more piece now."""

    @property
    def is_busy(self) -> bool:
        """Whether a piece is in flight."""

    def submit(self, piece: Piece) -> None:
        """Take a piece."""

    def outcomes(self, seconds: float) -> list[Result | Death]:
        """Wait for pieces that end, at most so long; return what came of them.

        Raises:
            FerError: A worker says that nobody can go on.
        """

    def close(self) -> None:
        """End the workers; pieces in flight are lost."""
