"""Workers that are processes of this computer."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import Any

from fer_core.cores import free_bytes, usable_cores
from fer_core.errors import FerError
from fer_core.own_process import how_it_crashed
from fer_edge.score.manifest import Result
from fer_edge.score.plan import Piece
from fer_edge.score.pools import Death, Work

WORKER_BYTES = 700_000_000
"""What a worker may take with a photo of 40 megapixels."""
_MOST_FALSE_STARTS = 10
_READY = "ready"


def usual_workers() -> int:
    """Return how many workers the cores and the free memory of this computer bear."""
    return max(1, min(usable_cores(), free_bytes(usable_cores() * WORKER_BYTES) // WORKER_BYTES))


class LocalPool:
    """A process a worker, each with one piece in flight. One that dies is replaced."""

    def __init__(self, work: Work, workers: int) -> None:
        """Start the workers; they load while the first pieces wait.

        Args:
            work: What they do.
            workers: How many there are.
        """
        self._work, self._false_starts = work, 0
        self._workers = [_Worker(work) for _ in range(workers)]

    @property
    def workers(self) -> int:
        """How many pieces are read at a time."""
        return len(self._workers)

    @property
    def has_room(self) -> bool:
        """Whether a worker has nothing to do."""
        return any(worker.piece is None for worker in self._workers)

    @property
    def is_busy(self) -> bool:
        """Whether a worker has a piece."""
        return any(worker.piece for worker in self._workers)

    def submit(self, piece: Piece) -> None:
        """Give a piece to a worker that has none."""
        next(worker for worker in self._workers if worker.piece is None).take(piece)

    def outcomes(self, seconds: float) -> list[Result | Death]:
        """Wait for pieces that end, at most so long; return what came of them.

        Raises:
            FerError: A worker says that nobody can go on, or workers die as they start.
        """
        ready = wait([worker.pipe for worker in self._workers], seconds)
        ended: list[Result | Death] = []
        for index, worker in enumerate(self._workers):
            if worker.pipe in ready:
                ended += self._heard(index, worker)
        return ended

    def close(self) -> None:
        """End the workers."""
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()
            worker.pipe.close()

    def _heard(self, index: int, worker: _Worker) -> list[Result | Death]:
        try:
            said = worker.pipe.recv()
        except (EOFError, OSError):
            return self._replaced(index, worker)
        if isinstance(said, FerError):
            raise said
        if said == _READY:
            worker.ready, self._false_starts = True, 0
            return []
        worker.piece = None
        return [said]

    def _replaced(self, index: int, worker: _Worker) -> list[Result | Death]:
        """Put a new worker in the place of a dead one; return what became of its piece."""
        reason = worker.how_it_ended()
        self._workers[index] = new = _Worker(self._work)
        if worker.ready:
            return [Death(worker.piece, reason)] if worker.piece else []
        self._false_starts += 1
        if self._false_starts == _MOST_FALSE_STARTS:
            raise FerError(f"no worker starts: {reason} each time, before it read anything")
        if worker.piece:
            new.take(worker.piece)
        return []


class _Worker:
    """One process, and the piece that it has."""

    def __init__(self, work: Work) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, work), daemon=True)
        self.process.start()
        theirs.close()
        self.piece: Piece | None = None
        self.ready = False

    def take(self, piece: Piece) -> None:
        self.piece = piece
        with suppress(OSError):  # it is dead, as `outcomes` will hear
            self.pipe.send(piece)

    def how_it_ended(self) -> str:
        self.process.join()
        self.pipe.close()
        code = self.process.exitcode or 0
        how = how_it_crashed(code) or f"exit code {code}"
        return f"its process died ({how})"


def _serve(pipe: Connection[Any, Any], work: Work) -> None:
    """Read pieces until nobody sends any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who sends them
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):  # nobody is there any more
        try:
            work.begin()
            pipe.send(_READY)
            while True:
                pipe.send(work.score(pipe.recv()))
        except FerError as error:
            pipe.send(error)


def _end_with_the_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent
    wait([parent.sentinel])
    os._exit(1)
