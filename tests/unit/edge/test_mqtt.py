"""The MQTT output against a real broker, Debian's mosquitto, on the loopback."""

from __future__ import annotations

import contextlib
import gc
import json
import logging
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fer_core import __version__
from fer_core.errors import ArgumentError, FerError
from fer_core.values import Box, Face, Frame, Gap, Observation, Prediction
from fer_edge.events import ExpressionEvent
from fer_edge.sinks import mqtt
from fer_edge.sinks.home_assistant import ToldFaces
from fer_edge.sinks.mqtt import BLIND_SECONDS, MqttSettings, MqttSink

MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
PATIENCE_SECONDS = 5
LABELS = ("calm", "glad")
FRAME = Frame(np.zeros((4, 4, 3), np.uint8), 0, 0.0)
BASE = "fer-edge/hall"
SECRET = "s3cret-of-the-hall"


def wait_until(true: Callable[[], bool]) -> None:
    """Look again until it is true; fail after PATIENCE_SECONDS."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    pause = threading.Event()
    while not true():
        assert time.monotonic() < deadline, "this took too long"
        pause.wait(0.01)


def event(kind: str, track_id: int, label: str = "glad", share: float = 0.9) -> ExpressionEvent:
    return ExpressionEvent(kind, track_id, label, share, 0.5)


def ended(track_id: int) -> ExpressionEvent:
    return event("ended", track_id, "none", 0.0)


def seen(track_id: int, side_px: int) -> Observation:
    prediction = Prediction(np.array([0.25, 0.75], np.float32), LABELS)
    return Observation(0, 0.0, Face(Box(0, 0, side_px, side_px), 3.0), prediction, track_id)


class Broker:
    """A mosquitto that may be ended, frozen and started again at the same port."""

    def __init__(self, folder: Path) -> None:
        if MOSQUITTO is None:
            pytest.skip("mosquitto is not installed: apt install mosquitto")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._config = folder / "mosquitto.conf"
        self.log = folder / "mosquitto.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *settings: str) -> None:
        lines = settings or ("allow_anonymous true",)
        user = pwd.getpwuid(os.getuid()).pw_name
        listener = (f"user {user}", f"listener {self.port} 127.0.0.1")
        self._config.write_text("\n".join((*listener, "persistence false", *lines, "")))
        with self.log.open("ab") as log:
            command = [MOSQUITTO or "", "-c", str(self._config)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_until(self._listens)

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()
        with socket.socket() as door:
            return door.connect_ex(("127.0.0.1", self.port)) == 0

    def freeze(self) -> None:
        """Let it take what the network brings, and answer nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(PATIENCE_SECONDS)
            self._process = None


class Listener:
    """A subscriber of its own that keeps what comes."""

    def __init__(self, port: int) -> None:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        self.messages: list[tuple[str, str, bool]] = []
        self._ready = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = lambda _client, _data, message: self.messages.append(
            (message.topic, message.payload.decode(), message.retain)
        )
        self._client.connect("127.0.0.1", port)

    def __enter__(self) -> Listener:
        self._client.loop_start()
        assert self._ready.wait(PATIENCE_SECONDS)
        return self

    def __exit__(self, *raised: object) -> None:
        self._client.disconnect()
        with contextlib.suppress(AttributeError):  # paho forgets its thread once that has ended
            self._client.loop_stop()

    def all(self, leaf: str) -> list[str]:
        """Return every payload of a topic below BASE, or of a whole topic."""
        return [text for at, text, _ in list(self.messages) if at in {leaf, f"{BASE}/{leaf}"}]

    def last(self, leaf: str) -> str | None:
        return next(reversed(self.all(leaf)), None)

    def wait_for(self, leaf: str, payload: str) -> None:
        wait_until(lambda: self.last(leaf) == payload)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    pytest.importorskip("paho.mqtt.enums", reason="paho-mqtt 2 is not installed: extra [mqtt]")
    broker = Broker(tmp_path)
    try:
        yield broker
    finally:
        broker.end()


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    caplog.set_level(logging.WARNING)
    return lambda: [record.getMessage() for record in caplog.records]


def sink_at(broker: Broker, user: str = "", password: str = "") -> MqttSink:
    settings = MqttSettings("127.0.0.1", broker.port, "hall", user, password)
    return hurried(MqttSink(settings, LABELS))


def hurried(sink: MqttSink) -> MqttSink:
    """Let it try again after 0.1 s instead of 1 s."""
    sink._client._reconnect_min_delay = sink._client._reconnect_max_delay = 0.1
    return sink


def delivered(sink: MqttSink, count: int) -> None:
    wait_until(lambda: sink.delivered == count)


def test_a_device_without_pictures_is_unavailable_until_one_comes(broker: Broker) -> None:
    broker.start()
    with Listener(broker.port) as listener, sink_at(broker) as sink:
        sink.write(replace(FRAME, captured_at=1.0), [], [])
        listener.wait_for("availability", "online")
        sink.idle(Gap(BLIND_SECONDS), ())
        sink.idle(Gap(2 + BLIND_SECONDS), [ended(1)])
        listener.wait_for("availability", "offline")
        delivered(sink, 1)
        sink.write(replace(FRAME, captured_at=30.0), [], [])
        listener.wait_for("availability", "online")
    assert listener.all("availability") == ["online", "offline", "online", "offline"]


def test_home_assistant_finds_two_sensors(broker: Broker) -> None:
    broker.start()
    with Listener(broker.port) as listener, sink_at(broker):
        listener.wait_for("state", "none")
        expression, faces = (
            json.loads(listener.last(f"homeassistant/sensor/hall/{key}/config") or "")
            for key in ("expression", "faces")
        )
        assert listener.all("availability") == ["online"]
    assert expression["device_class"] == "enum"
    assert expression["options"] == ["calm", "glad", "none"]
    assert expression["unique_id"] == "fer-edge-hall-expression"
    assert expression["state_topic"] == f"{BASE}/state"
    assert expression["json_attributes_topic"] == f"{BASE}/attributes"
    assert "state_class" not in expression  # Home Assistant refuses it beside options
    assert faces["unique_id"] == "fer-edge-hall-faces"
    assert (faces["state_topic"], faces["state_class"]) == (f"{BASE}/faces", "measurement")
    for sensor in (expression, faces):
        assert sensor["availability_topic"] == f"{BASE}/availability"
        assert sensor["payload_available"] == "online"
        assert sensor["payload_not_available"] == "offline"
        assert sensor["device"]["identifiers"] == ["fer-edge-hall"]
        assert sensor["device"]["sw_version"] == sensor["origin"]["sw_version"] == __version__


def test_who_comes_late_sees_the_state_of_the_largest_told_face(broker: Broker) -> None:
    broker.start()
    events = [event("started", 1, "calm", 0.8), event("started", 2, "glad", 0.6)]
    with sink_at(broker) as sink:
        sink.write(FRAME, [seen(1, 30), seen(2, 60), seen(3, 90)], events)
        delivered(sink, 2)
        wait_until(sink._is_settled)
        with Listener(broker.port) as listener:
            listener.wait_for("state", "glad")
            listener.wait_for("faces", "2")
            known = {"faces": 2, "confidence": 0.6, "track": 2}
            wait_until(lambda: listener.last("attributes") is not None)
            assert json.loads(listener.last("attributes") or "") == known
            assert len(listener.messages) == 6
            assert all(retained for _, _, retained in listener.messages)
            assert listener.all("event") == []


def test_only_changes_are_sent_and_none_when_the_last_face_has_left(broker: Broker) -> None:
    broker.start()
    with Listener(broker.port) as listener, sink_at(broker) as sink:
        listener.wait_for("state", "none")
        told = [event("started", 7), event("changed", 7, "calm"), ended(7)]
        for one in told:
            for events in ([one], [], []):
                sink.write(FRAME, [seen(7, 30)], events)
                wait_until(sink._is_settled)
        wait_until(lambda: len(listener.all("event")) == 3)
        listener.wait_for("attributes", '{"faces": 0, "confidence": 0.0, "track": null}')
        listener.wait_for("state", "none")
        assert listener.all("state") == ["none", "glad", "calm", "none"]
        assert listener.all("faces") == ["0", "1", "0"]
        assert listener.all("event") == [one.to_json() for one in told]


def test_leaving_sends_the_last_and_says_offline(
    broker: Broker, warnings: Callable[[], list[str]]
) -> None:
    broker.start()
    with Listener(broker.port) as listener:
        with sink_at(broker) as sink:
            sink.write(FRAME, [seen(1, 30)], [event("started", 1)])
            sink.finish([ended(1)])
        assert (sink.delivered, sink.dropped) == (2, 0)
        listener.wait_for("availability", "offline")
        listener.wait_for("state", "none")
        assert listener.messages[-1][:2] == (f"{BASE}/availability", "offline")
    assert not [thread for thread in threading.enumerate() if "fer-edge" in thread.name]
    assert warnings() == []


KILLED = """
import sys
from fer_edge.sinks.mqtt import BLIND_SECONDS, MqttSettings, MqttSink
with MqttSink(MqttSettings("127.0.0.1", int(sys.argv[1]), "hall"), ["calm"]):
    sys.stdin.read()
"""


def test_a_runner_that_dies_is_offline(broker: Broker) -> None:
    broker.start()
    with Listener(broker.port) as listener:
        command = [sys.executable, "-c", KILLED, str(broker.port)]
        with subprocess.Popen(command, stdin=subprocess.PIPE) as runner:
            try:
                listener.wait_for("availability", "online")
            finally:
                runner.kill()
        listener.wait_for("availability", "offline")
    with Listener(broker.port) as late:
        late.wait_for("availability", "offline")


def test_a_broker_that_comes_back_gets_state_and_events(
    broker: Broker, warnings: Callable[[], list[str]]
) -> None:
    broker.start()
    with sink_at(broker) as sink:
        sink.write(FRAME, [seen(1, 30)], [event("started", 1)])
        delivered(sink, 1)
        broker.end()
        wait_until(lambda: len(warnings()) == 1)
        told = [event("changed", 1, label) for label in ("calm", "glad") * 30]
        for one in told:
            sink.write(FRAME, [seen(1, 30)], [one])
        broker.start()
        with Listener(broker.port) as listener:
            delivered(sink, 61)
            listener.wait_for("state", "glad")
            listener.wait_for("availability", "online")
            wait_until(lambda: listener.last("homeassistant/sensor/hall/faces/config") is not None)
        wait_until(sink._is_settled)
    assert sink.delivered + sink.dropped == 61
    away, back = warnings()
    assert "is away" in away
    assert "is back" in back


def test_an_old_state_does_not_come_after_the_newest(broker: Broker) -> None:
    broker.start()
    with sink_at(broker) as sink:
        wait_until(lambda: sink._online and sink._is_settled())
        broker.freeze()
        sink.write(FRAME, [seen(1, 30)], [event("started", 1, "glad")])
        broker.end()
        wait_until(lambda: sink._away)
        sink.write(FRAME, [], [ended(1)])
        broker.start()
        delivered(sink, 2)
        wait_until(sink._is_settled)
        with Listener(broker.port) as listener:
            listener.wait_for("state", "none")
            listener.wait_for("faces", "0")


def test_no_broker_neither_slows_nor_stops(
    broker: Broker, warnings: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    failures: list[object] = []
    lost = MqttSink._lost

    def counted(self: MqttSink, why: object) -> None:
        failures.append(why)
        lost(self, why)

    monkeypatch.setattr(MqttSink, "_lost", counted)
    slowest = 0.0
    with sink_at(broker) as sink:
        while len(failures) < 3:
            started = time.perf_counter()
            sink.write(FRAME, [seen(1, 30)], [event("changed", 1)])
            slowest = max(slowest, time.perf_counter() - started)
            threading.Event().wait(0.01)
            assert sink.dropped == 0
        sink.finish([ended(1)])
        count = len(sink._halves)
        started = time.perf_counter()
    assert time.perf_counter() - started < mqtt.CLOSING_SECONDS + 0.5
    assert slowest < 0.05
    assert (sink.delivered, sink.dropped) == (0, count)
    away, left = warnings()
    assert "Connection refused" in away
    assert f"has not got {count} events" in left


def test_what_does_not_fit_the_queue_is_counted_and_said_once(
    broker: Broker, warnings: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt, "QUEUED_MESSAGES", 5)
    with sink_at(broker) as sink:
        for _ in range(20):
            sink.write(FRAME, [seen(1, 30)], [event("changed", 1)])
        assert sink.dropped == 15
        broker.start()
        delivered(sink, 5)
        wait_until(sink._is_settled)
        with Listener(broker.port) as listener:
            listener.wait_for("state", "glad")
            listener.wait_for("availability", "online")
    assert (sink.delivered, sink.dropped) == (5, 15)
    assert sum("newer events are dropped" in line for line in warnings()) == 1


def test_a_broker_that_answers_nothing_does_not_hold_up_the_end(
    broker: Broker, warnings: Callable[[], list[str]]
) -> None:
    broker.start()
    with sink_at(broker) as sink:
        wait_until(lambda: sink._online and sink._is_settled())
        broker.freeze()
        sink.finish([ended(1), ended(2)])
        started = time.perf_counter()
    assert time.perf_counter() - started < mqtt.CLOSING_SECONDS + 0.5
    assert (sink.delivered, sink.dropped) == (0, 2)
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
        with sink_at(broker) as sink:
            sink.finish([ended(1)])
        go.set()
        wait_until(lambda: sink._client._thread is None)
        assert (sink.delivered, sink.dropped) == (0, 1)
        with Listener(broker.port):  # whatever was sent before this one has come
            pass
        assert set(listener.all("event") + listener.all("availability")) <= {"offline"}


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # paho leaves a refused socket
def test_a_connection_that_does_not_come_about_does_not_hold_up_the_end() -> None:
    pytest.importorskip("paho.mqtt.enums", reason="paho-mqtt 2 is not installed: extra [mqtt]")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = MqttSettings("127.0.0.1", silent.getsockname()[1], "hall", tls=True)
        with MqttSink(settings, LABELS) as sink:
            wait_until(lambda: sink._client._state.name == "MQTT_CS_CONNECTING")
            sink.finish([ended(1)])
            started = time.perf_counter()
        assert time.perf_counter() - started < mqtt.CLOSING_SECONDS + 0.5
    assert (sink.delivered, sink.dropped) == (0, 1)
    wait_until(lambda: sink._client._thread is None)
    gc.collect()


def test_a_wrong_password_is_said_once_and_not_shown(
    broker: Broker, warnings: Callable[[], list[str]], tmp_path: Path
) -> None:
    passwords = tmp_path / "passwords"
    maker = shutil.which("mosquitto_passwd")
    if maker is None:
        pytest.skip("mosquitto_passwd is not installed: apt install mosquitto")
    subprocess.run([maker, "-b", "-c", str(passwords), "fer", "right"], check=True, timeout=5)
    broker.start("allow_anonymous false", f"password_file {passwords}")
    with sink_at(broker, "fer", SECRET) as sink:
        wait_until(lambda: broker.log.read_text().count("not authorised") >= 3)
    (said,) = warnings()
    assert "refuses" in said
    assert "mqtt_password" in said
    assert SECRET not in said + repr(sink) + repr(sink.__dict__)
    with sink_at(broker, "fer", "right") as sink:
        wait_until(lambda: sink._online)
    assert len(warnings()) == 1


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # paho leaves a refused socket
def test_tls_trusts_only_what_the_system_trusts(
    broker: Broker,
    warnings: Callable[[], list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: apt install openssl")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    make = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1"
    names = ["-subj", "/CN=broker", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    command = ["openssl", *make.split(), *names, *files]
    subprocess.run(command, check=True, capture_output=True, timeout=5)
    broker.start("allow_anonymous true", f"keyfile {key}", f"certfile {certificate}")
    settings = MqttSettings.of(f"mqtts://127.0.0.1:{broker.port}", "hall", "", "")
    with MqttSink(settings, LABELS):
        wait_until(lambda: len(warnings()) == 1)
    gc.collect()
    assert "certificate verify failed" in warnings()[0]
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with MqttSink(settings, LABELS) as sink:
        wait_until(lambda: sink._online)


def test_without_paho_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "paho.mqtt.client", None)
    with pytest.raises(FerError, match=r"pip install '\.\[mqtt\]'"):
        MqttSink(MqttSettings("nowhere"), LABELS)


def test_faces_of_one_size_do_not_take_turns_and_a_missed_one_stays() -> None:
    faces = ToldFaces()
    shown: list[str] = []
    begin = [event("started", 1, "calm"), event("started", 2, "glad")]
    frames = [
        ([seen(1, 50), seen(2, 49)], begin),
        ([seen(1, 49), seen(2, 50)], []),
        ([seen(2, 50)], []),
        ([seen(1, 50), seen(2, 60)], []),
        ([], []),
        ([seen(1, 50)], [ended(2)]),
        ([], [ended(1)]),
    ]
    for observations, events in frames:
        faces.update(observations, events)
        shown.append(faces.payloads("")["/state"])
    assert shown == ["calm", "calm", "calm", "glad", "glad", "calm", "none"]


@pytest.mark.parametrize(
    ("address", "host", "port", "tls"),
    [
        ("mqtt://homeassistant.local", "homeassistant.local", 1883, False),
        ("mqtt://10.0.0.7:1884/", "10.0.0.7", 1884, False),
        ("mqtts://broker", "broker", 8883, True),
        ("mqtts://[::1]:8884", "::1", 8884, True),
    ],
)
def test_addresses_are_read(address: str, host: str, port: int, tls: bool) -> None:
    settings = MqttSettings.of(address, "hall", "fer", SECRET)
    assert settings == MqttSettings(host, port, "hall", "fer", SECRET, tls)
    assert SECRET not in repr(settings)


@pytest.mark.parametrize(
    "address",
    [
        "broker",
        "http://broker",
        "mqtt://",
        "mqtt://a:99999",
        "mqtt://a:0",
        "mqtt://a:x",
        "mqtt://a/b",
        "mqtt://a..b",
    ],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ArgumentError, match="mqtt must be") as refused:
        MqttSettings.of(address, "hall", "", "")
    assert address in str(refused.value)


def test_secrets_in_addresses_and_wrong_names_are_refused() -> None:
    with pytest.raises(ArgumentError, match="mode 0600") as refused:
        MqttSettings.of(f"mqtt://fer:{SECRET}@broker", "hall", "", "")
    assert SECRET not in str(refused.value)
    with pytest.raises(ArgumentError, match="mqtt_name must be"):
        MqttSettings.of("mqtt://broker", "the Hall", "", "")
    with pytest.raises(ArgumentError, match="needs an mqtt_user"):
        MqttSettings.of("mqtt://broker", "hall", "", SECRET)
