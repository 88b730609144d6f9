"""Pictures and clips in Home Assistant: which entities there are, and what they show."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from fer_edge.outputs.clips.folder import ClipFacts
from fer_edge.outputs.mqtt.home_assistant import availability, camera_topic, config_of

UNKNOWN = "None"
"""What Home Assistant takes for a state that is not known."""


@dataclass(frozen=True, slots=True)
class SharedPictures:
    """What a broker is told of pictures: nothing that was not asked for.

    Attributes:
        pictures: Whether the picture of each change is sent.
        newest_clip: Returns the newest whole clip of a camera; None tells of no clips.
        page: The address of the page as other computers reach it, empty for none.
    """

    pictures: bool = False
    newest_clip: Callable[[str], ClipFacts | None] | None = None
    page: str = ""

    def discovery(self, name: str, prefix: str, cameras: Sequence[str]) -> dict[str, str]:
        """Return topic and JSON of the entities; an empty text removes one of an earlier run.

        Args:
            name: What the device is called.
            prefix: What the topics begin with.
            cameras: What the run calls its cameras; one without a name is "".
        """
        known = {}
        for camera in cameras:
            topic, text = _picture_config(name, prefix, camera)
            known[topic] = text if self.pictures else ""
            topic, text = _clip_config(name, prefix, camera)
            known[topic] = text if self.newest_clip else ""
        return known

    def clip_payloads(self, topic: str, camera: str) -> dict[str, str]:
        """Return what is known of a camera's newest clip by topic.

        Args:
            topic: What the topics of the camera begin with.
            camera: Its name.
        """
        if self.newest_clip is None:
            return {}
        clip = self.newest_clip(camera)
        facts: dict[str, object] = {}
        if clip:
            facts = {"file": clip.file, "label": clip.label, "seconds": clip.seconds}
            if clip.person:
                facts["person"] = clip.person
            if self.page:
                facts["url"] = f"{self.page}clips/video?{urlencode({'file': clip.file})}"
        return {
            f"{topic}/clip/attributes": json.dumps(facts),
            f"{topic}/clip": clip.time if clip and clip.time else UNKNOWN,
        }


def picture_topic(topic: str) -> str:
    """Return where a camera's pictures go, given what its topics begin with."""
    return f"{topic}/picture"


def _picture_config(name: str, prefix: str, camera: str) -> tuple[str, str]:
    """Return topic and JSON of a camera's last picture.

    The keys are those of https://www.home-assistant.io/integrations/image.mqtt/.
    """
    base, before = f"fer-edge/{name}", f"{camera}-" if camera else ""
    topic = camera_topic(base, camera)
    keys: dict[str, object] = {
        "name": f"{camera} last picture".strip().capitalize(),
        "unique_id": f"fer-edge-{name}-{before}picture",
        "image_topic": picture_topic(topic),
        "content_type": "image/jpeg",
        "availability": availability(base, camera),
    }
    return config_of(name, prefix, "image", f"{before}picture", keys)


def _clip_config(name: str, prefix: str, camera: str) -> tuple[str, str]:
    """Return topic and JSON of the sensor that says when a camera's newest clip began."""
    base, before = f"fer-edge/{name}", f"{camera}-" if camera else ""
    topic = camera_topic(base, camera)
    keys: dict[str, object] = {
        "name": f"{camera} last clip".strip().capitalize(),
        "unique_id": f"fer-edge-{name}-{before}clip",
        "device_class": "timestamp",
        "state_topic": f"{topic}/clip",
        "json_attributes_topic": f"{topic}/clip/attributes",
        "availability": availability(base),
    }
    return config_of(name, prefix, "sensor", f"{before}clip", keys)
