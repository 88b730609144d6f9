"""Your own output: every change as a row of a CSV file.

python examples/own_output.py clip.mp4 changes.csv    # or 0: the first camera, until Ctrl-C
"""

import csv
import sys
from contextlib import suppress
from pathlib import Path

import fer_edge


class CsvOutput(fer_edge.Output):
    """Writes when a face comes, changes its label, or leaves."""

    def __init__(self, file) -> None:
        self._rows = csv.writer(file)
        self._rows.writerow(("seconds", "face", "change", "label"))

    def write(self, frame: fer_edge.Frame, seen: fer_edge.Analysis) -> None:
        """Take a frame; its faces are in `seen.observations`."""
        self.finish(seen)

    def idle(self, gap, seen: fer_edge.Analysis) -> None:
        """Take what ended while the camera gave no frame."""
        self.finish(seen)

    def finish(self, seen: fer_edge.Analysis) -> None:
        """Take the last changes: every face leaves."""
        for event in seen.events:
            self._rows.writerow((round(event.at, 2), event.track_id, event.kind, event.label))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python examples/own_output.py CAMERA_OR_CLIP TABLE.csv")
    with Path(sys.argv[2]).open("w", newline="") as file, suppress(KeyboardInterrupt):
        fer_edge.ExpressionReader().run(sys.argv[1], CsvOutput(file))
