"""Clips of moments: what an expression looked like, with the seconds before and after."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass

from fer_core.opencv import cv2
from fer_core.values import Frame, Gap
from fer_edge.faces.analysis import Analysis
from fer_edge.faces.events import ExpressionEvent
from fer_edge.outputs import Output
from fer_edge.outputs.clips.writer import FPS, ClipWriter, KeptFrame
from fer_edge.stages import StageTimes

LONGEST_SECONDS = 3600.0
"""How long a clip may be; a moment that lasts longer goes on in another one."""
RING_BYTES = 64 << 20
"""How much the frames before a moment may take of memory, for each camera."""
BEHIND_SECONDS = 5.0
"""How far behind the encoder may be before frames of a clip are dropped."""
_JPEG_QUALITY, _SLACK_SECONDS = 90, 5e-3


@dataclass(frozen=True, slots=True)
class MomentSettings:
    """What is a moment, and how much of it is kept.

    Attributes:
        labels: What a face must look like; empty for any change.
        person: Who it must be; empty for anybody.
        before: Seconds that are kept before it.
        after: Seconds that are kept after it.
    """

    labels: Collection[str] = ()
    person: str = ""
    before: float = 5.0
    after: float = 5.0

    def wants(self, label: str, person: str) -> bool:
        """Return whether a face that looks so is one that was asked for."""
        return (not self.labels or label in self.labels) and self.person in ("", person)


class MomentsOutput(Output):
    """Keeps the last seconds of each camera as JPEGs, and has clips written of its moments.

    A moment begins with an event that was asked for, and lasts while the face looks so. Moments
    that are less than `before` and `after` apart share a clip.
    """

    def __init__(
        self, settings: MomentSettings, writer: ClipWriter, times: StageTimes | None = None
    ) -> None:
        """Take what a moment is and what writes clips; `times` counts the time of encoding."""
        self._settings, self._writer = settings, writer
        self._times = times or StageTimes()
        self._cameras: dict[str, _Camera] = {}

    def write(self, frame: Frame, seen: Analysis) -> None:
        """Keep a frame, and begin, continue or end a clip."""
        camera = self._cameras.setdefault(frame.camera, _Camera())
        now = frame.captured_at
        if now < camera.kept_at:  # a clock was set back
            self._end(frame.camera, camera)
            camera = self._cameras[frame.camera] = _Camera()
        if now - camera.kept_at >= 1 / FPS - _SLACK_SECONDS:
            with self._times.stage("encode"):
                quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
                _, jpeg = cv2.imencode(".jpg", frame.pixels, quality)
            camera.keep(KeptFrame(now, frame.wall_clock, jpeg.tobytes()))
        self._look(frame.camera, camera, now, seen)

    def idle(self, gap: Gap, seen: Analysis) -> None:
        """End a clip whose time is over."""
        if camera := self._cameras.get(gap.camera):
            self._look(gap.camera, camera, gap.at, seen)

    def finish(self, seen: Analysis) -> None:
        """End every clip."""
        for name, camera in self._cameras.items():
            if camera.until is not None:
                camera.hand_on(name, self._writer, camera.until)
                self._writer.dropped += camera.forget(camera.until)
            self._end(name, camera)

    def _look(self, name: str, camera: _Camera, now: float, seen: Analysis) -> None:
        began = next((event for event in seen.events if self._begins(event)), None)
        if began and camera.until is None:
            camera.forget(now - self._settings.before)
            camera.began_at, camera.what = now, (began.label, began.person)
            self._writer.begin(name, *camera.what)
        if began or (camera.until is not None and self._lasts(seen)):
            camera.until = now + self._settings.after
        if camera.until is None:
            camera.forget(now - self._settings.before)
            return
        camera.hand_on(name, self._writer, camera.until)
        self._writer.dropped += camera.forget(now - self._settings.before - BEHIND_SECONDS)
        if now > camera.until + self._settings.before and not camera.has(camera.until):
            self._end(name, camera)
        elif now - camera.began_at > LONGEST_SECONDS:
            camera.began_at = now
            self._writer.end(name)
            self._writer.begin(name, *camera.what)

    def _lasts(self, seen: Analysis) -> bool:
        """Return whether a face still looks so; any change is over at once."""
        wants, labels = self._settings.wants, self._settings.labels
        return bool(labels) and any(wants(face.label, face.person) for face in seen.present)

    def _begins(self, event: ExpressionEvent) -> bool:
        return event.kind != "ended" and self._settings.wants(event.label, event.person)

    def _end(self, name: str, camera: _Camera) -> None:
        if camera.until is not None:
            camera.until = None
            self._writer.end(name)


class _Camera:
    """The last seconds of a camera, and whether a clip is open."""

    def __init__(self) -> None:
        self.ring: deque[KeptFrame] = deque()
        self._bytes = 0
        self.kept_at, self.began_at = float("-inf"), 0.0
        self.what = ("", "")
        self.until: float | None = None

    def keep(self, frame: KeptFrame) -> None:
        """Keep a frame; the oldest go when they take too much."""
        self.kept_at = frame.at
        self.ring.append(frame)
        self._bytes += len(frame.jpeg)
        while self._bytes > RING_BYTES:
            self._oldest()

    def forget(self, before: float) -> int:
        """Let go of frames that are older; return how many there were."""
        count = len(self.ring)
        while self.ring and self.ring[0].at < before - _SLACK_SECONDS:
            self._oldest()
        return count - len(self.ring)

    def has(self, until: float) -> bool:
        """Return whether a frame up to then is kept."""
        return bool(self.ring) and self.ring[0].at <= until

    def hand_on(self, name: str, writer: ClipWriter, until: float) -> None:
        """Have the kept frames written, up to the end of the clip as it is known now.

        Those for which there is no room stay until there is.
        """
        while self.has(until) and writer.write(name, self.ring[0]):
            self._oldest()

    def _oldest(self) -> KeptFrame:
        """Take out the oldest frame."""
        frame = self.ring.popleft()
        self._bytes -= len(frame.jpeg)
        return frame
