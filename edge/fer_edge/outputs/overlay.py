"""Drawing what was seen onto a copy of the frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fer_core.opencv import cv2
from fer_core.values import Box, Frame, Observation, Prediction, UInt8Array
from fer_edge.outputs.lettering import draw_text, text_size

_COLOURS = {
    "angry": (60, 60, 230),
    "disgust": (60, 150, 60),
    "fear": (180, 70, 150),
    "happy": (0, 200, 250),
    "sad": (220, 130, 40),
    "surprise": (0, 140, 255),
    "neutral": (200, 200, 200),
}
_OTHER = (220, 190, 60)
_ROW_PX = 13


def colour_of(label: str) -> tuple[int, int, int]:
    """Return the colour (B, G, R) of a label, the same one everywhere."""
    return _COLOURS.get(label, _OTHER)


def css_colour(label: str) -> str:
    """Return the colour of a label as style sheets write it."""
    blue, green, red = colour_of(label)
    return f"rgb({red} {green} {blue})"


def draw_observations(frame: Frame, observations: Sequence[Observation]) -> UInt8Array:
    """Return a copy of the frame's pixels (h, w, 3) BGR with box, label and bars for each face."""
    canvas, unit = draw_boxes(frame, observations), _unit(frame)
    taken = [observation.face.box for observation in observations]
    for observation in observations:
        panel = _panel_box(frame, observation, unit)
        if panel and not any(panel.iou(box) for box in taken):
            taken.append(panel)
            _draw_panel(canvas, panel, observation.prediction, unit)
    return canvas


def draw_boxes(frame: Frame, observations: Sequence[Observation]) -> UInt8Array:
    """Return a copy of the frame's pixels (h, w, 3) BGR with box and label for each face.

    The box leans as the face does, and as its crop is cut.
    """
    canvas = frame.pixels.copy()
    for observation in observations:
        _draw_face(canvas, observation, _unit(frame))
    return canvas


def _unit(frame: Frame) -> float:
    """Return how much larger than in 640x480 things are drawn."""
    return max(1.0, min(frame.width, frame.height) / 480)


def _panel_box(frame: Frame, observation: Observation, unit: float) -> Box | None:
    """Return where the bars of a face go, below its box, or None where they do not fit."""
    box = observation.face.box
    height = round(_ROW_PX * unit) * len(observation.prediction.labels)
    top = box.y + box.height + round(4 * unit)
    panel = Box(box.x, top, max(box.width, round(120 * unit)), height)
    return panel if panel.clipped(frame.width, frame.height) == panel else None


def _draw_face(canvas: UInt8Array, observation: Observation, unit: float) -> None:
    box = observation.face.box
    colour = colour_of(observation.label)
    middle = (box.x + box.width / 2, box.y + box.height / 2)
    square = (middle, (box.width, box.height), observation.face.roll_degrees)
    corners = np.rint(cv2.boxPoints(square)).astype(np.int32)
    cv2.polylines(canvas, [corners], True, colour, round(2 * unit), cv2.LINE_AA)
    who = observation.person or observation.track_id
    told = f"{'' if who is None else f'{who}: '}{observation.label} {observation.confidence:.0%}"
    _draw_text(canvas, told, box.x, box.y, unit, colour)


def _draw_text(
    canvas: UInt8Array, text: str, x: int, bottom: int, unit: float, colour: tuple[int, int, int]
) -> None:
    width, height = text_size(text, 0.55 * unit)
    pad = round(4 * unit)
    bottom = max(bottom, height + 2 * pad)  # stays inside the picture when the face touches its top
    x = max(0, min(x, canvas.shape[1] - width - 2 * pad))
    top_left = (x, bottom - height - 2 * pad)
    cv2.rectangle(canvas, top_left, (x + width + 2 * pad, bottom), colour, cv2.FILLED)
    draw_text(canvas, text, x + pad, bottom - pad, 0.55 * unit, (20, 20, 20))


def _draw_panel(canvas: UInt8Array, panel: Box, prediction: Prediction, unit: float) -> None:
    """Draw the probability of every class as a bar, on dark ground for contrast."""
    row, name_px, pad = round(_ROW_PX * unit), round(62 * unit), round(3 * unit)
    ground = canvas[panel.y : panel.y + panel.height, panel.x : panel.x + panel.width]
    np.multiply(ground, 0.45, out=ground, casting="unsafe")
    left = panel.x + name_px
    for index, label in enumerate(prediction.labels):
        top = panel.y + index * row
        length = round(float(prediction.probabilities[index]) * (panel.width - name_px))
        bar = (left, top + pad), (left + length, top + row - pad)
        cv2.rectangle(canvas, *bar, colour_of(label), cv2.FILLED)
        draw_text(canvas, label, panel.x + pad, top + row - pad, 0.36 * unit, (255, 255, 255))
