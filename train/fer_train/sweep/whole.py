"""A sweep as the command asks for it, from its folder to the report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fer_core.files import make_folder
from fer_core.locks import alone_in
from fer_train.jobs.pools import Where, make_pool
from fer_train.sweep.budget import Budget
from fer_train.sweep.report import leave_results
from fer_train.sweep.run import Sweep
from fer_train.sweep.space import Space
from fer_train.sweep.study import SweepStudy, storage_faults

_MANY = 1_000_000
_DATABASE = "sweep.db"


def _nothing(line: str) -> None:
    """Show no line of a trial: log.txt in its folder has them."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the command asks for.

    Attributes:
        out: The folder of the sweep, which goes on where it holds one.
        where: Where trials are trained.
        prune_at: The epochs after which trials may be pruned.
        storage: The database, as SQLAlchemy names it; empty for a file in the folder.
    """

    space: Space
    out: Path
    budget: Budget
    where: Where
    prune_at: tuple[int, ...]
    storage: str = ""


def sweep(request: Request, say: Callable[[str], None]) -> str:
    """Try settings until the budget is spent; leave the results, and return the report.

    Args:
        request: What is asked for.
        say: What gets lines on the progress.

    Raises:
        FerError: The data, the folder or the storage cannot be used, or no trial works.
        KeyboardInterrupt: Somebody stopped it; the results so far are there.
    """
    space, out = request.space, request.out
    dataset = space.trial_config({}).pictures.load().without_empty_classes()
    say(dataset.describe())
    dataset.require_every_class()
    validation = dataset.part("validation")
    pictures = len(validation)
    fingerprint = dataset.part("train").fingerprint() + validation.fingerprint()
    del dataset, validation  # every job loads its own
    url = request.storage or f"sqlite:///{(make_folder(out) / _DATABASE).resolve()}"
    with alone_in(make_folder(out), "fer-train sweep"), storage_faults(url):
        study = SweepStudy(url, out, space, fingerprint)
        running = Sweep(study, space, out.resolve(), request.prune_at, say)
        most = request.budget.trials or _MANY
        try:
            running.run(make_pool(request.where, out, most, say, _nothing), request.budget)
        except KeyboardInterrupt:
            leave_results(out, space, study.tried(), study.importances(), pictures)
            say(
                f"stopped with {len(study.tried())} trials; the same command continues "
                f"with those that ran; {out / 'report.txt'} has the results so far"
            )
            raise
        return leave_results(out, space, study.tried(), study.importances(), pictures)
