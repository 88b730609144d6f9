"""What the broker tells of all devices, for any number of viewers."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable
from time import monotonic
from typing import Any

from fer_core.errors import FerError
from fer_edge.deployment.announcement import EVERYBODY, Signed
from fer_edge.fleet.devices import GONE, Device
from fer_edge.outputs.mqtt.report import MOST_REPORT_BYTES, Report

MOST_DEVICES = 10_000
TOPICS = ("fer-edge/+/availability", "fer-edge/+/report", "fer-edge/+/bundle", "fer-edge/bundle")
_TOPIC = re.compile(r"fer-edge/(?:([a-z0-9_-]{1,200})/)?(availability|report|bundle)")
_ONLINE = {b"online": True, b"offline": False, b"": None}


class Fleet:
    """Every device by name. A change has a number that grows, so that viewers get news alone.

    While the broker is away, time stands still for the devices; afterwards each has as long to
    report as one that was just heard.

    Attributes:
        messages: How many messages have come.
        strange: How many of them were none of ours.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        """Begin without a broker.

        Args:
            clock: Gives seconds, and never goes back.
        """
        self._clock, self._lock = clock, threading.Lock()
        self._devices: dict[str, Device] = {}
        self._published: dict[str, Signed] = {}
        self._connected, self._changed_at, self._why = False, clock(), "not reached yet"
        self._number = self.messages = self.strange = 0

    def connected(self) -> None:
        """Note that the broker is there; it tells again what is published."""
        with self._lock:
            self._published.clear()
            self._connected, self._changed_at, self._why = True, self._clock(), ""

    def lost(self, why: str) -> None:
        """Note that the broker is away."""
        with self._lock:
            if self._connected:
                self._changed_at = self._clock()
            self._connected, self._why = False, why

    def hear(self, topic: str, payload: bytes, kept: bool) -> None:
        """Take a message of any kind.

        Args:
            topic: Where it was sent.
            payload: What was sent; empty where the broker keeps nothing any more.
            kept: Whether the broker had kept it, so that it may be old.
        """
        with self._lock:
            self.messages += 1
            try:
                self._take(topic, payload, kept)
            except FerError:
                self.strange += 1

    def _take(self, topic: str, payload: bytes, kept: bool) -> None:
        found = _TOPIC.fullmatch(topic)
        if found is None or len(payload) > MOST_REPORT_BYTES:
            raise FerError("it is no message of a device")
        name, kind = found[1] or EVERYBODY, found[2]
        if kind == "bundle":
            self._take_published(name, payload)
            return
        device, is_new = self._device(name), name not in self._devices
        if kind == "report":
            device.take(Report.from_json(payload, "a report") if payload else None, kept)
        elif payload in _ONLINE:
            device.online = _ONLINE[payload]
        else:
            raise FerError("a device is online or offline")
        self._devices[name] = device
        if is_new or not kept:  # a broker that is back sends old ones
            device.heard_at, device.is_fresh = self._clock(), not kept
        self._change(device)

    def _take_published(self, name: str, payload: bytes) -> None:
        if not payload:
            self._published.pop(name, None)
            return
        signed = Signed.read(payload)
        if signed.announcement.device != name or len(self._published) > MOST_DEVICES:
            raise FerError("it is published where it does not belong")
        self._published[name] = signed

    def _device(self, name: str) -> Device:
        """Return a device; a new one is not kept yet. Raise FerError for one too many."""
        if name in self._devices:
            return self._devices[name]
        if not name or len(self._devices) >= MOST_DEVICES:
            raise FerError("it is a device too many")
        return Device(name, self._clock())

    def _change(self, device: Device) -> None:
        self._number += 1
        device.number = self._number

    def published(self) -> dict[str, Signed]:
        """Return the bundles that are published, by device; their signatures are not checked."""
        with self._lock:
            return dict(self._published)

    def news(self, after: int = 0) -> dict[str, Any]:
        """Return how the fleet is, and the devices that have changed, as JSON values.

        Args:
            after: The number of the last change that is known.
        """
        with self._lock:
            now = self._clock()
            judged = Counter(mark for mark in self._judge(now) if mark != GONE)
            signed = self._published.get(EVERYBODY)
            wanted = signed.announcement if signed else None
            changed = [each for each in self._devices.values() if each.number > after]
            return {
                "number": self._number,
                "broker": self._broker(now),
                "counts": judged,
                "published": f"{wanted.bundle} {wanted.network[:12]}" if wanted else "",
                "published_for_some": len(self._published) - (signed is not None),
                "devices": [each.to_json(now) for each in changed],
                "messages": self.messages,
                "strange": self.strange,
            }

    def broker(self) -> dict[str, Any]:
        """Return whether the broker is there, since how many seconds, and why not."""
        with self._lock:
            return self._broker(self._clock())

    def _broker(self, now: float) -> dict[str, Any]:
        return {
            "connected": self._connected,
            "seconds": round(now - self._changed_at, 1),
            "why": self._why,
        }

    def _judge(self, now: float) -> list[str]:
        """Judge every device; return all states and marks."""
        at, since = (now, self._changed_at) if self._connected else (self._changed_at, 0.0)
        found: list[str] = []
        for device in self._devices.values():
            both = [self._published.get(each) for each in (EVERYBODY, device.name)]
            announced = [each.announcement for each in both if each]
            wanted = max(announced, key=lambda each: each.number, default=None)
            judged = device.judge(at, since, wanted)
            if judged != device.judged:
                device.judged = judged
                self._change(device)
            found += judged
        return found
