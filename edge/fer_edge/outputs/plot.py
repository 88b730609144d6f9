"""One picture beside its probabilities, as a figure for a report or a lesson."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from fer_core.opencv import cv2
from fer_core.values import Frame, Observation, Prediction, UInt8Array
from fer_edge.faces.analysis import Analysis
from fer_edge.outputs import Output
from fer_edge.outputs.lettering import draw_text
from fer_edge.outputs.overlay import colour_of, draw_boxes
from fer_edge.outputs.recording import save_picture
from fer_edge.stages import StageTimes

HEIGHT_PX = 720
PANEL_PX = (460, 330)
"""Width and least height of the bars of one face."""
MOST_FACES = 6
_PAPER, _INK = 250, (40, 40, 40)


class PlotOutput(Output):
    """Writes the annotated picture with a bar chart for each face, the largest faces first."""

    def __init__(self, path: Path, times: StageTimes | None = None) -> None:
        """Take a path whose suffix names a picture format."""
        self._path, self._times = path, times or StageTimes()

    def write(self, frame: Frame, seen: Analysis) -> None:
        """Draw and save the figure."""
        with self._times.stage("draw"):
            plot = draw_plot(frame, seen.observations)
        with self._times.stage("encode"):
            save_picture(self._path, plot)


def draw_plot(frame: Frame, observations: Sequence[Observation]) -> UInt8Array:
    """Return picture and bars side by side, (h, w, 3) BGR; faces are numbered when several."""
    shown = list(observations[:MOST_FACES])
    if len(shown) > 1:
        shown = [replace(seen, track_id=i) for i, seen in enumerate(shown, start=1)]
    scale = HEIGHT_PX / frame.height
    size = (max(1, round(frame.width * scale)), HEIGHT_PX)
    picture = cv2.resize(draw_boxes(frame, shown), size, interpolation=cv2.INTER_AREA)
    columns = 1 if len(shown) <= HEIGHT_PX // PANEL_PX[1] else 2
    rows = max(1, -(-len(shown) // columns))
    height = max(HEIGHT_PX, rows * PANEL_PX[1])
    canvas = np.full((height, size[0] + columns * PANEL_PX[0], 3), _PAPER, np.uint8)
    top = (height - HEIGHT_PX) // 2
    canvas[top : top + HEIGHT_PX, : size[0]] = picture
    for index, seen in enumerate(shown):
        row, column = divmod(index, columns)
        left, panel = size[0] + column * PANEL_PX[0], height // rows
        area = canvas[row * panel : (row + 1) * panel, left : left + PANEL_PX[0]]
        name = f"face {seen.track_id}: " if seen.track_id else ""
        _draw_bars(area, f"{name}{seen.label}", seen.prediction)
    if not shown:
        draw_text(canvas, "no face found", size[0] + 30, height // 2, 0.8, _INK)
    return canvas


def _draw_bars(area: UInt8Array, title: str, prediction: Prediction) -> None:
    """Draw a title and one bar a label into a part of the canvas."""
    height, width = area.shape[:2]
    count = len(prediction.labels)
    step = min(48, (height - 90) // count)
    top = (height - count * step - 50) // 2
    left, right = 150, width - 80
    draw_text(area, title, 30, top + 25, 0.8, _INK, 2)
    for index, label in enumerate(prediction.labels):
        share = float(prediction.probabilities[index])
        middle = top + 50 + index * step + step // 2
        draw_text(area, label, 30, middle + 6, 0.6, _INK)
        half = max(3, step // 2 - 5)
        cv2.rectangle(area, (left, middle - half), (right, middle + half), (232,) * 3, cv2.FILLED)
        end = left + round(share * (right - left))
        corner = (end, middle + half)
        cv2.rectangle(area, (left, middle - half), corner, colour_of(label), cv2.FILLED)
        draw_text(area, f"{share:.0%}", right + 10, middle + 6, 0.6, _INK)
