"""Listens to the broker for a fleet, and publishes for it."""

from __future__ import annotations

import contextlib
import logging
import secrets
import sys
from typing import Any

from fer_core.errors import FerError
from fer_edge.fleet.fleet import TOPICS, Fleet
from fer_edge.outputs.mqtt.client import MOST_MESSAGE_BYTES, mqtt_client
from fer_edge.outputs.mqtt.settings import MqttSettings

LONGEST_WAIT_SECONDS, PUBLISH_SECONDS = 10, 60.0
log = logging.getLogger(__name__)


class FleetListener:
    """Hands what the broker says to a fleet while the block runs; it tries a lost broker anew.

    It speaks MQTT 5, where a broker is told not to send what is larger than MOST_MESSAGE_BYTES.
    """

    def __init__(self, settings: MqttSettings, fleet: Fleet) -> None:
        """Prepare the client; the broker is looked for when entering.

        Args:
            settings: Where the broker is.
            fleet: What is told.

        Raises:
            FerError: paho-mqtt is missing.
        """
        name = f"fer-edge-fleet-{secrets.token_hex(4)}"
        self._client = mqtt_client(name, settings, newest_protocol=True)
        self._broker, self._fleet = f"{settings.host}:{settings.port}", fleet
        self._said, self._online = "", False
        self._refusals: dict[int, str] = {}
        self._prepare(settings)

    def _prepare(self, settings: MqttSettings) -> None:
        from paho.mqtt.packettypes import PacketTypes
        from paho.mqtt.properties import Properties

        client = self._client
        limits = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        limits.MaximumPacketSize = MOST_MESSAGE_BYTES
        client.reconnect_delay_set(1, LONGEST_WAIT_SECONDS)
        client.on_connect = lambda _c, _d, _f, code, _p: self._answered(code.is_failure, str(code))
        client.on_disconnect = lambda *_: self._broke()
        client.on_publish = lambda _c, _d, number, code, _p: self._published(number, code)
        client.on_connect_fail = lambda *_: self._lost(str(sys.exc_info()[1]))  # in its `except`
        client.on_message = lambda _client, _data, message: self._fleet.hear(
            message.topic, bytes(message.payload), message.retain
        )
        client.connect_async(
            settings.host, settings.port, keepalive=30, clean_start=True, properties=limits
        )

    def __enter__(self) -> FleetListener:
        self._client.loop_start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._said = "ending"
        self._client.disconnect()
        with contextlib.suppress(AttributeError):  # paho forgets its thread once that has ended
            self._client.loop_stop()

    def publish(self, topic: str, payload: bytes) -> None:
        """Let the broker keep a message; wait until it has it.

        Raises:
            FerError: It did not take it in PUBLISH_SECONDS, or this user may not publish there.
        """
        try:
            sent: Any = self._client.publish(topic, payload, qos=1, retain=True)
            sent.wait_for_publish(PUBLISH_SECONDS)
            taken = sent.is_published()
        except (RuntimeError, ValueError) as error:  # paho's, for a connection that is gone
            raise FerError(f"the MQTT broker {self._broker} does not take it: {error}") from error
        if not taken:
            raise FerError(
                f"the MQTT broker {self._broker} has not taken {topic} in a minute: may a message "
                f"have {len(payload):,} bytes there?"
            )
        if why := self._refusals.pop(sent.mid, ""):
            raise FerError(
                f"the MQTT broker {self._broker} refuses {topic} ({why}): log in as a user who may "
                "write it, by --mqtt-user and $FER_EDGE_MQTT_PASSWORD"
            )

    def _published(self, number: int, code: Any) -> None:
        if code.is_failure:
            self._refusals[number] = str(code)

    def _answered(self, refused: bool, why: str) -> None:
        if refused:
            self._lost(f"it refuses fer-edge fleet ({why}): see mqtt_user and mqtt_password")
            return
        if self._said:
            log.warning("the MQTT broker %s is back", self._broker)
        self._said, self._online = "", True
        self._fleet.connected()
        self._client.subscribe([(topic, 1) for topic in TOPICS])

    def _broke(self) -> None:
        if self._online:  # else it was refused, which is told already
            self._lost("the connection broke")

    def _lost(self, why: str) -> None:
        self._online = False
        self._fleet.lost(why)
        if not self._said:
            log.warning("the MQTT broker %s is away: %s", self._broker, why)
            self._said = why
