"""An HTTP server that bounds what others can cost it: connections, time, and words in the log."""

from __future__ import annotations

import logging
import socket
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from ipaddress import IPv6Address, ip_address, ip_network
from socketserver import TCPServer
from typing import Any

log = logging.getLogger(__name__)

MOST_CONNECTIONS, MOST_OF_ONE_ADDRESS, KEPT_FOR_THIS_COMPUTER = 64, 32, 8
_OWN = ("127.0.0.1", "::/64")
REQUEST_SECONDS = 5.0
"""How long a request may take to arrive."""


@dataclass(slots=True)
class _Connection:
    """Who has a connection, and since when its request has been coming, None once it is there."""

    address: str
    since: float | None


class BoundedServer(ThreadingHTTPServer):
    """Serves each connection on a thread, up to MOST_CONNECTIONS and MOST_OF_ONE_ADDRESS.

    `refused` counts those that were not served or had to make room.

    A handler says by `request_has_come` that all of a request is there; until then the connection
    has REQUEST_SECONDS.
    """

    daemon_threads, block_on_close, request_queue_size = True, False, 32
    allow_reuse_port = False

    def __init__(self, host: str, port: int, handler: type[BaseHTTPRequestHandler]) -> None:
        """Bind the address.

        Raises:
            OSError: It cannot be had.
        """
        if ":" in host:
            self.address_family = socket.AF_INET6
        self._every_address = host == "::"
        self.refused = 0
        self._lock = threading.Lock()
        self._open: dict[Any, _Connection] = {}
        super().__init__((host, port), handler)

    def server_bind(self) -> None:
        """Bind without asking DNS for this computer's name, which may take long at boot.

        On Windows SO_REUSEADDR lets two programs serve the same port, so it is not set there, and
        `::` leaves out the addresses of IPv4 unless asked.
        """
        exclusive: int | None = getattr(socket, "SO_EXCLUSIVEADDRUSE", None)  # Windows has it
        self.allow_reuse_address = exclusive is None
        if exclusive is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, exclusive, 1)
        if self._every_address:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give the connection a thread, in place of one that has not asked yet if there are many.

        A request that comes at once is answered, however many slow ones there are.
        """
        address = address_of(client_address[0])
        with self._lock:
            kept = 0 if address in _OWN else KEPT_FOR_THIS_COMPUTER
            full = len(self._open) >= MOST_CONNECTIONS - kept
            crowded = sum(each.address == address for each in self._open.values())
            of_whom = address if crowded >= MOST_OF_ONE_ADDRESS else None
            left = self._oldest_waiting(of_whom) if full or of_whom else None
            accepted = left is not None or not (full or of_whom)
            if accepted:
                self._open[request] = _Connection(address, time.monotonic())
            if left is not None:
                self._open[left].since = None
                self.refused += 1
        if left is not None:
            _end(left)
        if accepted:
            super().process_request(request, client_address)
        else:
            self.refuse()
            self.shutdown_request(request)

    def _oldest_waiting(self, address: str | None) -> Any:
        """Return the connection whose request has taken longest to come, None without any.

        It is one of `address`, or, for None, of whoever has most connections among those waiting.
        """
        counts = Counter(each.address for each in self._open.values())
        waiting = [
            (-counts[each.address], each.since, request)
            for request, each in self._open.items()
            if each.since is not None and address in (None, each.address)
        ]
        return min(waiting, key=lambda each: each[:2])[2] if waiting else None

    def request_has_come(self, request: Any) -> None:
        """Let a connection live on, since all of its request is there."""
        with self._lock:
            if request in self._open:
                self._open[request].since = None

    def service_actions(self) -> None:
        """End the connections whose request takes too long to come."""
        now = time.monotonic()
        with self._lock:
            slow = [
                request
                for request, each in self._open.items()
                if each.since is not None and now - each.since > REQUEST_SECONDS
            ]
            for request in slow:
                self._open[request].since = None
                self.refused += 1
        for request in slow:
            _end(request)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection and forget it."""
        super().shutdown_request(request)
        with self._lock:
            self._open.pop(request, None)

    def close_all(self) -> None:
        """Close what is open, the listening socket too."""
        self.server_close()
        with self._lock:
            remaining = list(self._open)
        for request in remaining:
            _end(request)

    def refuse(self) -> None:
        """Count a request that was turned away."""
        with self._lock:
            self.refused += 1

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of viewers who vanish; anything else is a fault of ours."""
        error = sys.exc_info()[1]
        if isinstance(error, ConnectionAbortedError):  # a BoundedReader's
            self.refuse()
        elif not isinstance(error, OSError):
            log.exception("serving a page failed")


class BoundedReader:
    """A request's stream, of which no more than so many bytes are read."""

    def __init__(self, stream: BufferedIOBase, most_bytes: int) -> None:
        self._stream, self._left = stream, most_bytes

    def read(self, size: int) -> bytes:
        """Read `size` bytes, or less at the end."""
        return self._counted(self._stream.read(min(size, self._left + 1)))

    def read1(self, size: int) -> bytes:
        """Read up to `size` bytes, those that have come; wait only where none have."""
        return self._counted(self._stream.read1(min(size, self._left + 1)))

    def readline(self, limit: int) -> bytes:
        """Read a line of up to `limit` bytes."""
        return self._counted(self._stream.readline(min(limit, self._left + 1)))

    def allow(self, more: int) -> None:
        """Let so many bytes more be read."""
        self._left += more

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()

    def _counted(self, came: bytes) -> bytes:
        self._left -= len(came)
        if self._left < 0:
            raise ConnectionAbortedError("the request is too large")
        return came


def address_of(host: str) -> str:
    """Return what counts as one address: of IPv6 the network, of which everybody has plenty."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped) if mapped else str(ip_network((address, 64), strict=False))
    return host


def _end(request: socket.socket) -> None:
    try:
        # That of an SSLSocket would let the thread that reads go on unencrypted.
        socket.socket.shutdown(request, socket.SHUT_RDWR)
    except OSError:
        return  # it has gone by itself
