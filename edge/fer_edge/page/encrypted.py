"""The same server over TLS: a visitor who never shakes hands costs no more than a slow one."""

from __future__ import annotations

import logging
import socket
import ssl
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

from fer_core.errors import FerError
from fer_edge.page.bounded import BoundedServer
from fer_edge.page.certificate import Certificate

LOOK_SECONDS = 3600.0
"""How often is looked whether the certificate ends soon."""
log = logging.getLogger(__name__)

_USE_HTTPS = (
    b"HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"
    b"This page is encrypted: type https:// before the address.\n"
)
_MOST_DRAINED = 1 << 15


class EncryptedServer(BoundedServer):
    """Shakes hands on the thread of each connection; that time counts as the request's."""

    def __init__(
        self,
        host: str,
        port: int,
        handler: type[BaseHTTPRequestHandler],
        certificate: Certificate,
        renewed: Callable[[], Certificate],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Bind the address.

        Args:
            host: The address.
            port: Its port.
            handler: What answers.
            certificate: That of this computer.
            renewed: Returns the same, or another one if it expires soon: a run may last longer
                than a certificate.
            clock: Gives seconds, and never goes back.

        Raises:
            OSError: It cannot be had.
        """
        self._certificate, self._renewed, self._clock = certificate, renewed, clock
        self._context, self._looked_at = certificate.context(), clock()
        super().__init__(host, port, handler)

    def service_actions(self) -> None:
        """End what is too slow; once an hour take a new certificate where the old one ends soon."""
        super().service_actions()
        if self._clock() - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = self._clock()
        if not self._certificate.ends_soon():
            return
        try:
            newest = self._renewed()
            if newest != self._certificate:
                self._context = newest.context()  # for those who come from now on
                self._certificate = newest
                log.warning("the new certificate of the page has SHA-256 %s", newest.fingerprint)
        except (FerError, OSError) as error:
            log.warning("the certificate of the page cannot be renewed: %s", error)

    def get_request(self) -> tuple[Any, Any]:
        """Return the next connection; nothing is read of it yet.

        Raises:
            OSError: It has gone by itself.
        """
        connection, address = super().get_request()
        try:
            connection.getpeername()  # else the library forgets to close it
            wrapped = self._context.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        except (OSError, ValueError) as error:
            connection.close()
            raise OSError("the visitor has gone") from error
        return wrapped, address

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Shake hands, then answer; tell a visitor who does not encrypt what to type."""
        try:
            request.do_handshake()
        except ssl.SSLError as error:
            if error.reason == "HTTP_REQUEST":
                self.refuse()
                _answer_unencrypted(request)
            return
        super().finish_request(request, client_address)


def _answer_unencrypted(request: socket.socket) -> None:
    """Answer past the encryption that never began."""
    socket.socket.recv(request, _MOST_DRAINED)  # what is left unread would reset the connection
    socket.socket.sendall(request, _USE_HTTPS)
