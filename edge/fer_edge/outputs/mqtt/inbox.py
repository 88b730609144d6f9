"""What a device reads from a broker, where it reads anything."""

from __future__ import annotations

from collections.abc import Set
from typing import Any, Protocol

from fer_edge.outputs.mqtt.client import MOST_MESSAGE_BYTES


class Inbox(Protocol):
    """Takes messages; all is called by one thread, the client's."""

    @property
    def topics(self) -> Set[str]:
        """What is to be read now; a message may change it."""

    @property
    def most_bytes(self) -> int:
        """How large a message may be now."""

    def take(self, topic: str, payload: bytes) -> None:
        """Take a message, whatever it is; an error would end the client."""

    def too_large(self) -> None:
        """Take note that a message was larger than `most_bytes`."""


class EmptyInbox:
    """Reads nothing."""

    topics: Set[str] = frozenset()
    most_bytes = MOST_MESSAGE_BYTES

    def take(self, topic: str, payload: bytes) -> None:
        """Drop it: nobody asked for it."""

    def too_large(self) -> None:
        """Nobody asked for it."""


class Subscriptions:
    """Keeps a client subscribed to the topics of an inbox."""

    def __init__(self, client: Any, inbox: Inbox) -> None:
        self._client, self._inbox = client, inbox
        self._subscribed: Set[str] = frozenset()
        client.on_message = lambda _client, _data, message: self._take(message)

    def begin(self) -> None:
        """Subscribe anew: a new connection has no subscriptions."""
        self._subscribed = frozenset()
        self._follow()

    def _take(self, message: Any) -> None:
        self._inbox.take(message.topic, bytes(message.payload))
        self._follow()

    def _follow(self) -> None:
        wanted = frozenset(self._inbox.topics)
        for topic in sorted(wanted - self._subscribed):
            self._client.subscribe(topic, qos=1)
        for topic in sorted(self._subscribed - wanted):
            self._client.unsubscribe(topic)
        self._subscribed = wanted
