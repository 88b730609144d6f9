"""The values that flow between the packages; each checks itself when it is made."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

UInt8Array = npt.NDArray[np.uint8]
Int64Array = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]
AnyArray = npt.NDArray[np.integer | np.floating]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels: top-left corner (x, y), width and height, all int.

    Raises:
        ValueError: Width or height is not positive.
    """

    x: int
    y: int
    width: int
    height: int

    def __post_init__(self) -> None:
        if self.width <= 0 or self.height <= 0:
            raise ValueError(f"a box needs a positive size, got {self.width}x{self.height}")

    @property
    def area_px(self) -> int:
        """The area in pixels."""
        return self.width * self.height

    def expanded(self, fraction: float) -> Box:
        """Return the box grown by `fraction` of its size on every side (negative shrinks)."""
        dx, dy = (max(round(n * fraction), -((n - 1) // 2)) for n in (self.width, self.height))
        return Box(self.x - dx, self.y - dy, self.width + 2 * dx, self.height + 2 * dy)

    def times(self, factor: float) -> Box:
        """Return the box in a picture whose sides are so many times larger."""
        x, y, width, height = (
            round(side * factor) for side in (self.x, self.y, self.width, self.height)
        )
        return Box(x, y, max(1, width), max(1, height))

    def clipped(self, width: int, height: int) -> Box | None:
        """Return the part inside a frame of width x height pixels, or None if none is."""
        left, top = max(self.x, 0), max(self.y, 0)
        right, bottom = min(self.x + self.width, width), min(self.y + self.height, height)
        if right <= left or bottom <= top:
            return None
        return Box(left, top, right - left, bottom - top)

    def iou(self, other: Box) -> float:
        """Return intersection over union with another box, 0 to 1."""
        across = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        down = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        if across <= 0 or down <= 0:
            return 0.0
        shared = across * down
        return shared / (self.area_px + other.area_px - shared)


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture from a source.

    Attributes:
        pixels: (height, width, 3) uint8 in B, G, R order.
        index: Its number, from 0.
        captured_at: Seconds since the camera was opened (monotonic), or a file's media time.
        source: The camera's or file's name.
        wall_clock: When a camera took the picture, in seconds since 1970; None for files.
        reduced: How many times larger each side of a large picture is in its file.
        camera: What the run calls the camera; empty where it has no name.

    Raises:
        ValueError: The pixels have another shape or type.
    """

    pixels: UInt8Array
    index: int
    captured_at: float
    source: str = ""
    wall_clock: float | None = None
    reduced: int = 1
    camera: str = ""

    def __post_init__(self) -> None:
        shape, dtype = self.pixels.shape, self.pixels.dtype
        if len(shape) != 3 or shape[2] != 3 or 0 in shape or dtype != np.uint8:
            raise ValueError(
                f"a frame is (height, width, 3) uint8 BGR, got {shape} {dtype}; "
                "convert gray pictures with cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)"
            )

    @property
    def height(self) -> int:
        """Rows in pixels."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Columns in pixels."""
        return int(self.pixels.shape[1])


@dataclass(frozen=True, slots=True)
class Gap:
    """In place of a Frame: no picture has come lately.

    Attributes:
        at: Now, in seconds of the frames' clock.
        attempts: How often, since the start, the camera has been asked anew and has answered in
            some way within its time limit: while it grows, whoever asks is alive.
        wall_clock: Now, in seconds since 1970.
        camera: What the run calls the camera; empty where it has no name.
    """

    at: float
    attempts: int = 0
    wall_clock: float | None = None
    camera: str = ""


@dataclass(frozen=True, slots=True)
class Face:
    """A detected face.

    Attributes:
        box: Where it is, in pixels of the frame.
        score: The detector's, unbounded; larger is surer.
        roll_degrees: How far the head leans in the picture's plane, clockwise as it is seen; 0
            where the detector does not tell.
        landmarks: Its right eye, left eye, tip of the nose, right and left corner of the mouth,
            (x, y) in pixels of the frame; empty where the detector does not tell.

    Raises:
        ValueError: The roll is no finite number.
    """

    box: Box
    score: float
    roll_degrees: float = 0.0
    landmarks: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        if not math.isfinite(self.roll_degrees):
            raise ValueError(f"a face needs a finite roll_degrees, got {self.roll_degrees}")

    def times(self, factor: float) -> Face:
        """Return the face in a picture whose sides are so many times larger."""
        landmarks = tuple((factor * x, factor * y) for x, y in self.landmarks)
        return Face(self.box.times(factor), self.score, self.roll_degrees, landmarks)


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """A probability for each label.

    Attributes:
        probabilities: (n,) float32, summing to 1.
        labels: The n names, in the same order.

    Raises:
        ValueError: The shape or the sum is another.
    """

    probabilities: FloatArray
    labels: tuple[str, ...]

    def __post_init__(self) -> None:
        shape = self.probabilities.shape
        if shape != (len(self.labels),):
            raise ValueError(f"expected {len(self.labels)} probabilities, got shape {shape}")
        total = float(self.probabilities.sum())
        if not abs(total - 1.0) < 1e-3:
            raise ValueError(f"probabilities must sum to 1, got {total:.4f}")

    @property
    def class_index(self) -> int:
        """The index of the most probable class."""
        return int(self.probabilities.argmax())

    @property
    def label(self) -> str:
        """The name of the most probable class."""
        return self.labels[self.class_index]

    @property
    def confidence(self) -> float:
        """The probability of `label`, 0 to 1."""
        return float(self.probabilities[self.class_index])

    def top(self, k: int) -> tuple[tuple[str, float], ...]:
        """Return the k most probable (label, probability) pairs, most probable first."""
        order = np.argsort(-self.probabilities, kind="stable")[:k]
        return tuple((self.labels[i], float(self.probabilities[i])) for i in order)

    def to_json(self, digits: int) -> dict[str, Any]:
        """Return label, confidence and the probabilities by label, rounded to so many digits."""
        pairs = zip(self.labels, self.probabilities, strict=True)
        return {
            "label": self.label,
            "confidence": round(self.confidence, digits),
            "probabilities": {label: round(float(share), digits) for label, share in pairs},
        }


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """One face in one frame with its expression.

    Attributes:
        captured_at: When the frame was taken, in seconds, see `Frame`.
        prediction: What is shown of it: in a stream smoothed, with a label that does not flicker.
        track_id: Which face of the stream it is; None in single pictures.
        person: Who it is; empty for nobody known.
        camera: Which camera sees it, see `Frame`.
    """

    frame_index: int
    captured_at: float
    face: Face
    prediction: Prediction
    track_id: int | None = None
    person: str = ""
    camera: str = ""

    @property
    def box(self) -> Box:
        """Where the face is, in pixels of the frame."""
        return self.face.box

    @property
    def label(self) -> str:
        """The most probable label."""
        return self.prediction.label

    @property
    def confidence(self) -> float:
        """The probability of `label`, 0 to 1."""
        return self.prediction.confidence
