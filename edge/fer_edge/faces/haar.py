"""Where the faces of a picture are: OpenCV's Haar cascade (Viola and Jones, 2001)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from fer_core.errors import FerError
from fer_core.opencv import cv2
from fer_core.values import Box, Face, Frame, UInt8Array
from fer_edge.faces.detector import WINDOW_PX
from fer_edge.stages import StageTimes

CASCADE = "haarcascade_frontalface_default.xml"
SEARCHED_PIXELS = 4_000_000
"""Larger pictures are searched at this size: the cascade takes 60 bytes and 0.2 microseconds for
each pixel, and what it loses are faces below 24 pixels at this size."""
_SYSTEM_CASCADES = Path("/usr/share/opencv4/haarcascades")


class HaarCascade:
    """OpenCV's frontal-face cascade over gray pictures (h, w) uint8."""

    def __init__(self) -> None:
        """Load the cascade; raise FerError where there is none."""
        self._cascade = _load_cascade()

    def find(
        self,
        gray: UInt8Array,
        scale_factor: float,
        min_neighbors: int,
        min_size_px: int,
        max_size_px: int = 0,
    ) -> tuple[Face, ...]:
        """Return the faces, the largest first; the score is the cascade's last-stage weight.

        `scale_factor` is the step between the sizes searched for, `min_neighbors` how many
        overlapping hits make a face; a `max_size_px` of 0 means no limit.
        """
        boxes, _, weights = self._cascade.detectMultiScale3(
            gray,
            scaleFactor=scale_factor,
            minNeighbors=min_neighbors,
            minSize=(min_size_px, min_size_px),
            maxSize=(max_size_px, max_size_px),
            outputRejectLevels=True,
        )
        faces = [
            Face(Box(*(int(side) for side in box)), float(weight))
            for box, weight in zip(boxes, weights, strict=True)
        ]
        return tuple(sorted(faces, key=lambda face: face.box.area_px, reverse=True))


class HaarDetector:
    """Searches every size of a whole picture: slow and thorough, for single pictures.

    On 15 photos with 50 faces, 12 neighbours leave 49 of them and 2 false boxes.
    """

    def __init__(
        self,
        scale_factor: float = 1.1,
        min_neighbors: int = 12,
        min_size_px: int = WINDOW_PX,
        times: StageTimes | None = None,
    ) -> None:
        self._scale_factor, self._min_neighbors = scale_factor, min_neighbors
        self._min_size_px, self._times = min_size_px, times or StageTimes()
        self._cascade = HaarCascade()

    def detect(self, frame: Frame, known: Sequence[Face] = ()) -> tuple[Face, ...]:
        """Return the faces, the largest first, wherever they are."""
        with self._times.stage("search"):
            gray = to_gray(frame.pixels)
            scale = min(1.0, math.sqrt(SEARCHED_PIXELS / gray.size))
            faces = self._cascade.find(
                shrunk(gray, scale), self._scale_factor, self._min_neighbors, self._min_size_px
            )
            return faces if scale == 1 else tuple(_enlarged(faces, scale, frame))


def _enlarged(faces: Sequence[Face], scale: float, frame: Frame) -> Iterator[Face]:
    """Yield the faces of a picture that was scaled for the search, as they lie in the frame."""
    for face in faces:
        box = face.box.times(1 / scale).clipped(frame.width, frame.height)
        if box:
            yield Face(box, face.score)


def to_gray(pixels: UInt8Array) -> UInt8Array:
    """Return (h, w) uint8 of BGR pixels (h, w, 3)."""
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), np.uint8)


def shrunk(gray: UInt8Array, scale: float) -> UInt8Array:
    """Return a picture scaled by a factor below 1, itself otherwise."""
    if scale >= 1:
        return gray
    size = (max(1, round(gray.shape[1] * scale)), max(1, round(gray.shape[0] * scale)))
    return np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), np.uint8)


def _load_cascade() -> cv2.CascadeClassifier:
    if not hasattr(cv2, "CascadeClassifier"):
        raise FerError(
            f"OpenCV {cv2.__version__} has no Haar cascades any more: "
            "pip install 'opencv-python-headless<5' (or 'opencv-python<5')"
        )
    shipped = getattr(cv2, "data", None)  # Debian's own OpenCV has none
    folders = [Path(shipped.haarcascades)] if shipped else []
    for folder in (*folders, _SYSTEM_CASCADES):
        if (folder / CASCADE).exists():
            cascade = cv2.CascadeClassifier(str(folder / CASCADE))
            if cascade.empty():
                raise FerError(f"{folder / CASCADE} is damaged: install OpenCV anew")
            return cascade
    raise FerError(
        f"no {CASCADE}: sudo apt install opencv-data, or pip install 'opencv-python-headless<5'"
    )
