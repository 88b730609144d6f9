"""Which face is which, from frame to frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fer_core.values import Box, Face


@dataclass(slots=True)
class _Track:
    track_id: int
    box: Box
    seen_at: float


class IouTracker:
    """Gives a face the id of the track that its box overlaps most.

    A track that no face has continued for `memory_seconds` ends. `min_iou` is the least overlap
    that counts as the same face.
    """

    def __init__(self, min_iou: float = 0.2, memory_seconds: float = 1.0) -> None:
        self._min_iou, self._memory_seconds = min_iou, memory_seconds
        self._tracks: dict[int, _Track] = {}
        self._next_id = 1

    def update(self, faces: Sequence[Face], now: float) -> tuple[int, ...]:
        """Return a track id for each face; ids count from 1 and are never used again."""
        self.expire(now)
        pairs = sorted(
            (
                (track.box.iou(face.box), index, track)
                for track in self._tracks.values()
                for index, face in enumerate(faces)
            ),
            key=lambda pair: -pair[0],
        )
        ids: dict[int, int] = {}
        for overlap, index, track in pairs:
            if overlap >= self._min_iou and index not in ids and track.track_id not in ids.values():
                ids[index] = track.track_id
        for index, face in enumerate(faces):
            if index not in ids:
                ids[index], self._next_id = self._next_id, self._next_id + 1
            self._tracks[ids[index]] = _Track(ids[index], face.box, now)
        return tuple(ids[index] for index in range(len(faces)))

    def expire(self, now: float) -> tuple[int, ...]:
        """Forget tracks unseen for too long; return their ids."""
        gone = tuple(
            track.track_id
            for track in self._tracks.values()
            if now - track.seen_at > self._memory_seconds
        )
        for track_id in gone:
            del self._tracks[track_id]
        return gone

    @property
    def live(self) -> frozenset[int]:
        """The ids of the tracks that have not ended."""
        return frozenset(self._tracks)
