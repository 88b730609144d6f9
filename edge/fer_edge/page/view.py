"""What viewers see: the cameras of a run, their faces, and what has happened."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from fer_core.values import Frame, Gap, Observation
from fer_edge.board import temperature_celsius
from fer_edge.faces.analysis import Analysis
from fer_edge.faces.events import ExpressionEvent
from fer_edge.outputs import Output
from fer_edge.page.camera_view import CameraView

_TIMELINE = 200


@dataclass(frozen=True, slots=True, eq=False)
class _Told:
    """An event with a number that grows and the time of day, in seconds since 1970."""

    number: int
    wall: float
    event: ExpressionEvent


class LiveView(Output):
    """The newest frame of each camera for any number of viewers, each of whom may be slow.

    `write` only stores. Drawing and JPEG happen on a viewer's thread, once a frame however many
    look, and not at all when nobody does.

    Attributes:
        closing: Set when every viewer is to go.
        events: How many have happened, by kind.
    """

    def __init__(
        self,
        cameras: Sequence[str] = ("",),
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Begin with nobody in sight.

        Args:
            cameras: What the run calls its cameras; one without a name is "".
            clock: Gives seconds, and never goes back.
            wall: Gives seconds since 1970.
        """
        self._changed, self.closing = threading.Condition(), threading.Event()
        self._clock, self._wall, self._born = clock, wall, clock()
        self._cameras = {name: CameraView(name, clock) for name in cameras}
        self._timeline: deque[_Told] = deque(maxlen=_TIMELINE)
        self.events: Counter[str] = Counter()

    def write(self, frame: Frame, seen: Analysis) -> None:
        """Keep what was seen, and the frame when somebody looks."""
        with self._changed:
            self._cameras[frame.camera].see(frame, seen)
            self._tell(seen.events)

    def idle(self, gap: Gap, seen: Analysis) -> None:
        """Let nobody take the last picture and its faces for present ones."""
        with self._changed:
            self._cameras[gap.camera].forget()
            self._tell(seen.events)

    def finish(self, seen: Analysis) -> None:
        """Take the last events."""
        with self._changed:
            for camera in self._cameras.values():
                camera.forget()
            self._tell(seen.events)

    def close(self) -> None:
        """Let every viewer go."""
        self.closing.set()
        with self._changed:
            self._changed.notify_all()

    def _tell(self, events: Sequence[ExpressionEvent]) -> None:
        for event in events:
            self.events[event.kind] += 1
            self._timeline.append(_Told(self.events.total(), self._wall(), event))
        self._changed.notify_all()

    @property
    def cameras(self) -> tuple[str, ...]:
        """What the run calls its cameras."""
        return tuple(self._cameras)

    def camera_states(self, viewer: str = "") -> list[dict[str, Any]]:
        """Return how each camera is, as JSON values; for `viewer` see `state`."""
        with self._changed:
            return [camera.state(viewer) for camera in self._cameras.values()]

    def seconds(self) -> dict[str, dict[str, float]]:
        """Return how long each expression was seen, by camera and label."""
        with self._changed:
            return {name: dict(camera.seconds) for name, camera in self._cameras.items()}

    def state(self, after_event: int = 0, viewer: str = "") -> dict[str, Any]:
        """Return what a page shows, as JSON values.

        Args:
            after_event: The number after which events are told.
            viewer: Who asks, by its own name: `looking` says whether it gets the live picture.
        """
        with self._changed:
            cameras = self.camera_states(viewer)
            seen = [face for camera in self._cameras.values() for face in camera.faces]
            told = list(self._timeline)
        return {
            "cameras": cameras,
            "temperature_celsius": temperature_celsius(),
            "now": round(self._wall(), 3),
            "faces": [_face_json(observation) for observation in seen],
            "events": [_event_json(each) for each in told if each.number > after_event],
        }

    @contextmanager
    def watched(self, viewer: str = "", camera: str = "") -> Iterator[None]:
        """Count a viewer of a camera's live picture, by its own name, while the block runs."""
        view = self._cameras[camera]
        with self._changed:
            view.look(viewer, 1)
        try:
            yield
        finally:
            with self._changed:
                view.look(viewer, -1)

    @property
    def began(self) -> float:
        """When the view was made, in seconds since 1970, as the clock of the day tells now.

        At the start of a Pi without a battery for its clock that may be months off.
        """
        return self._wall() - (self._clock() - self._born)

    @property
    def viewers(self) -> int:
        """How many look at a live picture."""
        return sum(camera.looking.total() for camera in self._cameras.values())

    def next_jpeg(self, after: int, seconds: float, camera: str = "") -> tuple[int, bytes] | None:
        """Wait for a camera's picture newer than number `after`, at most `seconds`.

        Returns:
            Its number and the annotated picture as JPEG; None when none came in time.
        """
        view = self._cameras[camera]
        with self._changed:
            came = self._changed.wait_for(
                lambda: (
                    self.closing.is_set() or (view.frame is not None and view.frame.index > after)
                ),
                seconds,
            )
            frame, faces = view.frame, view.faces
        if not came or frame is None or self.closing.is_set():
            return None
        return view.jpeg(frame, faces)

    def wait(self, seconds: float) -> None:
        """Wait until something is new or the view closes, at most so long."""
        with self._changed:
            if not self.closing.is_set():
                self._changed.wait(seconds)


def _face_json(seen: Observation) -> dict[str, Any]:
    return {
        "camera": seen.camera,
        "track": seen.track_id,
        "person": seen.person,
        **seen.prediction.to_json(digits=3),
    }


def _event_json(told: _Told) -> dict[str, Any]:
    event = told.event
    return {
        "number": told.number,
        "wall": round(told.wall, 2),
        "kind": event.kind,
        "camera": event.camera,
        "track": event.track_id,
        "person": event.person,
        "label": event.label,
        "confidence": round(event.confidence, 3),
    }
