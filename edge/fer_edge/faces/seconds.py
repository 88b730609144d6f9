"""How long each expression is seen, from the faces of each frame."""

from __future__ import annotations

from collections.abc import Iterable

from fer_core.values import Observation
from fer_edge.faces.analysis import Analysis

MOST_SECONDS = 1.0
"""The most that the time between two frames counts: a pause of the camera adds nothing more."""


def counted_faces(seen: Analysis) -> list[Observation]:
    """Return the faces of a frame that count: those in sight that an event has announced."""
    announced = {face.track_id for face in seen.present}
    return [face for face in seen.observations if face.track_id in announced]


class ExpressionSeconds:
    """Counts how long each person's expressions are seen by one camera.

    A face that is in two frames in a row adds the time between them to the expression it had. That
    time is the source's own, which no setting of the clock changes.
    """

    def __init__(self) -> None:
        self._at = 0.0
        self._faces: dict[int, tuple[str, str]] = {}

    def count(self, at: float, faces: Iterable[Observation]) -> dict[tuple[str, str], float]:
        """Return the seconds that a frame adds, by person and label.

        Args:
            at: When it was taken, in seconds of the source's clock.
            faces: Those in it.
        """
        passed, before = min(at - self._at, MOST_SECONDS), self._faces
        self._at = at
        self._faces = {
            face.track_id: (face.person, face.label) for face in faces if face.track_id is not None
        }
        added: dict[tuple[str, str], float] = {}
        if passed > 0:
            for track in before.keys() & self._faces.keys():
                added[before[track]] = added.get(before[track], 0.0) + passed
        return added
