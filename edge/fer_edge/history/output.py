"""The output of a run that keeps a history."""

from __future__ import annotations

from fer_core.values import Frame, Gap
from fer_edge.faces.analysis import Analysis
from fer_edge.faces.seconds import counted_faces
from fer_edge.history.counting import SecondsCounter
from fer_edge.history.rows import EventRow, plain
from fer_edge.history.writer import HistoryWriter
from fer_edge.outputs import Output

CAMERA = "camera"
"""What a camera without a name is called; its address might hold a password."""


class HistoryOutput(Output):
    """Counts the seconds of each expression, and keeps the events, of faces that were announced."""

    def __init__(self, writer: HistoryWriter) -> None:
        self._writer, self._offset = writer, 0.0
        self._counters: dict[str, SecondsCounter] = {}

    def write(self, frame: Frame, seen: Analysis) -> None:
        """Count the faces of a frame."""
        self._set_clock(frame.captured_at, frame.wall_clock)
        at, counter = frame.captured_at, self._counter(frame.camera)
        added = counter.count(at, at + self._offset, counted_faces(seen))
        self._writer.add(added, self._events(seen))

    def idle(self, gap: Gap, seen: Analysis) -> None:
        """Keep what the gap has ended."""
        self._set_clock(gap.at, gap.wall_clock)
        self._writer.add({}, self._events(seen))

    def finish(self, seen: Analysis) -> None:
        """Keep the last events."""
        self._writer.add({}, self._events(seen))

    def _counter(self, camera: str) -> SecondsCounter:
        return self._counters.setdefault(camera, SecondsCounter(_name(camera)))

    def _set_clock(self, at: float, wall: float | None) -> None:
        if wall is not None:
            self._offset = wall - at

    def _events(self, seen: Analysis) -> list[EventRow]:
        return [
            EventRow(
                round(event.at + self._offset, 3),
                _name(event.camera),
                plain(event.person),
                event.kind,
                plain(event.label),
                round(event.confidence, 4),
                event.track_id,
            )
            for event in seen.events
        ]


def _name(camera: str) -> str:
    return plain(camera or CAMERA)
