"""What a command that runs many trainings prints when it stops and when it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def reported(folder: Path, next_call: str, say: Callable[[str], None]) -> Iterator[None]:
    """Print the report of a run folder at the end; after Ctrl-C say how to continue what has begun.

    Args:
        folder: The run folder.
        next_call: The command that continues.
        say: What gets the line of a stop.
    """
    from fer_train.run_folder import has_begun

    try:
        yield
    except KeyboardInterrupt:
        if has_begun(folder):
            say(f"stopped; to continue: {next_call}")
        raise
    print_report(folder)


def print_report(folder: Path) -> None:
    """Print the report of a run folder, whose classes may have names that are not UTF-8."""
    text = (folder / "report.txt").read_text(encoding="utf-8", errors="surrogateescape")
    print(text, end="")
    print(f"run folder: {folder}")
