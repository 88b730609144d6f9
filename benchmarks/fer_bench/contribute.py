"""A result of one's own board, put where the committed ones lie."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from fer_bench.results import Results
from fer_core.errors import FerError
from fer_core.text import typed

_NO_NAMES = ("unknown", "aarch64", "armv7l")
"""What Linux on ARM says of its processor; the board has a name there."""


def reference_folder(results: Results, root: Path) -> Path:
    """Return where a result belongs below `root`, by Pi or processor.

    Kept are full runs of accuracy and latency in which nothing was disturbed and nothing failed.

    Raises:
        FerError: The result is not fit to be kept, or would take the place of another.
    """
    faults = list(_faults(results))
    if faults:
        raise FerError(f"not fit to be kept: {'; '.join(faults)}; measure again")
    where = results.environment
    processor = f"{where.cpu} {where.instructions}".removesuffix("unknown")
    is_board_named = where.cpu in _NO_NAMES and where.board not in _NO_NAMES
    board = where.board if where.on_a_pi or is_board_named else processor
    name = f"{board} {where.cores} cores"
    folder = root / re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    if (folder / "results.json").exists():
        raise FerError(
            f"{folder} holds a result already; see what differs: fer-bench compare "
            f"{typed(folder / 'results.json')} RESULTS"
        )
    return folder


def _faults(results: Results) -> Iterator[str]:
    """Yield why results are not fit to be kept."""
    for failed in results.failed:
        yield f"{failed.name} could not be measured"
    for model in results.models:
        if not model.latency_ms:
            yield f"{model.name} has no latency"
        if model.is_noisy:
            yield f"{model.name} was timed in a bad moment"
        if not model.evaluation:
            yield f"{model.name} has no accuracy"
    if results.environment.busy:
        yield "other programs were at work"
    if results.quick:
        yield "it was --quick"
