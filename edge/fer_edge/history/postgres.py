"""A history at a server of PostgreSQL, by psycopg 3, for many devices."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fer_core.errors import ArgumentError, FerError
from fer_edge.history.rows import Batch, plain
from fer_edge.history.store import UnusableError, require_known
from fer_edge.history.tables import MIGRATIONS, Tables

if TYPE_CHECKING:
    import psycopg

SCHEMA, MARK = "fer_edge", "%s"
CONNECT_SECONDS, ANSWER_SECONDS = 5, 10
_LOCK = 0x66657268
_URL = re.compile(
    r"(?P<scheme>postgres(?:ql)?)://(?:(?P<user>[^@/:?#\s]+)(?::(?P<password>[^@/:?#\s]*))?@)?"
    r"(?P<host>\[[\da-fA-F:]+]|[\w.-]*)(?::(?P<port>\d+))?/(?P<name>[\w-]+)(?:\?[^@#\s]*)?"
)


@dataclass(frozen=True, slots=True)
class Server:
    """Where a database is.

    Attributes:
        shown: The same for messages, without user, password and options.
    """

    url: str = field(repr=False)
    shown: str

    @classmethod
    def of(cls, url: str) -> Server:
        """Read `postgresql://[USER[:PASSWORD]@]HOST[:PORT]/DATABASE[?OPTIONS]`.

        Raises:
            ArgumentError: It looks otherwise; the message does not show it.
        """
        match = _URL.fullmatch(url)
        if not match:
            raise ArgumentError(
                "history must be FILE or postgresql://USER:PASSWORD@HOST/DATABASE; write @ : / ? # "
                "in a password as %40 %3A %2F %3F %23"
            )
        port = f":{match['port']}" if match["port"] else ""
        return cls(url, f"postgresql://{match['host']}{port}/{match['name']}")

    @contextmanager
    def connected(self) -> Iterator[psycopg.Connection]:
        """Yield a connection, which the end of the block closes.

        Raises:
            FerError: The server does not let us in, or fails within the block.
        """
        with self.in_words():
            connection = self.connect()
            try:
                yield connection
            finally:
                connection.close()

    def connect(self) -> psycopg.Connection:
        """Return a connection that is never silent for long.

        Raises:
            FerError: psycopg is missing.
        """
        waits = {"keepalives_idle": 10, "tcp_user_timeout": 1000 * ANSWER_SECONDS}
        connection: psycopg.Connection = _psycopg().connect(
            self.url,
            autocommit=True,
            connect_timeout=CONNECT_SECONDS,
            application_name="fer-edge",
            options=f"-c statement_timeout={1000 * ANSWER_SECONDS} -c search_path={SCHEMA}",
            **waits,
        )
        return connection

    @contextmanager
    def in_words(self) -> Iterator[None]:
        """Say in words what psycopg cannot do within the block.

        Raises:
            FerError: It is missing, or something has failed.
        """
        try:
            yield
        except _psycopg().Error as error:
            line = " ".join(str(error).split())
            raise FerError(f"cannot use {self.shown}: {line}") from error


def _psycopg() -> Any:
    try:
        import psycopg
    except ImportError as error:
        missing = (
            "PostgreSQL needs psycopg 3: pip install '.[postgres]' in the folder of fer-edge-kit"
        )
        raise UnusableError(missing) from error
    return psycopg


class PostgresStore:
    """Writes the history of one device at a server; its cameras are called DEVICE/CAMERA."""

    def __init__(self, server: Server, device: str) -> None:
        self.shown, self._server, self._cameras = server.shown, server, f"{plain(device)}/"
        self._connection: psycopg.Connection | None = None

    def require_usable(self) -> None:
        """Make sure that a server can be asked at all.

        Raises:
            UnusableError: psycopg is missing.
        """
        _psycopg()

    def write(self, batch: Batch) -> None:
        """Add rows, all or none.

        If the connection breaks while the server confirms, nobody here knows which. Whoever then
        writes them again counts them twice.

        Raises:
            FerError: The server is away, refuses, or has a newer schema.
        """
        seconds = {
            bucket._replace(camera=self._cameras + bucket.camera): more
            for bucket, more in batch.seconds.items()
        }
        events = [event._replace(camera=self._cameras + event.camera) for event in batch.events]
        with self._transaction() as tables:
            tables.add(Batch(seconds, events))

    def thin(self, before: int) -> bool:
        """Delete some minutes and events of this device; return whether more are left.

        Args:
            before: In seconds since 1970.

        Raises:
            FerError: As for `write`.
        """
        with self._transaction() as tables:
            return tables.thin(before, self._cameras)

    def delete_person(self, person: str) -> int:
        """Delete every row of a person, of all devices; return how many there were.

        Raises:
            FerError: As for `write`.
        """
        with self._transaction() as tables:
            return tables.delete_person(person)

    def close(self) -> None:
        """Close the connection."""
        if self._connection:
            with suppress(_psycopg().Error):
                self._connection.close()
        self._connection = None

    @contextmanager
    def _transaction(self) -> Iterator[Tables]:
        try:
            with self._server.in_words():
                if self._connection is None:
                    self._connection = self._server.connect()
                    _migrate(self._connection, self.shown)
                with self._connection.transaction():
                    yield Tables(self._connection.cursor(), MARK)
        except BaseException:
            self.close()
            raise


@contextmanager
def reading(server: Server) -> Iterator[Tables]:
    """Yield the tables of a server, which cannot be changed through them.

    Raises:
        FerError: The server is away, refuses, or has no history or a newer one.
    """
    with server.connected() as connection:
        connection.read_only = True
        if not _version(connection, server.shown):
            raise FerError(
                f"{server.shown} holds no history: fer-edge --camera 0 --history makes one"
            )
        with connection.transaction():
            yield Tables(connection.cursor(), MARK)


def _migrate(connection: psycopg.Connection, shown: str) -> None:
    """Bring the schema up to date; raise FerError where that cannot be."""
    if _version(connection, shown) == len(MIGRATIONS):
        return
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        done = _version(connection, shown)  # another device may have been faster
        if not done:
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}".encode())
            connection.execute("CREATE TABLE version (number BIGINT NOT NULL)")
            connection.execute("INSERT INTO version VALUES (0)")
        for statements in MIGRATIONS[done:]:
            for statement in statements:
                connection.execute(statement.encode())
        connection.execute("UPDATE version SET number = %s", [len(MIGRATIONS)])


def _version(connection: psycopg.Connection, shown: str) -> int:
    """Return the version of the schema, 0 for none; raise FerError for a newer one."""
    ((found,),) = connection.execute("SELECT to_regclass(%s)", [f"{SCHEMA}.version"]).fetchall()
    if found is None:
        return 0
    ((version,),) = connection.execute("SELECT number FROM version").fetchall()
    return require_known(int(version), len(MIGRATIONS), shown)
