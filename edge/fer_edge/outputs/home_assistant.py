"""What Home Assistant is told over MQTT: which sensors there are, and what they show."""

from __future__ import annotations

import json
from collections.abc import Sequence

from fer_core import __version__
from fer_core.values import Observation
from fer_edge.faces.events import NONE, ExpressionEvent

CLEARLY_LARGER = 1.25
_NOBODY = ExpressionEvent("ended", -1, NONE, 0.0, 0.0)


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
    return {
        f"{prefix}/sensor/{name}/expression/config": json.dumps({**expression, **shared}),
        f"{prefix}/sensor/{name}/faces/config": json.dumps({**faces, **shared}),
    }


class ToldFaces:
    """The faces that were told of and have not left; the largest of them is shown.

    A face that the newest frame misses keeps its size, and the shown one gives way only to one
    whose area is CLEARLY_LARGER times its own: two of about the same size do not take turns.
    """

    def __init__(self) -> None:
        self._told: dict[int, ExpressionEvent] = {}
        self._area_px: dict[int, int] = {}
        self._shown = _NOBODY.track_id

    def update(self, seen: Sequence[Observation], events: Sequence[ExpressionEvent]) -> None:
        """Take in what one frame has shown and changed."""
        self._told.update((event.track_id, event) for event in events)
        self._told = {track: event for track, event in self._told.items() if event.kind != "ended"}
        newest = {face.track_id: face.face.box.area_px for face in seen}
        area = {track: newest.get(track, self._area_px.get(track, 0)) for track in self._told}
        largest = max(area, key=area.__getitem__, default=_NOBODY.track_id)
        if area.get(largest, 0) >= CLEARLY_LARGER * area.get(self._shown, 0):
            self._shown = largest
        self._area_px = area

    def payloads(self, base: str) -> dict[str, str]:
        """Return what is known by topic: the state after the attributes that explain it.

        `confidence` and `track` are those of the event that was last told of the shown face.
        """
        shown, count = self._told.get(self._shown, _NOBODY), len(self._told)
        known: dict[str, object] = {
            "faces": count,
            "confidence": round(shown.confidence, 4),
            "track": None if shown is _NOBODY else shown.track_id,
        }
        if shown.person:
            known["person"] = shown.person
        return {
            f"{base}/faces": str(count),
            f"{base}/attributes": json.dumps(known),
            f"{base}/state": shown.label,
        }
