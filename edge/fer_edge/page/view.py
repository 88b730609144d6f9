"""What viewers see: the newest frame and its faces, drawn only when somebody looks."""

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
from fer_edge.outputs.overlay import draw_boxes
from fer_edge.page.pictures import SharedJpeg

STALE_SECONDS = 15.0
"""How long no frame may come before the runner counts as ill."""
_SPEED_SECONDS, _TIMELINE = 5.0, 200


@dataclass(frozen=True, slots=True, eq=False)
class _Told:
    """An event with a number that grows and the time of day, in seconds since 1970."""

    number: int
    wall: float
    event: ExpressionEvent


class LiveView(Output):
    """The newest frame for any number of viewers, each of whom may be slow.

    `write` only stores. Drawing and JPEG happen on a viewer's thread, once a frame however many
    look, and not at all when nobody does.

    Attributes:
        closing: Set when every viewer is to go.
        frames: How many were written.
        events: How many were told, by their kind.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._clock, self._wall = clock, wall
        self._changed, self._jpeg = threading.Condition(), SharedJpeg()
        self._frame: Frame | None = None
        self._observations: tuple[Observation, ...] = ()
        self._times: deque[float] = deque(maxlen=300)
        self._timeline: deque[_Told] = deque(maxlen=_TIMELINE)
        self._born = clock()
        self.closing = threading.Event()
        self._looking: Counter[str] = Counter()
        self.frames = 0
        self.events: Counter[str] = Counter()

    def write(self, frame: Frame, seen: Analysis) -> None:
        """Keep what was seen, and the frame when somebody looks."""
        with self._changed:
            self.frames += 1
            self._times.append(self._clock())
            self._observations = seen.observations
            if self.viewers:  # its pixels are only borrowed
                self._frame = Frame(
                    frame.pixels.copy(), self.frames, frame.captured_at, frame.source
                )
            self._tell(seen.events)

    def idle(self, gap: Gap, seen: Analysis) -> None:
        """Let nobody take the last picture and its faces for present ones."""
        with self._changed:
            self._forget()
            self._tell(seen.events)

    def finish(self, seen: Analysis) -> None:
        """Take the last events."""
        with self._changed:
            self._forget()
            self._tell(seen.events)

    def _forget(self) -> None:
        self._observations, self._frame = (), None

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
    def silent_seconds(self) -> float:
        """How long ago the last frame came, or the view was made."""
        with self._changed:
            return self._clock() - (self._times[-1] if self._times else self._born)

    def _speed(self) -> float:
        now = self._clock()
        lately = [at for at in self._times if now - at < _SPEED_SECONDS]
        span = now - lately[0] if len(lately) > 1 else 0.0
        return (len(lately) - 1) / span if span else 0.0

    def state(self, after_event: int = 0, viewer: str = "") -> dict[str, Any]:
        """Return what a page shows, as JSON values.

        Args:
            after_event: The number after which events are told.
            viewer: Who asks, by its own name: `looking` says whether it gets the live picture.
        """
        with self._changed:
            seen, told = self._observations, list(self._timeline)
            silent = self.silent_seconds
            state: dict[str, Any] = {
                "frames": self.frames,
                "frames_per_second": round(self._speed(), 1),
                "looking": self._looking[viewer] > 0,
            }
        return {
            **state,
            "silent_seconds": round(silent, 1),
            "ill": silent > STALE_SECONDS,
            "temperature_celsius": temperature_celsius(),
            "now": round(self._wall(), 3),
            "faces": [_face_json(observation) for observation in seen],
            "events": [_event_json(each) for each in told if each.number > after_event],
        }

    @contextmanager
    def watched(self, viewer: str = "") -> Iterator[None]:
        """Count a viewer of the live picture, by its own name, while the block runs."""
        with self._changed:
            self._looking[viewer] += 1
        try:
            yield
        finally:
            with self._changed:
                self._looking[viewer] -= 1
                self._looking += Counter()  # forgets those who left
                if not self._looking:
                    self._frame = None
                    self._jpeg.forget()

    @property
    def viewers(self) -> int:
        """How many look at the live picture."""
        return self._looking.total()

    def next_jpeg(self, after: int, seconds: float) -> tuple[int, bytes] | None:
        """Wait for a picture newer than number `after`, at most `seconds`.

        Returns:
            Its number and the annotated picture as JPEG; None when none came in time.
        """
        with self._changed:
            came = self._changed.wait_for(
                lambda: (
                    self.closing.is_set() or (self._frame is not None and self._frame.index > after)
                ),
                seconds,
            )
            frame, observations = self._frame, self._observations
        if not came or self.closing.is_set() or frame is None:
            return None
        return self._jpeg.of(frame.index, lambda: draw_boxes(frame, observations))

    def wait(self, seconds: float) -> None:
        """Wait until something is new or the view closes, at most so long."""
        with self._changed:
            if not self.closing.is_set():
                self._changed.wait(seconds)


def _face_json(seen: Observation) -> dict[str, Any]:
    return {
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
        "track": event.track_id,
        "person": event.person,
        "label": event.label,
        "confidence": round(event.confidence, 3),
    }
