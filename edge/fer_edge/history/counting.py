"""From the faces of each frame to the seconds of each expression."""

from __future__ import annotations

from collections.abc import Iterable

from fer_core.values import Observation
from fer_edge.history.rows import Bucket, plain

MOST_SECONDS = 1.0
"""The most that the time between two frames counts: a pause of the camera adds nothing more."""


class SecondsCounter:
    """Counts how long each expression is seen.

    A face that is in two frames in a row adds the time between them to the expression it had. That
    time is the source's own, which no setting of the clock changes; the clock only says which
    minute it was.
    """

    def __init__(self, camera: str) -> None:
        self._camera, self._at = plain(camera), 0.0
        self._faces: dict[int, tuple[str, str]] = {}

    def count(self, at: float, wall: float, faces: Iterable[Observation]) -> dict[Bucket, float]:
        """Return the seconds that a frame adds.

        Args:
            at: When it was taken, in seconds of the source's clock.
            wall: The same in seconds since 1970.
            faces: Those in it.
        """
        minute, passed = int(wall // 60) * 60, min(at - self._at, MOST_SECONDS)
        before, self._at = self._faces, at
        self._faces = {
            face.track_id: (plain(face.person), plain(face.label))
            for face in faces
            if face.track_id is not None
        }
        added: dict[Bucket, float] = {}
        if passed > 0:
            for track in before.keys() & self._faces.keys():
                bucket = Bucket(minute, self._camera, *before[track])
                added[bucket] = added.get(bucket, 0.0) + passed
        return added

    def pause(self) -> None:
        """Let the time until the next frame count for nobody."""
        self._faces = {}
