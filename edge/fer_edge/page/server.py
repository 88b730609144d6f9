"""A page's server, on a thread of its own."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable

from fer_core.errors import FerError
from fer_edge.page.access import ServeAddress
from fer_edge.page.bounded import BoundedServer
from fer_edge.page.web import WebRequest


class PageServer:
    """Serves a page while the block runs.

    Args:
        handler: What answers; its door has the address.
        closing: Called before the last viewer is let go.
        option: What the command calls the option with the port.
    """

    def __init__(
        self, handler: type[WebRequest], closing: Callable[[], None], option: str = "--serve"
    ) -> None:
        """Bind the address.

        Raises:
            FerError: It cannot be had.
        """
        self.door = handler.door
        where = self.door.access.address
        try:
            self._server = self._bind(where, handler)
        except OSError as error:
            words = error.strerror or str(error)
            if error.errno == errno.EADDRINUSE:
                words += f"; choose another port with {option}"
            raise FerError(f"cannot serve on {where.url}: {words}", see="port-in-use") from error
        self._closing = closing
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.2,), name="page", daemon=True
        )

    def _bind(self, where: ServeAddress, handler: type[WebRequest]) -> BoundedServer:
        if self.door.certificate is None:
            return BoundedServer(where.host, where.port, handler)
        from fer_edge.page.certificate import Certificate, own_certificate
        from fer_edge.page.encrypted import EncryptedServer

        def renewed() -> Certificate:
            return own_certificate(where)

        return EncryptedServer(where.host, where.port, handler, self.door.certificate, renewed)

    @property
    def port(self) -> int:
        """The port that was bound."""
        return int(self._server.server_address[1])

    @property
    def refused(self) -> int:
        """How many requests were turned away: too many, slow, large, or not allowed."""
        return self._server.refused

    def __enter__(self) -> PageServer:
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self.door.closing.set()
        self._closing()
        self._server.shutdown()
        self._server.close_all()
        self._thread.join()
