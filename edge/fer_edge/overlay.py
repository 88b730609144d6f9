"""Drawing what was seen onto a copy of the frame."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from fer_core.values import Frame, Observation, UInt8Array

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
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def draw_observations(frame: Frame, observations: Sequence[Observation]) -> UInt8Array:
    """Return a copy of the frame's pixels (h, w, 3) BGR with box, label and bars for each face."""
    canvas = frame.pixels.copy()
    unit = max(1.0, min(frame.width, frame.height) / 480)
    for observation in observations:
        _draw_face(canvas, observation, unit)
    return canvas


def _draw_face(canvas: UInt8Array, observation: Observation, unit: float) -> None:
    box, prediction = observation.face.box, observation.prediction
    colour = _COLOURS.get(prediction.label, _OTHER)
    corner = (box.x + box.width, box.y + box.height)
    cv2.rectangle(canvas, (box.x, box.y), corner, colour, round(2 * unit), cv2.LINE_AA)
    who = "" if observation.track_id is None else f"{observation.track_id}: "
    _draw_text(
        canvas, f"{who}{prediction.label} {prediction.confidence:.0%}", box.x, box.y, unit, colour
    )
    _draw_bars(canvas, observation, unit)


def _draw_text(
    canvas: UInt8Array, text: str, x: int, bottom: int, unit: float, colour: tuple[int, int, int]
) -> None:
    (width, height), _ = cv2.getTextSize(text, _FONT, 0.55 * unit, 1)
    pad = round(4 * unit)
    bottom = max(bottom, height + 2 * pad)  # stays inside the picture when the face touches its top
    x = max(0, min(x, canvas.shape[1] - width - 2 * pad))
    top_left = (x, bottom - height - 2 * pad)
    cv2.rectangle(canvas, top_left, (x + width + 2 * pad, bottom), colour, cv2.FILLED)
    place = (x + pad, bottom - pad)
    cv2.putText(canvas, text, place, _FONT, 0.55 * unit, (20, 20, 20), 1, cv2.LINE_AA)


def _draw_bars(canvas: UInt8Array, observation: Observation, unit: float) -> None:
    """Draw the probability of every class as a bar below the box, dark ground for contrast."""
    box, prediction = observation.face.box, observation.prediction
    row, left = round(13 * unit), max(0, box.x)
    wide = min(max(box.width, round(120 * unit)), canvas.shape[1] - left)
    top = min(box.y + box.height + round(4 * unit), canvas.shape[0] - row * len(prediction.labels))
    if top < 0 or wide <= 0:
        return
    area = canvas[top : top + row * len(prediction.labels), left : left + wide]
    np.multiply(area, 0.45, out=area, casting="unsafe")
    name_px = round(62 * unit)
    for index, (label, share) in enumerate(
        zip(prediction.labels, prediction.probabilities, strict=True)
    ):
        y = top + index * row
        bar = (left + name_px, y + round(3 * unit))
        end = (left + name_px + round(float(share) * (wide - name_px)), y + row - round(3 * unit))
        cv2.rectangle(canvas, bar, end, _COLOURS.get(label, _OTHER), cv2.FILLED)
        place = (left + round(3 * unit), y + row - round(3 * unit))
        cv2.putText(canvas, label, place, _FONT, 0.36 * unit, (255, 255, 255), 1, cv2.LINE_AA)
