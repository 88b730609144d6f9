"""`fer-edge score` with a worker that does nothing: what remains is the cost of everything else.

score_archive.py runs it: LIST OUT POOL [HOW-MANY-AND-THEN-DIE].
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from fer_edge.score.manifest import Result
from fer_edge.score.plan import PIECE, Piece
from fer_edge.score.pools import Work
from fer_edge.score.run import Request, score


@dataclass(frozen=True, slots=True)
class Nothing:
    """Finds no face, at once."""

    def begin(self) -> None:
        """Load nothing."""

    def score(self, piece: Piece) -> Result:
        """Return that nothing was seen."""
        return Result(piece.first, len(piece.sources), empty=len(piece.sources))


@dataclass(frozen=True, slots=True)
class Until(Nothing):
    """The same, and at a source the driver is killed."""

    last: int
    driver: int

    def score(self, piece: Piece) -> Result:
        """Return that nothing was seen, or kill the driver."""
        if piece.first + len(piece.sources) > self.last:
            os.kill(self.driver, signal.SIGKILL)
        return Nothing.score(self, piece)


def run_noop(names: Path, out: Path, on: str, work: Work, most: int = PIECE) -> float:
    """Run once; return the seconds from the pool's start to the end."""
    out.mkdir(exist_ok=True)
    began: list[float] = []

    def say(line: str) -> None:
        if line.endswith("to read"):
            began.append(time.perf_counter())

    outcome = score(Request((str(names),), out, on, most), work, threading.Event(), say)
    assert outcome.done == outcome.total
    return time.perf_counter() - (began or [0.0])[0]


def main() -> None:
    """Run once, or until so many sources are done."""
    names, out, on, *until = sys.argv[1:]
    work = Until(int(until[0]), os.getpid()) if until and until[0] else Nothing()
    run_noop(Path(names), Path(out), on, work)


if __name__ == "__main__":
    main()
