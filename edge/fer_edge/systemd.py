"""What a service says to the systemd that started it, without libsystemd: sd_notify(3)."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

_SEND_SECONDS = 1.0


def notify(state: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Send lines such as `READY=1` to `$NOTIFY_SOCKET`; return whether they were taken.

    It never fails: without the variable, on a system without Unix sockets and with nobody
    listening any more the answer is False, after a second at most.
    """
    address = environment.get("NOTIFY_SOCKET", "")
    family = getattr(socket, "AF_UNIX", None)  # Windows has none
    if not address or family is None:
        return False
    if address.startswith("@"):  # a name in the abstract namespace
        address = "\0" + address[1:]
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sender:
            sender.settimeout(_SEND_SECONDS)
            sender.connect(address)
            sender.sendall(state.encode())
    except OSError:
        return False
    return True


def is_supervised(environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether whoever started this program wants to be notified."""
    return bool(environment.get("NOTIFY_SOCKET"))
