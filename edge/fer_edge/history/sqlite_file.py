"""A history in a file of SQLite.

Its journal is a write-ahead log (WAL), so that readers and the writer do not wait for each other.
`synchronous` is FULL: each transaction is on the disk when it ends, and a power cut costs only what
has not been written yet. NORMAL would cost all that the log holds since its last checkpoint, here
hours, and saves little, as one transaction is written in half a minute.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fer_core.errors import FerError
from fer_core.text import typed
from fer_edge.history.rows import Batch
from fer_edge.history.store import UnusableError, require_known
from fer_edge.history.tables import MIGRATIONS, Tables

BUSY_SECONDS = 5.0
_APPLICATION_ID = 0x66657268  # "ferh"
_DAMAGED = ("malformed", "not a database")


class SqliteStore:
    """Writes a history into a file.

    A file that was removed or replaced meanwhile begins anew.
    """

    def __init__(self, path: Path) -> None:
        self.shown, self._path = str(path), path
        self._connection: sqlite3.Connection | None = None
        self._file = (0, 0)

    def require_usable(self) -> None:
        """Make sure that a history may be kept in the file, now or once a fault is over.

        Raises:
            UnusableError: It cannot be opened, or is newer or another program's.
        """
        try:
            self.write(Batch())
        except UnusableError:
            raise
        except FerError:
            return  # a run says this itself, and goes on
        finally:
            self.close()

    def write(self, batch: Batch) -> None:
        """Add rows, all or none.

        Raises:
            FerError: The disk is full, or the file locked, damaged or newer.
        """
        with self._transaction() as tables:
            tables.add(batch)

    def thin(self, before: int) -> bool:
        """Delete some minutes and events from before a moment; return whether more are left.

        Args:
            before: In seconds since 1970.

        Raises:
            FerError: As for `write`.
        """
        with self._transaction() as tables:
            return tables.thin(before)

    def delete_person(self, person: str) -> int:
        """Delete every row of a person, also from the free space; return how many there were.

        Raises:
            FerError: As for `write`, or somebody reads the file and the log keeps the rows.
        """
        with self._transaction() as tables:
            deleted = tables.delete_person(person)
        with _in_words(self._path):
            assert self._connection
            ((busy, *_),) = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        if busy:
            raise FerError(
                f"{deleted} rows of {person} are deleted, but another program reads, and "
                f"{self._path}-wal may still hold them: give the command again"
            )
        return deleted

    def close(self) -> None:
        """Close the file."""
        if self._connection:
            with suppress(sqlite3.Error):  # a full disk; the log is read by whoever opens it next
                self._connection.close()
        self._connection = None

    @contextmanager
    def _transaction(self) -> Iterator[Tables]:
        try:
            with _in_words(self._path):
                connection = self._opened()
                connection.execute("BEGIN IMMEDIATE")
                yield Tables(connection.cursor())
                connection.execute("COMMIT")
        except BaseException:
            self.close()  # which takes back what has not been committed
            raise

    def _opened(self) -> sqlite3.Connection:
        if self._connection and self._file == _identity(self._path):
            return self._connection
        self.close()
        if not self._path.exists():
            self._path.touch(0o600)  # it says who was there when
        self._connection = sqlite3.connect(self._path, BUSY_SECONDS, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute("PRAGMA secure_delete = ON")
        _migrate(self._connection, self._path)
        self._file = _identity(self._path)
        return self._connection


@contextmanager
def reading(path: Path) -> Iterator[Tables]:
    """Yield the tables of a file, which cannot be changed through them.

    Raises:
        FerError: There is no such file, or it is no history, newer or damaged.
    """
    if not path.is_file():
        raise FerError(
            f"there is no history {path}: fer-edge --camera 0 --history {typed(path)} makes one"
        )
    with _in_words(path):
        uri = f"{path.absolute().as_uri()}?mode=ro"
        connection = sqlite3.connect(uri, BUSY_SECONDS, isolation_level=None, uri=True)
        try:
            if not _version(connection, path):
                raise FerError(f"{path} is no history of fer-edge")
            yield Tables(connection.cursor())
        finally:
            connection.close()


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the schema of an open file up to date; raise FerError where that cannot be."""
    if _version(connection, path) == len(MIGRATIONS):
        return
    connection.execute("BEGIN IMMEDIATE")
    done = _version(connection, path)  # another process may have been faster
    for version, statements in enumerate(MIGRATIONS[done:], start=done + 1):
        for statement in statements:
            keyed = " WITHOUT ROWID" if "PRIMARY KEY" in statement else ""
            connection.execute(statement + keyed)
        connection.execute(f"PRAGMA user_version = {version}")
    connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
    connection.execute("COMMIT")


def _version(connection: sqlite3.Connection, path: Path) -> int:
    """Return the version of a file's schema, 0 for an empty file; raise FerError for another's."""
    ((version,),) = connection.execute("PRAGMA user_version").fetchall()
    ((owner,),) = connection.execute("PRAGMA application_id").fetchall()
    ((tables,),) = connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchall()
    if not (version or owner or tables):
        return 0
    if owner != _APPLICATION_ID:
        raise UnusableError(f"{path} is a database of another program: choose another name")
    return require_known(int(version), len(MIGRATIONS), str(path), ", or choose another name")


def _identity(path: Path) -> tuple[int, int]:
    """Return what tells a file from another one of its name, zeros for none."""
    try:
        found = path.stat()
    except OSError:
        return (0, 0)
    return (found.st_dev, found.st_ino)


@contextmanager
def _in_words(path: Path) -> Iterator[None]:
    """Raise FerError for what SQLite raises."""
    try:
        yield
    except OSError as error:
        raise UnusableError(f"cannot open {path}: {error.strerror}") from error
    except (sqlite3.Error, UnicodeDecodeError) as error:  # the latter of a name in the schema
        said = str(error)
        if isinstance(error, UnicodeDecodeError) or any(mark in said for mark in _DAMAGED):
            raise FerError(
                f"{path} is damaged or no database: {typed('mv', path, f'{path}.damaged')}, "
                "and a new one begins"
            ) from error
        if "unable to open" in said or "readonly" in said:
            raise UnusableError(f"cannot open {path}: not allowed") from error
        raise FerError(f"cannot use {path}: {said}") from error
