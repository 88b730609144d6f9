"""An MQTT broker, Debian's mosquitto, on the loopback, who listens to it and what is sent."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from fer_core.values import Box, Face, Frame, Observation, Prediction
from fer_edge.faces.analysis import Analysis
from fer_edge.faces.events import ExpressionEvent
from fer_edge.inference.models import ModelFacts
from fer_edge.outputs.mqtt.output import MqttOutput
from fer_edge.outputs.mqtt.settings import MqttSettings
from fer_edge.outputs.stamp import Stamp

MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
PATIENCE_SECONDS = 30
LABELS = ("calm", "glad")
FRAME = Frame(np.zeros((4, 4, 3), np.uint8), 0, 0.0)
BASE = "fer-edge/hall"
SECRET = "s3cret-of-the-hall"


def model() -> ModelFacts:
    return ModelFacts("test-int8", "ab" * 32, LABELS)


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


def showing(*faces: Observation, events: Sequence[ExpressionEvent] = ()) -> Analysis:
    """Return what a frame with these faces shows, all of them announced."""
    return Analysis(faces, tuple(events), present=faces)


def seen(track_id: int, side_px: int, glad: float = 0.75) -> Observation:
    prediction = Prediction(np.array([1 - glad, glad], np.float32), LABELS)
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
            (message.topic, message.payload.decode(errors="surrogateescape"), message.retain)
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


def output_at(broker: Broker, user: str = "", password: str = "") -> MqttOutput:
    settings = MqttSettings("127.0.0.1", broker.port, "hall", user, password)
    return hurried(MqttOutput(settings, model, Stamp("hall")))


def hurried(output: MqttOutput) -> MqttOutput:
    """Let it try again after 0.1 s instead of 1 s."""
    output._client._reconnect_min_delay = output._client._reconnect_max_delay = 0.1
    return output


def delivered(output: MqttOutput, count: int) -> None:
    wait_until(lambda: output.delivered == count)
