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
_LEAST, _TURNS = 20, 2
"""Near the end a worker takes what is left for _TURNS turns of all, and at least _LEAST sources."""


def read_pieces(
    pieces: Iterator[Piece],
    left: int,
    pool: PiecePool,
    manifest: Manifest,
    progress: Progress,
    stop: threading.Event,
) -> None:
    """Read every piece, until all are done or `stop` is set.

    A piece whose worker dies is halved until a source stands alone; alone it is tried once more,
    and then it is an error. The last pieces are cut smaller, so that all workers end together.

    Args:
        pieces: What is not done.
        left: How many sources that are.
        pool: What reads them.
        manifest: What gets the results.
        progress: What tells how many are done.
        stop: Ends it.

    Raises:
        FerError: Nobody can go on, as on a full disk; what is done stays done.
    """
    waiting, done = _Waiting(pieces, left), 0
    while not stop.is_set():
        while pool.has_room and (piece := waiting.next(pool.workers)):
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
    left: int
    again: deque[Piece] = field(default_factory=deque)
    died_alone: set[int] = field(default_factory=set)
    rest: Piece | None = None

    def next(self, workers: int) -> Piece | None:
        if self.again:
            return self.again.popleft()
        piece = self.rest or next(self.pieces, None)
        if not piece:
            return None
        most = max(_LEAST, self.left // (_TURNS * workers))
        count = len(piece.sources)
        self.rest = piece.part(most, count) if count > most else None
        piece = piece.part(0, most)
        self.left -= len(piece.sources)
        return piece

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
