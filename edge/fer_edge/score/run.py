"""One run: plan, pool, loop, and what it leaves behind."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from fer_core.cores import most_processes
from fer_core.errors import ArgumentError
from fer_core.locks import alone_in
from fer_core.pools import read_place
from fer_core.ray_cluster import require_head
from fer_core.text import counted
from fer_edge.score.addresses import without_secrets
from fer_edge.score.local_pool import LocalPool, usual_workers
from fer_edge.score.loop import read_pieces
from fer_edge.score.manifest import Manifest
from fer_edge.score.plan import PIECE, Plan
from fer_edge.score.pools import PiecePool, Work
from fer_edge.score.progress import Progress, sources_done
from fer_edge.score.shards import write_errors
from fer_edge.score.sources import Listing, full_words

Say = Callable[[str], None]
ERRORS = "errors.parquet"
_LARGEST_PIECE = 100_000


@dataclass(frozen=True, slots=True)
class Request:
    """What one run is to do.

    Attributes:
        words: Files, folders, patterns, lists and URLs; empty to go on with what is planned.
        out: The folder of results.
        on: local, local:N, ray or ray://HEAD:PORT.
        most: How many pictures are a piece of what is planned now.
        again: Whether pieces with errors are read again.

    Raises:
        ArgumentError: A piece holds no picture, or too many; `on` names no pool.
    """

    words: tuple[str, ...]
    out: Path
    on: str = "local"
    most: int = PIECE
    again: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.most <= _LARGEST_PIECE:
            raise ArgumentError(f"--piece must lie in 1 to {_LARGEST_PIECE}, got {self.most}")
        read_place(self.on)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where a folder of results stands after a run."""

    total: int
    done: int
    faces: int
    errors: int

    def text(self, out: Path) -> str:
        """Return it as a line."""
        errors = f", {counted(self.errors, 'error')} ({out / ERRORS})" if self.errors else ""
        state = sources_done(self.done, self.total)
        if self.done != self.total:
            state += "; the same command continues"
        return f"{state}: {counted(self.faces, 'face')}{errors}"


def score(
    request: Request,
    work: Work,
    stop: threading.Event,
    say: Say,
    reads: Callable[[], None] = lambda: None,
) -> Outcome:
    """Read what is planned and not yet done, after planning what is new.

    Args:
        request: What to do.
        work: How a piece is read.
        stop: Ends the reading; nobody looks at it before.
        say: Takes lines for the user.
        reads: Called when the reading begins.

    Raises:
        ArgumentError: Nothing is planned, and no words say what to plan.
        FerError: Something keeps the run from starting or going on; what is done stays done.
    """
    out = request.out
    with ExitStack() as stack:
        stack.enter_context(alone_in(out, "fer-edge score"))
        plan = Plan(out / "plan")
        manifest = stack.enter_context(closing(Manifest(out)))
        manifest.remove_other_shards()
        _list(request, plan, sum(manifest.done().values()), say)  # what is unreadable is done, too
        done = manifest.done(request.again)
        left = plan.total - sum(done.values())
        try:
            if left:
                with closing(make_pool(request.on, work, say)) as pool:
                    say(f"{left:,} of {counted(plan.total, 'source')} to read")
                    progress = Progress(plan.total, plan.total - left, say)
                    reads()
                    read_pieces(plan.pieces(done), left, pool, manifest, progress, stop)
        finally:  # also where nothing was left: a run that was killed did not get here
            write_errors(out / ERRORS, _errors(manifest))
        manifest.remove_other_shards()
        return Outcome(plan.total, manifest.sources, manifest.faces, manifest.errors)


def make_pool(on: str, work: Work, say: Say) -> PiecePool:
    """Return the pool that `--on` names.

    Raises:
        ArgumentError: It names none.
        FerError: A cluster cannot be joined.
    """
    place = read_place(on)
    if place.cluster:
        from fer_edge.score.ray_pool import RayPool

        pool = RayPool(work, place.cluster)
        say(f"Ray: {pool.workers} cores")
        return pool
    workers = min(place.workers or usual_workers(), most_processes())
    say(f"{workers} worker{'s' * (workers > 1)} on this computer")
    return LocalPool(work, workers)


def _list(request: Request, plan: Plan, done: int, say: Say) -> None:
    """Plan what is new, unless the last plan of the same words is still being read."""
    words: Sequence[str] = full_words(request.words)
    unfinished = done < plan.total
    if not words:
        if not plan.total:
            raise ArgumentError("say what to read: fer-edge score SOURCE... --out FACES")
        return
    if unfinished and [without_secrets(word) for word in words] == plan.words:
        return
    if cluster := read_place(request.on).cluster:
        require_head(cluster)  # listing may take hours
    listing = Listing(words, request.out)
    added = plan.extend(listing, words, request.most)
    for reason, count in listing.left_out.most_common():
        say(f"left out: {count:,} ({reason})")
    if plan.total == added.new:
        repeated = f", {added.repeated:,} of them named twice" if added.repeated else ""
        say(f"{counted(added.new, 'source')}{repeated}")
    else:
        say(f"{counted(added.new, 'new source')}, {added.repeated:,} known")
    if added.changed:
        say(
            f"changed since they were planned: {counted(added.changed, 'source')}; the rows stay "
            "as they are (another --out reads them again)"
        )


def _errors(manifest: Manifest) -> Iterator[tuple[str, str]]:
    for result in manifest.results():
        yield from result.errors
