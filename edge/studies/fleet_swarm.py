"""Simulated devices of a fleet: MQTT connections of one process, which send what real ones send."""

from __future__ import annotations

import random
import selectors
import threading
import time
from dataclasses import replace
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from fer_core import __version__
from fer_edge.deployment.announcement import Announcement
from fer_edge.outputs.mqtt.report import (
    REPORT_SECONDS,
    BundleReport,
    CameraReport,
    Report,
    report_topic,
)

HOT, OTHER, SILENT, LOST = 10, 20, 5, 15
"""How many devices are hot, run another bundle, stop to report, and do not come back."""
REPORT = Report(
    __version__,
    3600,
    "fer-small-int8",
    "35" * 32,
    "kept",
    "",
    {"": CameraReport(54_000, 0.1)},
    52.0,
    "",
    {"events": 120, "frames_dropped": 3, "camera_reconnects": 0, "mqtt_delivered": 120},
    BundleReport(1, "taken"),
)
WANTED = Announcement("fer-small-int8", "35" * 32, "cd" * 32, 400_000, "", 1)


class Device:
    """One simulated device."""

    def __init__(self, number: int, port: int) -> None:
        self.name = f"device-{number:04}"
        self.report = REPORT
        if number < HOT:
            self.report = replace(REPORT, temperature_celsius=84.0, slowed="throttled")
        elif number < HOT + OTHER:
            self.report = replace(REPORT, model="fer-nano-int8", sha256="12" * 32)
        self.due, self.unanswered, self.next_try = 0.0, 0, 0.0
        self.watched: Any = None
        self._port = port
        self.client = Client(CallbackAPIVersion.VERSION2, f"fer-edge-{self.name}")
        self.client.will_set(self._topic("availability"), "offline", qos=1, retain=True)
        self.client.on_connect = lambda *_: self._begin()
        self.client.on_publish = lambda *_: self._answered()

    def _topic(self, leaf: str) -> str:
        return f"fer-edge/{self.name}/{leaf}"

    def connect(self) -> bool:
        """Return whether the broker took the connection."""
        try:
            self.client.connect("127.0.0.1", self._port, keepalive=30)
        except OSError:
            return False
        self.unanswered = 0
        return True

    def _begin(self) -> None:
        self.client.publish(self._topic("availability"), "online", qos=1, retain=True)
        self.unanswered += 1
        self.tell()
        self.due = time.monotonic() + random.uniform(0, REPORT_SECONDS)

    def _answered(self) -> None:
        self.unanswered -= 1

    def tell(self) -> None:
        """Report."""
        self.unanswered += 1
        topic = report_topic(self.name)
        self.client.publish(topic, self.report.to_json(), qos=1, retain=True)


class Swarm:
    """Keeps all devices going on one thread while the block runs.

    Attributes:
        silent: Those that report no more.
        lost: Those that do not come back.
        hurries: Whether each reports as soon as the one before is acknowledged.
    """

    def __init__(self, count: int, port: int) -> None:
        self.devices = [Device(number, port) for number in range(count)]
        self.silent: set[Device] = set()
        self.lost: set[Device] = set()
        self.hurries = False
        self._selector = selectors.DefaultSelector()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Swarm:
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._ending.set()
        self._thread.join(20)

    def _run(self) -> None:
        cared_at = 0.0
        while not self._ending.is_set():
            for key, _ in self._selector.select(0.02):
                key.data.client.loop_read()
            now = time.monotonic()
            for device in self.devices:
                self._care(device, now)
            if now - cared_at > 1:
                cared_at = now
                for device in self.devices:
                    device.client.loop_misc()

    def _care(self, device: Device, now: float) -> None:
        client = device.client
        if device.watched is not None and client.socket() is not device.watched:
            self._selector.unregister(device.watched)  # the connection broke
            device.watched, device.next_try = None, now + random.uniform(0, 2)
        if client.socket() is None:
            if device not in self.lost and now >= device.next_try:
                device.next_try = now + random.uniform(1, 2)
                if device.connect():
                    device.watched = client.socket()
                    self._selector.register(device.watched, selectors.EVENT_READ, device)
            return
        if client.is_connected() and device not in self.silent:
            if self.hurries and not device.unanswered:
                device.tell()
            elif now >= device.due:
                device.due = now + REPORT_SECONDS
                device.tell()
        if client.want_write():
            client.loop_write()
