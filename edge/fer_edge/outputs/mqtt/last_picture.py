"""The picture of each change, as a broker gets it."""

from __future__ import annotations

import numpy as np

from fer_core.opencv import cv2
from fer_core.values import Frame
from fer_edge.faces.analysis import Analysis
from fer_edge.outputs.overlay import draw_boxes

LONGEST_SIDE_PX, PAUSE_SECONDS = 640, 1.0
_QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 80]


class LastPicture:
    """Makes a JPEG of a frame in which somebody came or changed; of each camera one a second."""

    def __init__(self) -> None:
        self._made_at: dict[str, float] = {}

    def of(self, frame: Frame, seen: Analysis) -> bytes | None:
        """Return the frame with its boxes, None where nothing changed or one was just made."""
        if not any(event.kind != "ended" for event in seen.events):
            return None
        passed = frame.captured_at - self._made_at.get(frame.camera, float("-inf"))
        if 0 <= passed < PAUSE_SECONDS:
            return None
        self._made_at[frame.camera] = frame.captured_at
        pixels = draw_boxes(frame, seen.observations)
        share = LONGEST_SIDE_PX / max(frame.width, frame.height)
        if share < 1:
            size = round(share * frame.width), round(share * frame.height)
            pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
        return cv2.imencode(".jpg", pixels, _QUALITY)[1].tobytes()
