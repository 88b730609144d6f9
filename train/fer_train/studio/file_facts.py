"""What was found out about files, as long as they are there and do not change."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Generic, TypeVar

Fact = TypeVar("Fact")


class FileFacts(Generic[Fact]):
    """Remembers a fact about each file in memory; one thread at a time."""

    def __init__(self, find_out: Callable[[Path], Fact]) -> None:
        """Take what finds out the fact about a file, or that it is not there."""
        self._find_out = find_out
        self._lock = threading.RLock()
        self._known: dict[Path, tuple[int, Fact]] = {}

    def of(self, paths: Iterable[Path]) -> dict[Path, Fact]:
        """Return the facts about those of the files that can be read; a known one is not read."""
        found: dict[Path, Fact] = {}
        with self._lock:
            for path in paths:
                with suppress(OSError):  # one bad file hides no others
                    found[path] = self._fact(path)
        return found

    def _fact(self, path: Path) -> Fact:
        changed = path.stat().st_mtime_ns
        if path not in self._known or self._known[path][0] != changed:
            self._known[path] = (changed, self._find_out(path))
        return self._known[path][1]

    def note(self, path: Path, fact: Fact) -> None:
        """Take in what is known of a file that was written just now."""
        with self._lock, suppress(FileNotFoundError):
            self._known[path] = (path.stat().st_mtime_ns, fact)

    def forget_others(self, paths: Iterable[Path]) -> None:
        """Forget all files but these."""
        with self._lock:
            there = set(paths)
            self._known = {path: known for path, known in self._known.items() if path in there}
