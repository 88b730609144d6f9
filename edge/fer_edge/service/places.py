"""Which places a service sees, and refusing files that lie elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fer_core.errors import ArgumentError

HIDDEN = (Path("/tmp"), Path("/var/tmp"))
"""A service has folders of its own in the place of these (PrivateTmp)."""
_HOMES = Path("/home")


def seen_homes(program: Path, user: str) -> list[Path]:
    """Return the homes that a service sees: that of its user, and the one its program lies in."""
    return sorted({home for home in (_home_with(program), _home_of(user)) if home})


def require_seen(name: str, path: Path, homes: Sequence[Path]) -> None:
    """Make sure that a service sees a file, where its links lead, too.

    Args:
        name: The option or setting that names it.
        path: The file.
        homes: The homes that the service sees.

    Raises:
        ArgumentError: It does not.
    """
    for place in (path.absolute(), path.resolve()):
        if any(place.is_relative_to(folder) for folder in HIDDEN):
            raise ArgumentError(
                f"{name} {path}: a service cannot see files in {' or '.join(map(str, HIDDEN))}, "
                "since it has its own; move it, for example to your home folder",
                see="service-cannot-see",
            )
        home = _home_with(place)
        if home and not any(place.is_relative_to(seen) for seen in homes):
            seen = " and ".join(map(str, homes)) or "none"
            raise ArgumentError(
                f"{name} {path}: of all homes a service sees only {seen}; move it there"
            )


def _home_of(user: str) -> Path | None:
    try:
        return Path(f"~{user}").expanduser()
    except RuntimeError:  # there is no such user on this computer
        return None


def _home_with(path: Path) -> Path | None:
    """Return the home that a path lies in, None for one outside of all homes."""
    if path.is_relative_to("/root"):
        return Path("/root")
    depth = len(_HOMES.parts) + 1
    inside = path.is_relative_to(_HOMES) and len(path.parts) >= depth
    return Path(*path.parts[:depth]) if inside else None
