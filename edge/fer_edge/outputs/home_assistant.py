"""What Home Assistant is told over MQTT: which sensors there are, and what they show."""

from __future__ import annotations

import json
from collections.abc import Sequence

from fer_core import __version__
from fer_core.values import Observation
from fer_edge.faces.analysis import Analysis
from fer_edge.faces.events import NONE

CLEARLY_LARGER = 1.25


def discovery(name: str, labels: Sequence[str], prefix: str) -> dict[str, str]:
    """Return topic and JSON of the sensors that Home Assistant is to make by itself.

    The keys are those of https://www.home-assistant.io/integrations/sensor.mqtt/.
    """
    base, device = f"fer-edge/{name}", f"fer-edge-{name}"
    shared = {
        "availability_topic": f"{base}/availability",
        "payload_available": "online",
        "payload_not_available": "offline",
        "device": {
            "identifiers": [device],
            "name": name,
            "manufacturer": "fer-edge-kit",
            "model": "fer-edge",
            "sw_version": __version__,
        },
        "origin": {"name": "fer-edge-kit", "sw_version": __version__},
    }
    expression = {
        "name": "Expression",
        "unique_id": f"{device}-expression",
        "device_class": "enum",
        "options": [*labels, NONE],
        "state_topic": f"{base}/state",
        "json_attributes_topic": f"{base}/attributes",
    }
    faces = {
        "name": "Faces",
        "unique_id": f"{device}-faces",
        "state_class": "measurement",
        "state_topic": f"{base}/faces",
    }
    model = {
        "name": "Model",
        "unique_id": f"{device}-model",
        "entity_category": "diagnostic",
        "state_topic": f"{base}/model",
    }
    return {
        f"{prefix}/sensor/{name}/model/config": json.dumps({**model, **shared}),
        f"{prefix}/sensor/{name}/expression/config": json.dumps({**expression, **shared}),
        f"{prefix}/sensor/{name}/faces/config": json.dumps({**faces, **shared}),
    }


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
