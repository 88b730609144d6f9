"""What viewers see of one camera: its newest frame and faces, drawn only when somebody looks."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from typing import Any

from fer_core.values import Frame, Observation
from fer_edge.faces.analysis import Analysis
from fer_edge.faces.seconds import ExpressionSeconds, counted_faces
from fer_edge.outputs.overlay import draw_boxes
from fer_edge.page.pictures import SharedJpeg

STALE_SECONDS = 15.0
"""How long no frame may come before a camera counts as ill."""
_SPEED_SECONDS = 5.0


class CameraView:
    """The newest frame of one camera. All but `jpeg` is called with the view's lock held.

    Attributes:
        frames: How many frames have come.
        faces: Those of the newest frame.
        looking: How often each viewer, by its own name, gets the live picture.
        seconds: How long each expression was seen, as a history counts it; people who are there
            together add up.
    """

    def __init__(self, name: str, clock: Callable[[], float]) -> None:
        self._name, self._clock, self._born = name, clock, clock()
        self._times: deque[float] = deque(maxlen=300)
        self._jpeg = SharedJpeg()
        self.frames = 0
        self.frame: Frame | None = None
        self.faces: tuple[Observation, ...] = ()
        self.looking: Counter[str] = Counter()
        self.seconds: dict[str, float] = {}
        self._counter = ExpressionSeconds()

    def see(self, frame: Frame, seen: Analysis) -> None:
        """Keep what was seen, and the frame when somebody looks."""
        self.frames += 1
        self._times.append(self._clock())
        added = self._counter.count(frame.captured_at, counted_faces(seen))
        for (_, label), seconds in added.items():
            self.seconds[label] = self.seconds.get(label, 0.0) + seconds
        self.faces = tuple(seen.observations)
        if self.looking:  # its pixels are only borrowed
            self.frame = Frame(frame.pixels.copy(), self.frames, frame.captured_at, frame.source)

    def forget(self) -> None:
        """Let nobody take the last picture and its faces for present ones."""
        self.faces, self.frame = (), None

    def look(self, viewer: str, change: int) -> None:
        """Count a viewer of the live picture, or one that leaves."""
        self.looking[viewer] += change
        self.looking += Counter()  # forgets those who left
        if not self.looking:
            self.frame = None
            self._jpeg.forget()

    @property
    def silent_seconds(self) -> float:
        """How long ago the last frame came, or the view was made."""
        return self._clock() - (self._times[-1] if self._times else self._born)

    def state(self, viewer: str) -> dict[str, Any]:
        """Return how this camera is, as JSON values."""
        silent = self.silent_seconds
        return {
            "camera": self._name,
            "frames": self.frames,
            "frames_per_second": round(self._speed(), 1),
            "looking": self.looking[viewer] > 0,
            "silent_seconds": round(silent, 1),
            "ill": silent > STALE_SECONDS,
            "faces": len(self.faces),
        }

    def _speed(self) -> float:
        now = self._clock()
        lately = [at for at in self._times if now - at < _SPEED_SECONDS]
        span = now - lately[0] if len(lately) > 1 else 0.0
        return (len(lately) - 1) / span if span else 0.0

    def jpeg(self, frame: Frame, faces: tuple[Observation, ...]) -> tuple[int, bytes]:
        """Return the newest number and annotated picture as JPEG; whoever comes first draws."""
        return self._jpeg.of(frame.index, lambda: draw_boxes(frame, faces))
