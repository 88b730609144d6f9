"""A PostgreSQL server, Debian's, on a free port of the loopback, with a password."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

PASSWORD = "s3cret-of-the-homes"
PATIENCE_SECONDS = 30.0
_SETTINGS = ("fsync=off", "full_page_writes=off", "autovacuum=off", "shared_buffers=16MB")


def server_programs() -> Path | None:
    """Return the folder of the newest server that is installed, None for none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    on_path = shutil.which("postgres")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


@dataclass(slots=True)
class PostgresServer:
    """A server that may be ended and started again at the same port."""

    programs: Path
    folder: Path
    user: str | None
    port: int = 0
    _process: subprocess.Popen[bytes] | None = field(default=None)

    def __post_init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]

    @property
    def url(self) -> str:
        return f"postgresql://fer:{PASSWORD}@127.0.0.1:{self.port}/postgres"

    def make(self) -> None:
        """Make an empty cluster, whose user `fer` has a password."""
        password = self.folder / "password"
        password.write_text(PASSWORD)
        if self.user:
            shutil.chown(self.folder, self.user)
            shutil.chown(password, self.user)
        words = ["-D", str(self.folder / "data"), "-U", "fer", "-A", "scram-sha-256"]
        subprocess.run(
            [self.programs / "initdb", *words, "--pwfile", password, "--no-sync", "-E", "UTF8"],
            check=True,
            capture_output=True,
            user=self.user,
            timeout=60,
        )

    def start(self) -> None:
        settings = [f"port={self.port}", "listen_addresses=127.0.0.1", *_SETTINGS]
        settings += [f"unix_socket_directories={self.folder}"]
        words = [word for setting in settings for word in ("-c", setting)]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self.programs / "postgres", "-D", self.folder / "data", *words],
                stdout=log,
                stderr=log,
                user=self.user,
            )
        limit = time.monotonic() + PATIENCE_SECONDS
        while not self._answers():
            assert self._process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < limit, "the server takes too long"
            time.sleep(0.02)

    def _answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def end(self) -> None:
        if self._process is not None:
            self._process.send_signal(2)  # SIGINT ends every connection
            self._process.wait(PATIENCE_SECONDS)
            self._process = None


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Yield a server that runs; skip the test where none is installed."""
    pytest.importorskip("psycopg", reason="psycopg 3 is not installed: extra [postgres]")
    programs = server_programs()
    if programs is None:
        pytest.skip("no PostgreSQL server is installed: apt install postgresql")
    user = _not_root()
    with tempfile.TemporaryDirectory(prefix="fer-postgres-") as folder:
        server = PostgresServer(programs, Path(folder), user)
        server.make()
        try:
            server.start()
            yield server
        finally:
            server.end()


def _not_root() -> str | None:
    """Return who the server runs as, since it refuses root; None for whoever runs the tests."""
    if os.getuid():
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    return None
