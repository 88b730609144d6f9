"""A progress bar on stderr that stays away when stderr is no terminal.

It is drawn between two steps, never by a thread beside them, which would disturb what is timed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Advance = Callable[[str], None]
"""Call once a step with a short note, which is shown beside the bar."""
_DRAWN_SECONDS = 0.1
"""The least time between two drawings."""

_silenced = False


def silence() -> None:
    """Show no bar for the rest of this process: what --quiet asks for."""
    global _silenced  # noqa: PLW0603  # one terminal, one answer
    _silenced = True


@contextmanager
def progress_bar(total: int, what: str) -> Iterator[Advance]:
    """Show a bar while `total` steps of `what` are done.

    Yields:
        A function to call after each step.
    """
    if _silenced or not sys.stderr.isatty():
        yield lambda note: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, auto_refresh=False) as bar:
        task, drawn_at = bar.add_task(what, total=total, note=""), float("-inf")

        def advance(note: str) -> None:
            nonlocal drawn_at
            bar.update(task, advance=1, note=note)
            if time.monotonic() - drawn_at >= _DRAWN_SECONDS:
                bar.refresh()
                drawn_at = time.monotonic()

        yield advance
