"""The same server over TLS: a visitor who never shakes hands costs no more than a slow one."""

from __future__ import annotations

import socket
import ssl
from http.server import BaseHTTPRequestHandler
from typing import Any

from fer_edge.page.bounded import BoundedServer

_USE_HTTPS = (
    b"HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"
    b"This page is encrypted: type https:// before the address.\n"
)
_MOST_DRAINED = 1 << 15


class EncryptedServer(BoundedServer):
    """Shakes hands on the thread of each connection; that time counts as the request's."""

    def __init__(
        self, host: str, port: int, handler: type[BaseHTTPRequestHandler], context: ssl.SSLContext
    ) -> None:
        """Bind the address.

        Raises:
            OSError: It cannot be had.
        """
        self._context = context
        super().__init__(host, port, handler)

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
