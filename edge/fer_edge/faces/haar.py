"""Where the faces of a picture are: OpenCV's Haar cascades (Viola and Jones, 2001).

One cascade proposes faces that look at the camera, and another one agrees or not. Two more searches
of the picture, shrunk, find profiles and tilted faces.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from fer_core.errors import FerError
from fer_core.opencv import cv2
from fer_core.values import Box, Face, FloatArray, Frame, UInt8Array
from fer_edge.faces.detector import SAME_PLACE_IOU, WINDOW_PX, show_one_face
from fer_edge.faces.shrinking import resized, shrunk
from fer_edge.stages import StageTimes

CASCADE = "haarcascade_frontalface_default.xml"
SECOND_CASCADE = "haarcascade_frontalface_alt2.xml"
PROFILE_CASCADE = "haarcascade_profileface.xml"
SEARCHED_PIXELS = 4_000_000
"""Larger pictures are searched at this size: the cascade takes 60 bytes and 0.2 microseconds for
each pixel, and what it loses are faces below 24 pixels at this size."""
STEP, NEIGHBORS = 1.1, 3
"""Between the sizes searched for, and how many overlapping hits more than one make a candidate.
For the sources of these numbers, and of all below, see docs/decisions/0005-finding-faces.md."""
LOOK_MARGIN, LOOK_PX, LOOK_LARGEST_PX, LOOK_STEP = 0.35, 36, 54, 1.1
"""How the second cascade is shown a candidate: how much around it, in its own size; how large, in
pixels; the largest hit (the smallest is WINDOW_PX); and the step."""
LEAST_HITS = 5
"""Hits of the second cascade, in a candidate and its mirror image together, that make it a face."""
POSES_PX, POSES_STEP, POSES_NEIGHBORS = 448, 1.3, 2
"""The longer side at which a picture is searched for profiles and tilted faces, and how."""
TILT_DEGREES = 20.0
_SYSTEM_CASCADES = Path("/usr/share/opencv4/haarcascades")


class HaarCascade:
    """One of OpenCV's cascades over gray pictures (h, w) uint8.

    Raises:
        FerError: OpenCV lacks the cascade, or its file is damaged.
    """

    def __init__(self, file: str = CASCADE) -> None:
        self._cascade = _load_cascade(file)

    def find(
        self,
        gray: UInt8Array,
        scale_factor: float,
        min_neighbors: int,
        min_size_px: int,
        max_size_px: int = 0,
    ) -> tuple[Face, ...]:
        """Return the faces, the largest first; the score is the cascade's last-stage weight.

        Args:
            gray: (h, w) uint8.
            scale_factor: The step between the sizes searched for.
            min_neighbors: How many overlapping hits more than one make a face.
            min_size_px: Side of the smallest face.
            max_size_px: Side of the largest face, 0 for no limit.
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

    def hits(
        self, gray: UInt8Array, scale_factor: float, min_size_px: int, max_size_px: int
    ) -> list[Box]:
        """Return every place and size where the cascade says face; a face has many."""
        boxes = self._cascade.detectMultiScale(
            gray,
            scaleFactor=scale_factor,
            minNeighbors=0,
            minSize=(min_size_px, min_size_px),
            maxSize=(max_size_px, max_size_px),
        )
        return [Box(*(int(side) for side in box)) for box in boxes]


class HaarDetector:
    """Searches every size of a whole picture: slow and thorough, for single pictures.

    Raises:
        FerError: OpenCV lacks a cascade, or its file is damaged.
    """

    def __init__(self, min_size_px: int = WINDOW_PX, times: StageTimes | None = None) -> None:
        self._min_size_px, self._times = min_size_px, times or StageTimes()
        self._cascade, self._second = HaarCascade(), HaarCascade(SECOND_CASCADE)
        self._profile = HaarCascade(PROFILE_CASCADE)

    def detect(self, frame: Frame, known: Sequence[Face] = ()) -> tuple[Face, ...]:
        """Return the faces, the largest first, wherever they are.

        The score is the last-stage weight of the cascade that found the face. The box of a profile
        or of a tilted face may reach beyond the frame.
        """
        with self._times.stage("search"):
            gray = to_gray(frame.pixels)
            faces: list[Face] = []
            for found in (self._frontal(gray), self._profiles(gray), self._tilted(gray)):
                for face in sorted(found, key=lambda face: -face.score):
                    inside = face.box.clipped(frame.width, frame.height)
                    if inside and not any(show_one_face(face.box, other.box) for other in faces):
                        faces.append(face)
            return tuple(sorted(faces, key=lambda face: face.box.area_px, reverse=True))

    def _frontal(self, gray: UInt8Array) -> list[Face]:
        """Return the faces that two cascades see."""
        scale = min(1.0, math.sqrt(SEARCHED_PIXELS / gray.size))
        searched = shrunk(gray, scale)
        found = self._cascade.find(searched, STEP, NEIGHBORS, self._min_size_px)
        faces = [face for face in found if self._second_agrees(searched, face.box)]
        return faces if scale == 1 else list(_enlarged(faces, scale, gray))

    def _second_agrees(self, gray: UInt8Array, box: Box) -> bool:
        """Return whether the second cascade sees a face in a box, too."""
        window = box.expanded(LOOK_MARGIN).clipped(gray.shape[1], gray.shape[0])
        if window is None:
            return False
        part = gray[window.y : window.y + window.height, window.x : window.x + window.width]
        scale = LOOK_PX / box.width
        shown = resized(part, scale)
        place = Box(box.x - window.x, box.y - window.y, box.width, box.height).times(scale)
        other_side = Box(shown.shape[1] - place.x - place.width, place.y, LOOK_PX, LOOK_PX)
        hits = 0
        for picture, there in ((shown, place), (_mirrored(shown), other_side)):
            found = self._second.hits(picture, LOOK_STEP, WINDOW_PX, LOOK_LARGEST_PX)
            hits += sum(box.iou(there) > SAME_PLACE_IOU for box in found)
            if hits >= LEAST_HITS:
                return True
        return False

    def _profiles(self, gray: UInt8Array) -> list[Face]:
        """Return the faces seen from either side."""
        small, back = _small(gray)
        mirror = np.array([[-1.0, 0.0, small.shape[1]], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
        views = ((small, back), (_mirrored(small), back @ mirror))
        return [face for view in views for face in self._posed(self._profile, *view)]

    def _tilted(self, gray: UInt8Array) -> list[Face]:
        """Return the faces tilted to either side, each in an upright square."""
        small, back = _small(gray)
        views = (_turned(small, degrees) for degrees in (-TILT_DEGREES, TILT_DEGREES))
        return [
            replace(face, roll_degrees=math.degrees(math.atan2(upright[1, 0], upright[0, 0])))
            for turned, upright in views
            for face in self._posed(self._second, turned, back @ upright)
        ]

    def _posed(self, cascade: HaarCascade, view: UInt8Array, back: FloatArray) -> Iterator[Face]:
        """Yield the faces of a view of the picture; `back` (3, 3) leads to the picture's pixels."""
        scale = math.hypot(back[0, 0], back[1, 0])
        least = max(WINDOW_PX, math.ceil(self._min_size_px / scale))
        for face in cascade.find(view, POSES_STEP, POSES_NEIGHBORS, least):
            half = face.box.width / 2
            x, y, _ = back @ (face.box.x + half, face.box.y + half, 1.0)
            side = round(2 * half * scale)
            box = Box(round(x - side / 2), round(y - side / 2), side, side)
            yield Face(box, face.score)


def _mirrored(gray: UInt8Array) -> UInt8Array:
    return np.asarray(cv2.flip(gray, 1), np.uint8)


def _small(gray: UInt8Array) -> tuple[UInt8Array, FloatArray]:
    """Return the picture as it is searched for poses, and the matrix (3, 3) back."""
    scale = min(1.0, POSES_PX / max(gray.shape))
    return shrunk(gray, scale), np.diag([1 / scale, 1 / scale, 1.0])


def _turned(gray: UInt8Array, degrees: float) -> tuple[UInt8Array, FloatArray]:
    """Return the whole picture turned counterclockwise, and the matrix (3, 3) back."""
    height, width = gray.shape
    turn = np.eye(3)
    turn[:2] = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    across, down = np.abs(turn[:2, :2]) @ (width, height)
    turn[:2, 2] += ((across - width) / 2, (down - height) / 2)
    size = (round(across), round(down))
    return np.asarray(cv2.warpAffine(gray, turn[:2], size), np.uint8), np.linalg.inv(turn)


def _enlarged(faces: Sequence[Face], scale: float, gray: UInt8Array) -> Iterator[Face]:
    """Yield the faces of a picture that was scaled for the search, as they lie in the frame."""
    for face in faces:
        box = face.box.times(1 / scale).clipped(gray.shape[1], gray.shape[0])
        if box:
            yield Face(box, face.score)


def to_gray(pixels: UInt8Array) -> UInt8Array:
    """Return (h, w) uint8 of BGR pixels (h, w, 3)."""
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), np.uint8)


def _read_cascade(file: Path) -> cv2.CascadeClassifier:
    """Return a cascade, an empty one of a damaged file.

    OpenCV is given no path: on Windows it opens none with a letter such as ö.
    """
    cascade = cv2.CascadeClassifier()
    text = file.read_text(encoding="utf-8", errors="replace")
    try:
        held = cv2.FileStorage(text, cv2.FILE_STORAGE_READ | cv2.FILE_STORAGE_MEMORY)
        cascade.read(held.getFirstTopLevelNode())
    except (cv2.error, SystemError):  # what OpenCV 4 raises for text that is no XML
        return cv2.CascadeClassifier()
    return cascade


def _load_cascade(file: str) -> cv2.CascadeClassifier:
    if not hasattr(cv2, "CascadeClassifier"):
        raise FerError(
            f"OpenCV {cv2.__version__} has no Haar cascades any more: "
            "pip install 'opencv-python-headless<5' (or 'opencv-python<5')",
            see="opencv-too-new",
        )
    shipped = getattr(cv2, "data", None)  # Debian's own OpenCV has none
    folders = [Path(shipped.haarcascades)] if shipped else []
    for folder in (*folders, _SYSTEM_CASCADES):
        if (folder / file).exists():
            cascade = _read_cascade(folder / file)
            if cascade.empty():
                raise FerError(f"{folder / file} is damaged: install OpenCV again")
            return cascade
    raise FerError(
        f"no {file}: sudo apt install opencv-data, or pip install 'opencv-python-headless<5'",
        see="cascade-missing",
    )
