"""paho's client with what each of ours has: bounded messages, the account, TLS."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

from fer_core.errors import FerError
from fer_edge.outputs.mqtt.settings import MqttSettings

MOST_MESSAGE_BYTES = 65_536
INSTALL = "MQTT needs paho-mqtt 2: pip install '.[mqtt]' in the folder of fer-edge-kit"


def mqtt_client(
    client_id: str,
    settings: MqttSettings,
    most_bytes: Callable[[], int] = lambda: MOST_MESSAGE_BYTES,
    too_large: Callable[[], None] = lambda: None,
    newest_protocol: bool = False,
) -> Any:
    """Return a client that is not connected yet, and ends a connection that brings too much.

    Args:
        client_id: What the broker knows it by.
        settings: Where the broker is.
        most_bytes: Returns how large a message may be now.
        too_large: Called when one was larger.
        newest_protocol: Whether to speak MQTT 5, not 3.1.1.

    Raises:
        FerError: paho-mqtt is missing.
    """
    try:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
    except ImportError as error:
        raise FerError(INSTALL) from error

    class BoundedClient(Client):
        def _sock_recv(self, bufsize: int) -> bytes:
            if bufsize > most_bytes():
                too_large()
                raise OSError(errno.EMSGSIZE, f"it sends a message of {bufsize:,} bytes")
            return bytes(super()._sock_recv(bufsize))

    versions = MQTTProtocolVersion
    protocol = versions.MQTTv5 if newest_protocol else versions.MQTTv311
    client = BoundedClient(CallbackAPIVersion.VERSION2, client_id, protocol=protocol)
    if settings.user:
        client.username_pw_set(settings.user, settings.password)
    if settings.tls:
        client.tls_set()
    return client


def queue_is_full(code: Any) -> bool:
    """Return whether what a client answered to a message says that it was dropped."""
    from paho.mqtt.enums import MQTTErrorCode

    return bool(code == MQTTErrorCode.MQTT_ERR_QUEUE_SIZE)
