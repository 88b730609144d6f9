"""What Home Assistant is told over MQTT: which sensors there are, and what they show."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from fer_core import __version__
from fer_core.values import Observation
from fer_edge.faces.analysis import Analysis
from fer_edge.faces.events import NONE

CLEARLY_LARGER = 1.25
UNNAMED = "camera"
"""What a camera without a name is called where it has a topic of its own."""


def camera_topic(device_topic: str, camera: str) -> str:
    """Return what the topics of a camera begin with: those of one without a name, the device's."""
    return f"{device_topic}/{camera}" if camera else device_topic


def discovery(
    name: str, labels: Sequence[str], prefix: str, cameras: Sequence[str] = ("",)
) -> dict[str, str]:
    """Return topic and JSON of the sensors that Home Assistant is to make by itself.

    The keys are those of https://www.home-assistant.io/integrations/sensor.mqtt/.

    Args:
        name: What the device is called.
        labels: Those of the model.
        prefix: What the topics begin with.
        cameras: What the run calls its cameras; one without a name is "".
    """
    base, device = f"fer-edge/{name}", f"fer-edge-{name}"
    model: dict[str, object] = {
        "name": "Model",
        "unique_id": f"{device}-model",
        "entity_category": "diagnostic",
        "state_topic": f"{base}/model",
        "availability": availability(base),
    }
    sensors = {"model": model}
    for camera in cameras:
        sensors |= _camera_sensors(base, device, labels, camera)
    return dict(config_of(name, prefix, "sensor", key, keys) for key, keys in sensors.items())


def person_discovery(
    name: str, labels: Sequence[str], prefix: str, person: str, key: str
) -> tuple[str, str]:
    """Return topic and JSON of the sensor of a known person, which says how they look.

    Args:
        name: What the device is called.
        labels: Those of the model.
        prefix: What the topics begin with.
        person: Their name.
        key: The same as topics may hold it.
    """
    base = f"fer-edge/{name}"
    keys: dict[str, object] = {
        "name": person,
        "unique_id": f"fer-edge-{name}-person-{key}",
        "device_class": "enum",
        "options": [*labels, NONE],
        "state_topic": f"{base}/person/{key}/state",
        "json_attributes_topic": f"{base}/person/{key}/attributes",
        "availability": availability(base),
    }
    return config_of(name, prefix, "sensor", f"person-{key}", keys)


def config_of(
    name: str, prefix: str, kind: str, key: str, keys: Mapping[str, object]
) -> tuple[str, str]:
    """Return topic and JSON of an entity, with what all entities of a device have.

    Args:
        name: What the device is called.
        prefix: What the topics begin with.
        kind: What the entity is, such as sensor.
        key: The last part of its id.
        keys: What it has of its own.
    """
    shared = {
        "availability_mode": "all",
        "device": {
            "identifiers": [f"fer-edge-{name}"],
            "name": name,
            "manufacturer": "fer-edge-kit",
            "model": "fer-edge",
            "sw_version": __version__,
        },
        "origin": {"name": "fer-edge-kit", "sw_version": __version__},
    }
    return f"{prefix}/{kind}/{name}/{key}/config", json.dumps({**keys, **shared})


def availability_topic(device_topic: str, camera: str) -> str:
    """Return where is told whether a camera gives pictures: never where its device lives or not."""
    return f"{device_topic}/{camera or UNNAMED}/availability"


def availability(base: str, camera: str | None = None) -> list[dict[str, str]]:
    """Return what says whether an entity is available: the device's topic, and that of a camera."""
    topics = [f"{base}/availability"]
    if camera is not None:
        topics.append(availability_topic(base, camera))
    return [{"topic": each} for each in topics]


def _camera_sensors(
    base: str, device: str, labels: Sequence[str], camera: str
) -> dict[str, dict[str, object]]:
    """Return the sensors of one camera by the last part of their ids."""
    topic = camera_topic(base, camera)
    before = f"{camera}-" if camera else ""
    available = availability(base, camera)
    expression: dict[str, object] = {
        "name": f"{camera} expression".strip().capitalize(),
        "unique_id": f"{device}-{before}expression",
        "device_class": "enum",
        "options": [*labels, NONE],
        "state_topic": f"{topic}/state",
        "json_attributes_topic": f"{topic}/attributes",
        "availability": available,
    }
    faces: dict[str, object] = {
        "name": f"{camera} faces".strip().capitalize(),
        "unique_id": f"{device}-{before}faces",
        "state_class": "measurement",
        "state_topic": f"{topic}/faces",
        "availability": available,
    }
    return {f"{before}expression": expression, f"{before}faces": faces}


class FaceState:
    """What the sensors show: the largest of the faces that are present.

    The face shown gives way only to one whose area is CLEARLY_LARGER times its own: two of about
    the same size do not take turns.
    """

    def __init__(self, base: str) -> None:
        """Take the topic that all others begin with."""
        self._base = base
        self._key: tuple[int, int | None] | None = None
        self._payloads: dict[str, str] = {}

    def payloads(self, seen: Analysis) -> dict[str, str]:
        """Return what is known by topic: the state after the attributes that explain it.

        They are those of the newest event, or of when the face shown changed last: a broker is not
        sent each frame's confidence.
        """
        shown = self._largest(seen.present)
        key = (len(seen.present), shown.track_id if shown else None)
        if seen.events or key != self._key:
            self._key, self._payloads = key, _payloads(self._base, len(seen.present), shown)
        return self._payloads

    def _largest(self, present: Sequence[Observation]) -> Observation | None:
        largest = max(present, key=lambda face: face.face.box.area_px, default=None)
        shown = [face for face in present if self._key and face.track_id == self._key[1]]
        if largest and shown:
            area = shown[0].face.box.area_px
            return largest if largest.face.box.area_px >= CLEARLY_LARGER * area else shown[0]
        return largest


def _payloads(base: str, count: int, shown: Observation | None) -> dict[str, str]:
    known: dict[str, object] = {
        "faces": count,
        "confidence": round(shown.confidence, 4) if shown else 0.0,
        "track": shown.track_id if shown else None,
    }
    if shown and shown.person:
        known["person"] = shown.person
    return {
        f"{base}/faces": str(count),
        f"{base}/attributes": json.dumps(known),
        f"{base}/state": shown.label if shown else NONE,
    }
