"""One order of paths on all systems."""

from __future__ import annotations

from pathlib import PurePath


def by_name(path: PurePath) -> tuple[str, ...]:
    """Return what sorts paths equally everywhere: alone, paths of Windows ignore upper case."""
    return path.parts
