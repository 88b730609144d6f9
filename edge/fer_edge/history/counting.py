"""From the faces of each frame to the seconds of each expression, by minute."""

from __future__ import annotations

from collections.abc import Iterable

from fer_core.values import Observation
from fer_edge.faces.seconds import ExpressionSeconds
from fer_edge.history.rows import Bucket, plain


class SecondsCounter:
    """Counts how long each expression is seen by a camera; the clock says which minute it was."""

    def __init__(self, camera: str) -> None:
        self._camera, self._seconds = plain(camera), ExpressionSeconds()

    def count(self, at: float, wall: float, faces: Iterable[Observation]) -> dict[Bucket, float]:
        """Return the seconds that a frame adds.

        Args:
            at: When it was taken, in seconds of the source's clock.
            wall: The same in seconds since 1970.
            faces: Those in it.
        """
        minute, added = int(wall // 60) * 60, dict[Bucket, float]()
        for (person, label), seconds in self._seconds.count(at, faces).items():
            bucket = Bucket(minute, self._camera, plain(person), plain(label))
            added[bucket] = added.get(bucket, 0.0) + seconds
        return added
