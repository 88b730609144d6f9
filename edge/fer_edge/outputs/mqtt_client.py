"""The client of paho-mqtt, which takes no large message."""

from __future__ import annotations

import errno
from typing import Any

from fer_core.errors import FerError

MOST_MESSAGE_BYTES = 65_536


def bounded_client(client_id: str) -> tuple[Any, Any]:
    """Return a client that takes no large message, and what it says when its queue is full.

    Args:
        client_id: Always the same, so that a lost connection's will comes before its successor.

    Raises:
        FerError: paho-mqtt is missing.
    """
    try:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
    except ImportError as error:
        raise FerError("MQTT needs paho-mqtt 2: pip install '.[mqtt]' beside fer-edge") from error

    class BoundedClient(Client):
        def _sock_recv(self, bufsize: int) -> bytes:
            if bufsize > MOST_MESSAGE_BYTES:  # nothing is subscribed to, so nobody asked for it
                raise OSError(errno.EMSGSIZE, f"it sends a message of {bufsize:,} bytes")
            return bytes(super()._sock_recv(bufsize))

    client = BoundedClient(CallbackAPIVersion.VERSION2, client_id)
    return client, MQTTErrorCode.MQTT_ERR_QUEUE_SIZE
