"""The output of a run that keeps a history."""

from __future__ import annotations

from fer_core.values import Frame, Gap
from fer_edge.faces.analysis import Analysis
from fer_edge.history.counting import SecondsCounter
from fer_edge.history.rows import EventRow, plain
from fer_edge.history.writer import HistoryWriter
from fer_edge.outputs import Output

CAMERA = "camera"
"""What the one camera of a run is called. Its address would tell where it is, or a password."""


class HistoryOutput(Output):
    """Counts the seconds of each expression, and keeps the events, of faces that were announced."""

    def __init__(self, writer: HistoryWriter, camera: str = CAMERA) -> None:
        self._writer, self._camera = writer, plain(camera)
        self._counter, self._offset = SecondsCounter(camera), 0.0

    def write(self, frame: Frame, seen: Analysis) -> None:
        """Count the faces of a frame."""
        self._set_clock(frame.captured_at, frame.wall_clock)
        announced = {face.track_id for face in seen.present}
        faces = (face for face in seen.observations if face.track_id in announced)
        at = frame.captured_at
        self._writer.add(self._counter.count(at, at + self._offset, faces), self._events(seen))

    def idle(self, gap: Gap, seen: Analysis) -> None:
        """Keep what the gap has ended; it counts for nobody."""
        self._set_clock(gap.at, gap.wall_clock)
        self._counter.pause()
        self._writer.add({}, self._events(seen))

    def finish(self, seen: Analysis) -> None:
        """Keep the last events."""
        self._writer.add({}, self._events(seen))

    def _set_clock(self, at: float, wall: float | None) -> None:
        if wall is not None:
            self._offset = wall - at

    def _events(self, seen: Analysis) -> list[EventRow]:
        return [
            EventRow(
                round(event.at + self._offset, 3),
                self._camera,
                plain(event.person),
                event.kind,
                plain(event.label),
                round(event.confidence, 4),
                event.track_id,
            )
            for event in seen.events
        ]
