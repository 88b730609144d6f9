"""Publishing a bundle for a fleet: tried here first, signed, retained; and withdrawing it."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from fer_core.bundle import MOST_MODEL_BYTES, ModelBundle
from fer_core.errors import ArgumentError, FerError
from fer_edge.deployment.announcement import (
    EVERYBODY,
    Announcement,
    Signed,
    announced_at,
    signed_payload,
)
from fer_edge.deployment.signing.keys import SigningKey
from fer_edge.fleet.devices import GONE
from fer_edge.fleet.fleet import Fleet
from fer_edge.fleet.listener import FleetListener
from fer_edge.inference.self_test import load_checked
from fer_edge.outputs.mqtt.report import TAKES_NONE
from fer_edge.outputs.mqtt.settings import MqttSettings

CONNECT_SECONDS, LISTEN_SECONDS = 10.0, 1.0
"""How long the broker may take to answer, and to send what it keeps."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """What was published.

    Attributes:
        announcement: What the devices were told.
        devices: Those that the broker knows, by name: why each takes no bundle, "" if it does.
    """

    announcement: Announcement
    devices: Mapping[str, str]


def push(
    settings: MqttSettings,
    file: Path,
    key: SigningKey,
    device: str = EVERYBODY,
    check: Callable[[Path], ModelBundle] = load_checked,
) -> Pushed:
    """Publish a bundle for all devices or one.

    Args:
        settings: Where the broker is.
        file: The bundle.
        key: What signs it.
        device: Which one it is for, EVERYBODY for all.
        check: Returns the bundle in a file if it runs here.

    Raises:
        ArgumentError: No device can be called so.
        FerError: The bundle does not run, or the broker does not take it.
    """
    _check_name(device)
    bundle, content = check(file), file.read_bytes()
    if len(content) > MOST_MODEL_BYTES:
        raise FerError(f"a device takes at most {MOST_MODEL_BYTES >> 20} MiB")
    fleet = Fleet()
    with FleetListener(settings, fleet) as broker:
        _wait_for(fleet, settings)
        mine = _own(fleet.published(), key)
        announcement = Announcement(
            bundle.name,
            bundle.manifest.sha256,
            hashlib.sha256(content).hexdigest(),
            len(content),
            device,
            next_number(mine),
        )
        broker.publish(announcement.content_topic, content)
        broker.publish(announced_at(device), signed_payload(announcement, key))
        for topic in _no_longer_needed(mine, {**mine, device: announcement}):
            broker.publish(topic, b"")
        return Pushed(announcement, _takers(fleet, announcement))


def withdraw(settings: MqttSettings, device: str = EVERYBODY) -> str:
    """Let the broker keep no bundle for all devices, or for one; return what it kept, if anything.

    Devices that have it go on with it.

    Args:
        settings: Where the broker is.
        device: Which one it was for, EVERYBODY for all.

    Raises:
        ArgumentError: No device can be called so.
        FerError: The broker does not take it.
    """
    _check_name(device)
    fleet = Fleet()
    with FleetListener(settings, fleet) as broker:
        _wait_for(fleet, settings)
        before = {name: signed.announcement for name, signed in fleet.published().items()}
        after = {name: each for name, each in before.items() if name != device}
        broker.publish(announced_at(device), b"")
        for topic in _no_longer_needed(before, after):
            broker.publish(topic, b"")
    return before[device].bundle if device in before else ""


def _check_name(device: str) -> None:
    """Raise ArgumentError for what is no name of a device, nor EVERYBODY."""
    if not re.fullmatch(r"[a-z0-9_-]{0,200}", device):
        raise ArgumentError(f"a device's name is made of a-z, 0-9, _ and -, got {device!r}")


def next_number(mine: Mapping[str, Announcement], wall: Callable[[], float] = time.time) -> int:
    """Return a number larger than those that were published: the time, where the clock is right."""
    return max(int(1000 * wall()), 1 + max((each.number for each in mine.values()), default=0))


def _wait_for(fleet: Fleet, settings: MqttSettings) -> None:
    """Wait until the broker has told what it keeps."""
    ends = time.monotonic() + CONNECT_SECONDS
    while not (broker := fleet.news()["broker"])["connected"]:
        if time.monotonic() > ends:
            where = f"{settings.host}:{settings.port}"
            raise FerError(f"the MQTT broker {where} cannot be reached: {broker['why']}")
        time.sleep(0.05)
    time.sleep(LISTEN_SECONDS)


def _own(published: Mapping[str, Signed], key: SigningKey) -> dict[str, Announcement]:
    """Return what this key has signed: anybody can write any number."""
    return {
        device: signed.announcement
        for device, signed in published.items()
        if signed.is_by(key.public)
    }


def _no_longer_needed(
    before: Mapping[str, Announcement], after: Mapping[str, Announcement]
) -> set[str]:
    """Return the topics of the files that no announcement names any more."""
    old, new = ({each.content_topic for each in some.values()} for some in (before, after))
    return old - new


def _takers(fleet: Fleet, announcement: Announcement) -> dict[str, str]:
    rows = [row for row in fleet.news()["devices"] if row["state"] != GONE]
    return {
        row["name"]: _why_not(row.get("bundle", ("", "", 0)), announcement.number)
        for row in rows
        if announcement.device in (EVERYBODY, row["name"])
    }


def _why_not(reported: tuple[str, str, int], number: int) -> str:
    """Return why a device takes no bundle of a number, as far as its report tells."""
    state, why, newest = reported
    if state == TAKES_NONE:
        return why
    return "it has had a newer one: is this computer's clock right?" if newest > number else ""
