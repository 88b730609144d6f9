"""What keeps a history: a file or a server."""

from __future__ import annotations

from typing import Protocol

from fer_core.errors import FerError
from fer_edge.history.rows import Batch


class UnusableError(FerError):
    """No history can be kept there, now or later: a run does not begin."""


def require_known(version: int, known: int, shown: str, otherwise: str = "") -> int:
    """Return the version of a schema.

    Args:
        version: The version.
        known: The newest one that is known.
        shown: Where it is, for messages.
        otherwise: What else helps than an update, in words.

    Raises:
        UnusableError: It is newer.
    """
    if version > known:
        raise UnusableError(
            f"{shown} was made by a newer fer-edge (its schema is {version}, this one knows "
            f"{known}): update fer-edge-kit{otherwise}"
        )
    return version


class Store(Protocol):
    """Keeps rows. It opens by itself, and anew after a fault; one thread uses it.

    Attributes:
        shown: Where it is, for messages; without a password.
    """

    shown: str

    def write(self, batch: Batch) -> None:
        """Add rows, all or none.

        Raises:
            FerError: They cannot be written now.
        """

    def thin(self, before: int) -> bool:
        """Delete some minutes and events from before a moment; return whether more are left.

        Args:
            before: In seconds since 1970.

        Raises:
            FerError: They cannot be deleted now.
        """

    def close(self) -> None:
        """Close it."""
