"""What waits for a broker that comes and goes: no event is lost uncounted, no old state stays."""

from __future__ import annotations

from collections import deque
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from fer_edge.outputs.mqtt import output as mqtt
from fer_edge.outputs.mqtt.output import MqttOutput
from fer_edge.outputs.mqtt.settings import MqttSettings
from fer_edge.outputs.stamp import Stamp
from mqtt_broker import FRAME, event, model, seen, showing

pytest.importorskip("paho.mqtt", reason="paho-mqtt is not installed")
QUEUE, FULL = 30, 15
"""Messages that the client keeps; its answer to one more (MQTT_ERR_QUEUE_SIZE)."""


class FakeClient:
    """paho's client by its documentation: numbers and keeps messages, resends them after an outage.

    Attributes:
        queue: What the broker has not acknowledged, in its order.
        retained: What the broker keeps, by topic.
        events: What came at the broker of all else.
    """

    def __init__(self) -> None:
        self.queue: deque[tuple[int, str, str, bool]] = deque()
        self.retained: dict[str, str] = {}
        self.events: list[str] = []
        self.connected, self._number = False, 0
        self.on_connect: Any = None
        self.on_disconnect: Any = None
        self.on_publish: Any = None

    def publish(self, topic: str, payload: str, qos: int = 0, retain: bool = False) -> Any:
        self._number += 1
        if len(self.queue) >= QUEUE:
            return SimpleNamespace(rc=FULL, mid=self._number)
        self.queue.append((self._number, topic, payload, retain))
        return SimpleNamespace(rc=0 if self.connected else 4, mid=self._number)

    def acknowledge(self) -> None:
        """Let the broker take the first message and say so."""
        number, topic, payload, retain = self.queue.popleft()
        if retain:
            self.retained[topic] = payload
        else:
            self.events.append(payload)
        self.on_publish(self, None, number, None, None)

    def connect(self, refused: bool) -> None:
        self.connected = not refused
        self.on_connect(self, None, None, SimpleNamespace(is_failure=refused), None)

    def lose(self) -> None:
        self.connected = False
        self.on_disconnect(self, None, None, None, None)

    def __getattr__(self, name: str) -> Any:  # what is set up, and subscriptions
        return lambda *given, **named: None


class Outbox(RuleBasedStateMachine):
    """Events and states while the broker connects, refuses, acknowledges and goes away."""

    def __init__(self) -> None:
        super().__init__()
        self.client = FakeClient()
        with mock.patch.object(mqtt, "mqtt_client", return_value=self.client):
            settings = MqttSettings("localhost", 1883, "hall")
            self.output = MqttOutput(settings, model, Stamp("hall"))
        self.sent: list[str] = []
        self.number = 0

    @rule(label=st.sampled_from(["calm", "glad"]), count=st.integers(1, 8))
    def something_happens(self, label: str, count: int) -> None:
        for _ in range(count):
            self.number += 1
            told = event("changed", self.number, label)
            dropped = self.output.dropped
            self.output.write(FRAME, showing(seen(1, 30), events=[told]))
            if self.output.dropped == dropped:
                self.sent.append(told.to_json())

    @rule()
    def nobody_is_in_sight(self) -> None:
        self.output.write(FRAME, showing())

    @precondition(lambda self: not self.client.connected)
    @rule(refused=st.booleans())
    def the_broker_answers(self, refused: bool) -> None:
        self.client.connect(refused)

    @precondition(lambda self: self.client.connected)
    @rule()
    def the_broker_goes_away(self) -> None:
        self.client.lose()

    @precondition(lambda self: self.client.connected and self.client.queue)
    @rule(count=st.integers(1, 20))
    def the_broker_acknowledges(self, count: int) -> None:
        for _ in range(min(count, len(self.client.queue))):
            self.client.acknowledge()

    @precondition(lambda self: self.client.connected)
    @rule()
    def all_is_settled_at_last(self) -> None:
        for _ in range(1000):
            if not self.client.queue:
                break
            self.client.acknowledge()
        assert self.output._is_settled()
        known = self.output._known
        assert {topic: self.client.retained.get(topic) for topic in known} == known
        assert self.output.delivered == len(self.sent)

    @invariant()
    def no_event_is_lost_uncounted(self) -> None:
        waiting = [text for _, _, text, retained in self.client.queue if not retained]
        assert len(self.client.events) == self.output.delivered
        assert len(self.client.events) + len(waiting) == len(self.sent)
        assert self.output.delivered + len(waiting) + self.output.dropped == self.number

    @invariant()
    def events_come_in_their_order(self) -> None:
        numbers = [
            text.partition('"track_id": ')[2].partition(",")[0] for text in self.client.events
        ]
        assert numbers == sorted(numbers, key=int)


TestOutbox = Outbox.TestCase
