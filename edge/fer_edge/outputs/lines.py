"""Lines of text: JSON for programs, sentences for people."""

from __future__ import annotations

import json
from collections.abc import Mapping

from fer_core.text import printable, printable_name
from fer_core.values import Frame, Gap, Observation
from fer_edge.faces.analysis import Analysis
from fer_edge.outputs import Output
from fer_edge.outputs.line_file import LineFile
from fer_edge.outputs.stamp import Stamp


class JsonOutput(Output):
    """One JSON line an observation."""

    def __init__(self, lines: LineFile, stamp: Stamp) -> None:
        self._lines, self._stamp = lines, stamp

    def write(self, frame: Frame, seen: Analysis) -> None:
        """Write the frame's observations."""
        self._stamp.see(frame)
        for observation in seen.observations:
            stamp = self._stamp.facts(observation.captured_at, observation.camera)
            self._lines.write(observation_json(observation, stamp, frame.reduced))


class EventOutput(Output):
    """One JSON line an event."""

    def __init__(self, lines: LineFile, stamp: Stamp) -> None:
        self._lines, self._stamp = lines, stamp

    def write(self, frame: Frame, seen: Analysis) -> None:
        """Write the frame's events."""
        self._stamp.see(frame)
        self.finish(seen)

    def idle(self, gap: Gap, seen: Analysis) -> None:
        """Write what the gap has ended."""
        self._stamp.see(gap)
        self.finish(seen)

    def finish(self, seen: Analysis) -> None:
        """Write the last events."""
        for event in seen.events:
            self._lines.write(event.to_json(self._stamp.facts(event.at, event.camera)))


class ConsoleOutput(Output):
    """What a person wants to read: each picture's faces, or a stream's changes."""

    def __init__(self, lines: LineFile, pictures: bool = False) -> None:
        """With `pictures` every one without a face gets a line too."""
        self._lines, self._pictures = lines, pictures

    def write(self, frame: Frame, seen: Analysis) -> None:
        """Write a line an event of a stream, or a line a face of a picture."""
        self.finish(seen)
        if self._pictures and not seen.observations:
            self._lines.write(f"{printable_name(frame.source)}: no face found")
        alone = [face for face in seen.observations if face.track_id is None]
        for face in alone:
            box = face.face.box.times(frame.reduced)
            likely = ", ".join(f"{label} {share:.0%}" for label, share in face.prediction.top(3))
            place = f"{box.width}x{box.height} at {box.x},{box.y}"
            who = face.person or "face"
            source = printable_name(frame.source)
            self._lines.write(printable(f"{source}: {who} of {place}: {likely}"))

    def idle(self, gap: Gap, seen: Analysis) -> None:
        """Write what the gap has ended."""
        self.finish(seen)

    def finish(self, seen: Analysis) -> None:
        """Write the last events."""
        for event in seen.events:
            what = "left" if event.kind == "ended" else f"{event.label} {event.confidence:.0%}"
            who = f" ({event.person})" if event.person else ""
            where = f"{event.camera}: " if event.camera else ""
            line = f"{event.at:8.2f} s  {where}face {event.track_id}{who}: {what}"
            self._lines.write(printable(line))


def observation_json(observation: Observation, stamp: Mapping[str, str], reduced: int = 1) -> str:
    """Return an observation as one JSON line, without the line's end.

    Args:
        observation: What was seen.
        stamp: What comes first, by its key.
        reduced: How many times the frame's sides those of the file are: the box is in its pixels.
    """
    box = observation.face.box.times(reduced)
    who = {"person": observation.person} if observation.person else {}
    values = {
        **stamp,
        "frame": observation.frame_index,
        "time_s": round(observation.captured_at, 3),
        "track": observation.track_id,
        **who,
        "box": [box.x, box.y, box.width, box.height],
        "roll_degrees": round(observation.face.roll_degrees, 1),
        **observation.prediction.to_json(digits=4),
    }
    return json.dumps(values)
