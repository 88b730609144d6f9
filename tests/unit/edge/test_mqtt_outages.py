"""The MQTT output while its broker is away, frozen, slow or back again."""

from __future__ import annotations

import gc
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from fer_edge.faces.analysis import Analysis
from fer_edge.outputs.mqtt import output as mqtt
from fer_edge.outputs.mqtt.output import MqttOutput
from fer_edge.outputs.mqtt.settings import MqttSettings
from fer_edge.outputs.stamp import Stamp
from mqtt_broker import (
    FRAME,
    PATIENCE_SECONDS,
    Broker,
    Listener,
    delivered,
    ended,
    event,
    model,
    output_at,
    seen,
    showing,
    wait_until,
)


def test_a_broker_that_comes_back_gets_state_and_events(
    broker: Broker, warnings: Callable[[], list[str]]
) -> None:
    broker.start()
    with output_at(broker) as output:
        output.write(FRAME, showing(seen(1, 30), events=[event("started", 1)]))
        delivered(output, 1)
        broker.end()
        wait_until(lambda: len(warnings()) == 1)
        told = [event("changed", 1, label) for label in ("calm", "glad") * 30]
        for one in told:
            output.write(FRAME, showing(seen(1, 30), events=[one]))
        broker.start()
        with Listener(broker.port) as listener:
            delivered(output, 61)
            listener.wait_for("state", "glad")
            listener.wait_for("availability", "online")
            wait_until(lambda: listener.last("homeassistant/sensor/hall/faces/config") is not None)
        wait_until(output._is_settled)
    assert output.delivered + output.dropped == 61
    away, back = warnings()
    assert "is away" in away
    assert "is back" in back


def test_an_old_state_does_not_come_after_the_newest(broker: Broker) -> None:
    broker.start()
    with output_at(broker) as output:
        wait_until(lambda: output._online and output._is_settled())
        broker.freeze()
        output.write(FRAME, showing(seen(1, 30), events=[event("started", 1, "glad")]))
        broker.end()
        wait_until(lambda: output._away)
        output.write(FRAME, Analysis((), [ended(1)]))
        broker.start()
        delivered(output, 2)
        wait_until(output._is_settled)
        with Listener(broker.port) as listener:
            listener.wait_for("state", "none")
            listener.wait_for("faces", "0")


def test_no_broker_neither_slows_nor_stops(
    broker: Broker, warnings: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    failures: list[object] = []
    lost = MqttOutput._lost

    def counted(self: MqttOutput, why: object) -> None:
        failures.append(why)
        lost(self, why)

    monkeypatch.setattr(MqttOutput, "_lost", counted)
    slowest = 0.0
    with output_at(broker) as output:
        while len(failures) < 3:
            started = time.perf_counter()
            output.write(FRAME, showing(seen(1, 30), events=[event("changed", 1)]))
            slowest = max(slowest, time.perf_counter() - started)
            threading.Event().wait(0.01)
            assert output.dropped == 0
        output.finish(Analysis(events=[ended(1)]))
        count = len(output._halves)
        started = time.perf_counter()
    assert time.perf_counter() - started < mqtt.CLOSING_SECONDS + 0.5
    assert slowest < 0.25  # a connection that is waited for takes seconds
    assert (output.delivered, output.dropped) == (0, count)
    away, left = warnings()
    assert "Connection refused" in away
    assert f"has not got {count} events" in left


def test_what_does_not_fit_the_queue_is_counted_and_said_once(
    broker: Broker, warnings: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt, "QUEUED_MESSAGES", 5)
    with output_at(broker) as output:
        for _ in range(20):
            output.write(FRAME, showing(seen(1, 30), events=[event("changed", 1)]))
        assert output.dropped == 15
        broker.start()
        delivered(output, 5)
        wait_until(output._is_settled)
        with Listener(broker.port) as listener:
            listener.wait_for("state", "glad")
            listener.wait_for("availability", "online")
    assert (output.delivered, output.dropped) == (5, 15)
    assert sum("newer events are dropped" in line for line in warnings()) == 1


def test_a_broker_that_answers_nothing_does_not_hold_up_the_end(
    broker: Broker, warnings: Callable[[], list[str]]
) -> None:
    broker.start()
    with output_at(broker) as output:
        wait_until(lambda: output._online and output._is_settled())
        broker.freeze()
        output.finish(Analysis(events=[ended(1), ended(2)]))
        started = time.perf_counter()
    assert time.perf_counter() - started < mqtt.CLOSING_SECONDS + 0.5
    assert (output.delivered, output.dropped) == (0, 2)
    assert "has not got 2 events" in warnings()[-1]


def test_a_connection_that_comes_too_late_sends_nothing(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    go, connect = threading.Event(), socket.create_connection

    def slow(*arguments: Any, **more: Any) -> socket.socket:
        assert go.wait(PATIENCE_SECONDS)
        return connect(*arguments, **more)

    broker.start()
    with Listener(broker.port) as listener:
        monkeypatch.setattr(socket, "create_connection", slow)
        with output_at(broker) as output:
            output.finish(Analysis(events=[ended(1)]))
        go.set()
        wait_until(lambda: output._client._thread is None)
        assert (output.delivered, output.dropped) == (0, 1)
        with Listener(broker.port):  # whatever was sent before this one has come
            pass
        assert set(listener.all("event") + listener.all("availability")) <= {"offline"}


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # paho leaves a refused socket
def test_a_connection_that_does_not_come_about_does_not_hold_up_the_end() -> None:
    pytest.importorskip("paho.mqtt.enums", reason="paho-mqtt 2 is not installed: extra [mqtt]")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = MqttSettings("127.0.0.1", silent.getsockname()[1], "hall", tls=True)
        with MqttOutput(settings, model, Stamp("hall")) as output:
            wait_until(lambda: output._client._state.name == "MQTT_CS_CONNECTING")
            output.finish(Analysis(events=[ended(1)]))
            started = time.perf_counter()
        assert time.perf_counter() - started < mqtt.CLOSING_SECONDS + 0.5
    assert (output.delivered, output.dropped) == (0, 1)
    wait_until(lambda: output._client._thread is None)
    gc.collect()


class RudeBroker:
    """Takes every connection, says that all is well, and then does what it is told."""

    def __init__(self, then: bytes, closes: bool) -> None:
        self._then, self._closes = then, closes
        self.connections = 0
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = self._door.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                guest, _ = self._door.accept()
            except OSError:
                return
            self.connections += 1
            with guest:
                guest.settimeout(2)
                try:
                    guest.recv(4096)
                    guest.sendall(b"\x20\x02\x00\x00" + self._then)  # CONNACK
                    while not self._closes and guest.recv(65536):
                        continue
                except OSError:
                    continue

    def end(self) -> None:
        self._door.close()
        self._thread.join(5)


def test_a_broker_that_closes_every_connection_is_said_once(
    warnings: Callable[[], list[str]],
) -> None:
    pytest.importorskip("paho.mqtt.enums", reason="paho-mqtt 2 is not installed")
    rude = RudeBroker(b"", closes=True)
    output = MqttOutput(MqttSettings("127.0.0.1", rude.port, "hall"), model, Stamp("hall"))
    output._client._reconnect_min_delay = output._client._reconnect_max_delay = 0.05
    try:
        with output:
            wait_until(lambda: output._steadiness.is_flapping)
            assert output._client._reconnect_min_delay >= 2
    finally:
        rude.end()
    told = [line for line in warnings() if "ends every connection at once" in line]
    assert len(told) == 1
    assert "another device have the name hall" in told[0]
    assert len(warnings()) <= 6


def test_a_message_that_nobody_asked_for_is_not_taken(warnings: Callable[[], list[str]]) -> None:
    pytest.importorskip("paho.mqtt.enums", reason="paho-mqtt 2 is not installed")
    length = 200_000_000
    size = bytes(
        [length & 127 | 128, length >> 7 & 127 | 128, length >> 14 & 127 | 128, length >> 21]
    )
    rude = RudeBroker(b"\x30" + size + bytes(2_000_000), closes=False)  # PUBLISH
    output = MqttOutput(MqttSettings("127.0.0.1", rude.port, "hall"), model, Stamp("hall"))
    taken: list[int] = []
    theirs = output._client._sock_recv
    output._client._sock_recv = lambda size: (taken.append(size), theirs(size))[1]
    try:
        with output:
            wait_until(lambda: any("is away" in line for line in warnings()))
            assert max(taken) == length  # it was asked to, and refused
    finally:
        rude.end()
