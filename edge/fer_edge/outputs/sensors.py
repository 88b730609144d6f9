"""What the sensors of one camera tell a broker, by topic."""

from __future__ import annotations

from fer_core.values import Frame, Gap
from fer_edge.faces.analysis import Analysis
from fer_edge.outputs.home_assistant import FaceState, camera_topic

BLIND_SECONDS = 15.0
"""How long no frame may come before a camera's sensors count as unavailable."""


class CameraSensors:
    """Whether a camera sees anything, and what its sensors show."""

    def __init__(self, device_topic: str, camera: str) -> None:
        """Begin with nobody in sight.

        Args:
            device_topic: What all topics of the device begin with.
            camera: Its name; empty where the run has one without a name.
        """
        self.topic = camera_topic(device_topic, camera)
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
        return {f"{self.topic}/availability": available} | self._state.payloads(seen)
