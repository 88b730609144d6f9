"""Lines of text: JSON for programs, sentences for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from fer_core.errors import FerError
from fer_core.values import Frame, Observation
from fer_edge.events import ExpressionEvent
from fer_edge.sinks import Sink


class LineFile:
    """A text file, or stdout for `-`, that takes one line at a time and shows it at once."""

    def __init__(self, where: str) -> None:
        """Open it; raise FerError when it cannot be written."""
        self._where = where
        try:
            self._file: TextIO = (
                sys.stdout if where == "-" else Path(where).open("w", encoding="utf-8")  # noqa: SIM115  # closed by __exit__
            )
        except OSError as error:
            raise FerError(f"cannot write {where}: {error.strerror}") from error

    def write(self, line: str) -> None:
        """Write one line; raise FerError when the disk is full."""
        try:
            self._file.write(line + "\n")
            self._file.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise FerError(f"cannot write {self._where}: {error.strerror}") from error

    def __enter__(self) -> LineFile:
        return self

    def __exit__(self, *raised: object) -> None:
        if self._file is sys.stdout:
            return
        try:
            self._file.close()
        except OSError as closing:  # closing tries once more to write what is left
            if raised[1] is None:
                raise FerError(f"cannot write {self._where}: {closing.strerror}") from closing


class JsonSink(Sink):
    """One JSON line an observation."""

    def __init__(self, lines: LineFile) -> None:
        self._lines = lines

    def write(
        self,
        frame: Frame,
        observations: Sequence[Observation],
        events: Sequence[ExpressionEvent],
    ) -> None:
        """Write the frame's observations."""
        for observation in observations:
            self._lines.write(observation_json(frame.source, observation))


class EventSink(Sink):
    """One JSON line an event."""

    def __init__(self, lines: LineFile) -> None:
        self._lines = lines

    def write(
        self,
        frame: Frame,
        observations: Sequence[Observation],
        events: Sequence[ExpressionEvent],
    ) -> None:
        """Write the frame's events."""
        self.finish(events)

    def finish(self, events: Sequence[ExpressionEvent]) -> None:
        """Write the last events."""
        for event in events:
            self._lines.write(event.to_json())


class ConsoleSink(Sink):
    """What a person wants to read: each picture's faces, or a stream's changes."""

    def __init__(self, lines: LineFile) -> None:
        self._lines = lines

    def write(
        self,
        frame: Frame,
        observations: Sequence[Observation],
        events: Sequence[ExpressionEvent],
    ) -> None:
        """Write a line an event of a stream, or a line a face of a picture."""
        self.finish(events)
        alone = [seen for seen in observations if seen.track_id is None]
        for seen in alone:
            box = seen.face.box
            likely = ", ".join(f"{label} {share:.0%}" for label, share in seen.prediction.top(3))
            place = f"{box.width}x{box.height} at {box.x},{box.y}"
            self._lines.write(f"{frame.source}: face of {place}: {likely}")

    def finish(self, events: Sequence[ExpressionEvent]) -> None:
        """Write the last events."""
        for event in events:
            what = "left" if event.kind == "ended" else f"{event.label} {event.confidence:.0%}"
            self._lines.write(f"{event.at:8.2f} s  face {event.track_id}: {what}")


def observation_json(source: str, observation: Observation) -> str:
    """Return an observation as one JSON line, without the line's end."""
    box, prediction = observation.face.box, observation.prediction
    values = {
        "source": source,
        "frame": observation.frame_index,
        "time_s": round(observation.captured_at, 3),
        "track": observation.track_id,
        "box": [box.x, box.y, box.width, box.height],
        "label": observation.label,
        "confidence": round(observation.confidence, 4),
        "probabilities": {
            label: round(float(share), 4)
            for label, share in zip(prediction.labels, prediction.probabilities, strict=True)
        },
    }
    return json.dumps(values)
