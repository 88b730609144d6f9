"""Which face is which, from frame to frame: one record a face, with one rule for its end."""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from fer_core.opencv import cv2
from fer_core.values import Box, Face, Frame, UInt8Array
from fer_edge.faces.detector import show_one_face
from fer_edge.faces.shrinking import thumbnail
from fer_edge.faces.smoothing import Expression

MIN_IOU = 0.2
"""The overlap (intersection over union) from which a face continues a track."""
MEMORY_SECONDS, MEMORY_FRAMES = 2.0, 3
"""A track ends once it was not seen for so long, and in so many frames: one missed frame on a slow
machine ends nothing."""
LONGEST_PACE_SECONDS = 10.0
"""The longest pause between two frames that counts as a source's pace, not as an outage."""
PACE_SECONDS = 1.0
"""The time constant of a face's pace: one that goes behind another shrinks and drifts first."""
COAST_SECONDS, COAST_FRAMES = 0.15, 1
"""A face that is missed still counts as in sight while either limit holds."""
CUT_CHANGE = 30.0
"""The mean change of a thumbnail in gray values, 0 to 255, from which the scene was cut. For the
sources of these numbers see docs/decisions/0010-tracks.md."""


@dataclass(slots=True)
class Identity:
    """Who a face is, by the answers so far.

    Attributes:
        name: The answer that counts, empty for nobody known.
        answer: The last answer, empty for nobody known.
        agreed: How many answers in a row were that one.
        asked_at: When it was asked last, in seconds of the frames' clock.
    """

    name: str = ""
    answer: str = ""
    agreed: int = 0
    asked_at: float = float("-inf")


@dataclass(slots=True, eq=False)
class Track:
    """One face over time. Times are in seconds of the frames' clock.

    Attributes:
        face: Where it was last detected.
        seen_at: When that was.
        thumbnail: What was in its box then, (THUMBNAIL_PX, THUMBNAIL_PX) uint8 gray.
        pace: How fast it moves lately, (x, y) in pixels a second.
        missed: How many frames have lacked it since.
        in_sight: Whether outputs show it: detected in the newest frame, or missed a moment ago.
        sightings: In how many frames it was detected.
        expression: None until the face was classified once.
        announced: Whether an event has told of it.
        announced_name: With which name.
    """

    track_id: int
    face: Face
    seen_at: float
    thumbnail: UInt8Array = field(repr=False)
    pace: tuple[float, float] = (0.0, 0.0)
    missed: int = 0
    in_sight: bool = True
    sightings: int = 1
    expression: Expression | None = None
    identity: Identity = field(default_factory=Identity)
    announced: bool = False
    announced_name: str = ""

    def see(self, face: Face, frame: Frame) -> None:
        """Take in that a frame shows the face."""
        if frame.captured_at > self.seen_at:
            moved = np.subtract(_center(face.box), _center(self.face.box))
            seconds = frame.captured_at - self.seen_at
            step = max(1 / self.sightings, 1 - math.exp(-seconds / PACE_SECONDS))
            across, down = self.pace + step * (moved / seconds - self.pace)
            self.pace = float(across), float(down)
        self.face, self.seen_at, self.missed = face, frame.captured_at, 0
        self.thumbnail = thumbnail(frame, face.box)
        self.in_sight, self.sightings = True, self.sightings + 1

    def likeness(self, face: Face, now: float) -> float:
        """Return how well a face continues this one, 0 to 1: where it was, or went to meanwhile."""
        box, seconds = self.face.box, now - self.seen_at
        x, y = round(box.x + self.pace[0] * seconds), round(box.y + self.pace[1] * seconds)
        went_to = Box(x, y, box.width, box.height)
        return max(box.iou(face.box), went_to.iou(face.box))

    def miss(self, frame: Frame, others: Sequence[Face]) -> None:
        """Take in that a frame lacks the face, which stays in sight for a moment.

        Not where another face stands now, nor where its place looks altogether different.

        Args:
            frame: The one that lacks it.
            others: The faces that it has.
        """
        self.missed += 1
        lately = frame.captured_at - self.seen_at <= COAST_SECONDS or self.missed <= COAST_FRAMES
        self.in_sight = self.in_sight and lately and not self._is_replaced(frame, others)

    def _is_replaced(self, frame: Frame, others: Sequence[Face]) -> bool:
        if any(show_one_face(self.face.box, other.box) for other in others):
            return True
        change = cv2.absdiff(thumbnail(frame, self.face.box), self.thumbnail)
        return float(np.mean(change)) >= CUT_CHANGE


class Tracks:
    """All tracks that have not ended. Frames come in the order of their time."""

    def __init__(self, ids: Iterator[int] | None = None) -> None:
        """Begin without any.

        Args:
            ids: Gives the ids of new tracks; they count from 1 if None.
        """
        self._tracks: dict[int, Track] = {}
        self._ids = ids or itertools.count(1)
        self._frame_at = 0.0
        self._intervals: deque[float] = deque([0.0], maxlen=2)

    @property
    def in_sight(self) -> tuple[Track, ...]:
        """The faces of the newest frame, the largest first."""
        seen = (track for track in self._tracks.values() if track.in_sight)
        return tuple(sorted(seen, key=lambda track: track.face.box.area_px, reverse=True))

    @property
    def expected(self) -> tuple[Face, ...]:
        """Where the faces of the newest frame were, also after a time without frames."""
        tracks = self._tracks.values()
        return tuple(each.face for each in tracks if each.in_sight or not each.missed)

    @property
    def announced(self) -> tuple[Track, ...]:
        """The faces that were told of and have not ended, in sight or not."""
        return tuple(track for track in self._tracks.values() if track.announced)

    def update(self, frame: Frame, faces: Sequence[Face]) -> tuple[Track, ...]:
        """Continue tracks with the faces of a frame; return those that have ended.

        A face continues the track that it overlaps most, where the track's face was or where it
        will have gone at its pace, from MIN_IOU on; else it begins a new one. No id is used again.
        """
        now = frame.captured_at
        self._intervals.append(now - self._frame_at)
        self._frame_at = now
        continued = self._matched(faces, now)
        for index, track_id in continued.items():
            self._tracks[track_id].see(faces[index], frame)
        for track in self._tracks.values():
            if track.track_id not in continued.values():
                track.miss(frame, faces)
        ended = self._end(now)
        for index, face in enumerate(faces):
            if index not in continued:
                self._begin(face, frame)
        return ended

    def scale(self, factor: float) -> None:
        """Take in that frames are so many times larger from now on."""
        for track in self._tracks.values():
            track.face = track.face.times(factor)
            track.pace = (factor * track.pace[0], factor * track.pace[1])

    def idle(self, now: float) -> tuple[Track, ...]:
        """Take in that no frame has come until `now`; return the tracks that have ended.

        The silence counts as the frames that would have come at the source's own pace: a camera of
        one picture in five seconds is not away after one.

        Args:
            now: In seconds of the frames' clock.
        """
        for track in self._tracks.values():
            track.in_sight = False
        pace = min(*self._intervals, LONGEST_PACE_SECONDS)
        return self._end(now, (now - self._frame_at) / pace if pace else math.inf)

    def renew(self) -> tuple[Track, ...]:
        """End every track, and begin new ones for the faces in sight; return those that ended."""
        ended = self.finish()
        for old in ended:
            if old.in_sight:
                new = Track(next(self._ids), old.face, old.seen_at, old.thumbnail, old.pace)
                new.identity = replace(old.identity)
                self._tracks[new.track_id] = new
        return ended

    def finish(self) -> tuple[Track, ...]:
        """End every track; return them."""
        ended = tuple(self._tracks.values())
        self._tracks.clear()
        return ended

    def _matched(self, faces: Sequence[Face], now: float) -> dict[int, int]:
        """Return the id of the track that each face continues, by its index; greedily."""
        pairs = sorted(
            (
                (track.likeness(face, now), index, track.track_id)
                for track in self._tracks.values()
                for index, face in enumerate(faces)
            ),
            key=lambda pair: -pair[0],
        )
        ids: dict[int, int] = {}
        for overlap, index, track_id in pairs:
            if overlap >= MIN_IOU and index not in ids and track_id not in ids.values():
                ids[index] = track_id
        return ids

    def _begin(self, face: Face, frame: Frame) -> None:
        look = thumbnail(frame, face.box)
        new = Track(next(self._ids), face, frame.captured_at, look)
        self._tracks[new.track_id] = new

    def _end(self, now: float, silent_frames: float = 0.0) -> tuple[Track, ...]:
        """Forget tracks that were not seen for too long, by seconds and by frames."""
        ended = tuple(
            track
            for track in self._tracks.values()
            if now - track.seen_at > MEMORY_SECONDS
            and track.missed + silent_frames >= MEMORY_FRAMES
        )
        for track in ended:
            del self._tracks[track.track_id]
        return ended


def _center(box: Box) -> tuple[float, float]:
    return box.x + box.width / 2, box.y + box.height / 2
