"""What `--history` names: a file, or a database at a server."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fer_edge.history.postgres import PostgresStore, Server
    from fer_edge.history.sqlite_file import SqliteStore
    from fer_edge.history.tables import Tables


def is_address(text: str) -> bool:
    """Return whether a text is the address of a server, not the name of a file."""
    return "://" in text


@dataclass(frozen=True, slots=True)
class Place:
    """Where a history lies.

    Attributes:
        text: As it was given; it may hold a password.
    """

    text: str = field(repr=False)

    @property
    def shown(self) -> str:
        """The whole path, or the address without a password.

        Raises:
            ArgumentError: It is an address of another form.
        """
        return self._server().shown if is_address(self.text) else str(Path(self.text).absolute())

    def store(self, device: str = "") -> SqliteStore | PostgresStore:
        """Return what writes there; nothing is opened yet.

        Args:
            device: What this device is called at a server.

        Raises:
            ArgumentError: It is an address of another form.
        """
        if is_address(self.text):
            from fer_edge.history.postgres import PostgresStore

            return PostgresStore(self._server(), device)
        from fer_edge.history.sqlite_file import SqliteStore

        return SqliteStore(Path(self.text))

    def reading(self) -> AbstractContextManager[Tables]:
        """Return a context whose tables can be read and not changed.

        Raises:
            FerError: On entering: there is no history, or it cannot be read.
        """
        if is_address(self.text):
            from fer_edge.history import postgres

            return postgres.reading(self._server())
        from fer_edge.history import sqlite_file

        return sqlite_file.reading(Path(self.text))

    def _server(self) -> Server:
        from fer_edge.history.postgres import Server

        return Server.of(self.text)
