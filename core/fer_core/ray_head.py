"""Whether the head of a Ray cluster can be reached, asked without Ray."""

from __future__ import annotations

import socket

from fer_core.errors import FerError

_CONNECT_SECONDS = 5.0


def require_listener(address: str) -> None:
    """Make sure that somebody listens at an address.

    Args:
        address: HOST:PORT of a head, or ray://HOST:PORT of its client server.

    Raises:
        FerError: Nobody does.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    option = "--ray-client-server-port" if address.startswith("ray://") else "--port"
    try:
        socket.create_connection((host.strip("[]"), int(port)), _CONNECT_SECONDS).close()
    except (OSError, ValueError) as error:
        raise FerError(
            f"no Ray answers at {host}:{port} ({error}): is the head started "
            f"(ray start --head {option} {port}), and does a firewall let it in?"
        ) from error
