"""The loop: pieces into a pool, results into the manifest."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from fer_edge.score.manifest import Manifest, Result
from fer_edge.score.plan import Piece
from fer_edge.score.pools import Death, PiecePool
from fer_edge.score.progress import Progress

_WAIT_SECONDS = 0.5


def read_pieces(
    pieces: Iterator[Piece],
    pool: PiecePool,
    manifest: Manifest,
    progress: Progress,
    stop: threading.Event,
) -> None:
    """Read every piece, until all are done or `stop` is set.

    A piece whose worker dies is halved until a source stands alone; alone it is tried once more,
    and then it is an error.

    Raises:
        FerError: Nobody can go on, as on a full disk; what is done stays done.
    """
    waiting, done = _Waiting(pieces), 0
    while not stop.is_set():
        while pool.has_room and (piece := waiting.next()):
            pool.submit(piece)
        if not pool.is_busy:
            return
        for outcome in pool.outcomes(_WAIT_SECONDS):
            result = waiting.died(outcome) if isinstance(outcome, Death) else outcome
            if result:
                manifest.append(result)
                done += result.count
        progress.tell(done)


@dataclass(slots=True)
class _Waiting:
    """The pieces that wait: those whose worker died come first."""

    pieces: Iterator[Piece]
    again: deque[Piece] = field(default_factory=deque)
    died_alone: set[int] = field(default_factory=set)

    def next(self) -> Piece | None:
        return self.again.popleft() if self.again else next(self.pieces, None)

    def died(self, death: Death) -> Result | None:
        """Take what is to be tried again; return the error of a source that was tried enough."""
        piece, count = death.piece, len(death.piece.sources)
        if count > 1:
            self.again += [piece.part(0, count // 2), piece.part(count // 2, count)]
        elif piece.first in self.died_alone:
            self.died_alone.remove(piece.first)
            errors = ((piece.sources[0].name, death.reason),)
            return Result(piece.first, 1, errors=errors)
        else:
            self.died_alone.add(piece.first)
            self.again.append(piece)
        return None
