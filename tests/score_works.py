"""Stand-ins for what a worker does: no pictures, and faults on demand."""

from __future__ import annotations

import os
import resource
import signal
import time
from dataclasses import dataclass

from fer_core.errors import FerError
from fer_edge.score.manifest import Result
from fer_edge.score.plan import Piece
from fer_edge.score.worker import Scoring


@dataclass(frozen=True, slots=True)
class Nothing:
    """Takes so many seconds a source, and finds no face."""

    seconds: float = 0.0

    def begin(self) -> None:
        """Load nothing."""

    def score(self, piece: Piece) -> Result:
        time.sleep(self.seconds * len(piece.sources))
        return Result(piece.first, len(piece.sources), empty=len(piece.sources))


@dataclass(frozen=True, slots=True)
class Deadly(Nothing):
    """Kills its process at every source whose address ends so."""

    name: str = "poison.jpg"

    def score(self, piece: Piece) -> Result:
        if any(source.address.endswith(self.name) for source in piece.sources):
            os.kill(os.getpid(), signal.SIGSEGV)
        return Nothing.score(self, piece)


@dataclass(frozen=True, slots=True)
class NeverStarts(Nothing):
    """Dies before it has read anything."""

    def begin(self) -> None:
        os._exit(3)


@dataclass(frozen=True, slots=True)
class Refuses(Nothing):
    """Says at its start that nobody can go on."""

    def begin(self) -> None:
        raise FerError("there is no cascade")


@dataclass(frozen=True, slots=True)
class FullDisk(Scoring):
    """May write files of 1,000 bytes."""

    def begin(self) -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        Scoring.begin(self)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
