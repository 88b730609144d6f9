"""The page's server, on a thread of its own."""

from __future__ import annotations

import threading

from fer_core.errors import FerError
from fer_edge.page.bounded import BoundedServer
from fer_edge.page.requests import make_handler
from fer_edge.page.site import Site


class PageServer:
    """Serves a site while the block runs."""

    def __init__(self, site: Site) -> None:
        """Bind the site's address.

        Raises:
            FerError: It cannot be had.
        """
        where = site.access.address
        try:
            self._server = BoundedServer(where.host, where.port, make_handler(site))
        except OSError as error:
            raise FerError(f"cannot serve on {where.url}: {error.strerror or error}") from error
        self._site = site
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.2,), name="page", daemon=True
        )

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
        self._site.view.close()
        self._server.shutdown()
        self._server.close_all()
        self._thread.join()
