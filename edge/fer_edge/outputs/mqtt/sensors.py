"""What the sensors of a run tell a broker, by topic: those of each camera and each known person."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterable, Sequence

from fer_core.text import to_bytes
from fer_core.values import Frame, Gap
from fer_edge.faces.analysis import Analysis
from fer_edge.faces.events import NONE
from fer_edge.inference.models import ModelFacts
from fer_edge.outputs.mqtt.home_assistant import (
    FaceState,
    availability_topic,
    camera_topic,
    discovery,
    person_discovery,
)
from fer_edge.outputs.mqtt.pictures import SharedPictures
from fer_edge.outputs.mqtt.settings import MqttSettings

BLIND_SECONDS = 15.0
"""How long no frame may come before a camera's sensors count as unavailable."""


class Sensors:
    """All that a broker keeps of a run: whether it lives, what it sees, which model it has."""

    def __init__(
        self,
        settings: MqttSettings,
        model: Callable[[], ModelFacts],
        cameras: Sequence[str],
        shared: SharedPictures,
        people: Sequence[str] = (),
    ) -> None:
        """Begin with nobody in sight.

        Args:
            settings: What the device is called, and what the topics of discovery begin with.
            model: Returns which bundle classifies now.
            cameras: What the run calls its cameras; one without a name is "".
            shared: What is told of pictures.
            people: The names of who is known: the broker may keep what an earlier run told.
        """
        self.topic = f"fer-edge/{settings.name}"
        self._name, self._prefix, self._model = settings.name, settings.discovery_prefix, model
        self._shared = shared
        self._cameras = {camera: _CameraSensors(self.topic, camera) for camera in cameras}
        self._people: dict[str, dict[str, str]] = {camera: {} for camera in cameras}
        self._known_people: dict[str, str] = {}
        self._know(people)
        self._told_model: ModelFacts | None = None

    def event_topic(self, camera: str) -> str:
        """Return where the events of a camera go."""
        return f"{self.camera_topic(camera)}/event"

    def camera_topic(self, camera: str) -> str:
        """Return what the topics of a camera begin with."""
        return self._cameras[camera].topic

    def start(self) -> dict[str, str]:
        """Return what is known by topic before anything was seen."""
        online = {f"{self.topic}/availability": "online"}
        entities = self._shared.discovery(self._name, self._prefix, tuple(self._cameras))
        clips = [self._clip(camera) for camera in self._cameras]
        known = {at: text for each in clips for at, text in each.items()}
        return {**self._news_of_the_model(), **entities, **online, **known, **self.nobody()}

    def nobody(self) -> dict[str, str]:
        """Return what is known by topic where nobody is before a camera."""
        for camera in self._people:
            self._people[camera] = {}
        sensors = self._cameras.values()
        known = {at: text for each in sensors for at, text in each.payloads(Analysis()).items()}
        return {**known, **self._people_known()}

    def see(self, newest: Frame | Gap, seen: Analysis) -> dict[str, str]:
        """Return what is known by topic, once a frame has come or none has."""
        here = {face.person: face.label for face in seen.present if face.person}
        self._people[newest.camera] = here
        new = [person for person in here if person not in self._known_people]
        self._know(new)
        sensors = {**self._cameras[newest.camera].see(newest, seen), **self._news_of_the_model()}
        sensors |= self._clip(newest.camera)
        return {**sensors, **self._person_discovery(new), **self._people_known()}

    def _know(self, people: Iterable[str]) -> None:
        for person in people:
            self._known_people[person] = _key(person, self._known_people.values())

    def _clip(self, camera: str) -> dict[str, str]:
        return self._shared.clip_payloads(self.camera_topic(camera), camera)

    def _people_known(self) -> dict[str, str]:
        """Return how each known person looks, and which camera sees them."""
        known: dict[str, str] = {}
        for person, key in self._known_people.items():
            where = [camera for camera, here in self._people.items() if person in here]
            camera = where[-1] if where else ""
            topic = f"{self.topic}/person/{key}"
            told = {"name": person, **({"camera": camera} if camera else {})}
            known[f"{topic}/attributes"] = json.dumps(told)
            known[f"{topic}/state"] = self._people[camera][person] if where else NONE
        return known

    def _person_discovery(self, people: Sequence[str]) -> dict[str, str]:
        labels, known = self._model().labels, self._known_people
        pairs = [
            person_discovery(self._name, labels, self._prefix, who, known[who]) for who in people
        ]
        return dict(pairs)

    def _news_of_the_model(self) -> dict[str, str]:
        """Return what is known of another model than before by topic, its labels first."""
        if (model := self._model()) == self._told_model:
            return {}
        self._told_model = model
        sensors = discovery(self._name, model.labels, self._prefix, tuple(self._cameras))
        people = self._person_discovery(list(self._known_people))
        return {**sensors, **people, f"{self.topic}/model": model.mark}


def _key(person: str, taken: Collection[str]) -> str:
    """Return a person's name as a topic may hold it, unlike those that are taken."""
    plain = re.sub(r"[^a-z0-9]+", "-", person.lower()).strip("-")
    if plain == person.lower() and plain not in taken:
        return plain
    digits = hashlib.sha256(to_bytes(person)).hexdigest()[:6]
    return f"{plain}-{digits}".strip("-")


class _CameraSensors:
    """Whether a camera sees anything, and what its sensors show."""

    def __init__(self, device_topic: str, camera: str) -> None:
        self.topic = camera_topic(device_topic, camera)
        self._availability = availability_topic(device_topic, camera)
        self._state = FaceState(self.topic)
        self._seen_at: float | None = None

    def see(self, newest: Frame | Gap, seen: Analysis) -> dict[str, str]:
        """Return what is known by topic, once a frame has come or none has."""
        at = newest.captured_at if isinstance(newest, Frame) else newest.at
        if isinstance(newest, Frame) or self._seen_at is None:
            self._seen_at = at
        return self.payloads(seen, is_blind=at - self._seen_at > BLIND_SECONDS)

    def payloads(self, seen: Analysis, is_blind: bool = False) -> dict[str, str]:
        """Return what is known by topic."""
        available = "offline" if is_blind else "online"
        return {self._availability: available} | self._state.payloads(seen)
