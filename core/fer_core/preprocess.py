"""The pixel contract: the one way from a frame and a face to a model's input.

Training, calibration, verification, the device and the benchmark all come through here;
`tests/golden` freezes the bytes. The crop is replicated at the frame's edges, turned to gray,
then resized with INTER_AREA, which gives the same bytes on x86-64 and ARM. A face that leans is
turned upright first.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fer_core.opencv import cv2
from fer_core.values import Box, Face, FloatArray, Frame, UInt8Array

COLOURS = {"gray": 1, "rgb": 3}
INPUT_SCALE = 1 / 128
"""The input scale of every int8 model; its zero point is 0."""
LARGEST_CROP_PX = 8192
"""The longer side of a crop before it is resized; a larger box, of a picture larger than any that
is read or of a detector's mistake, is cropped from a smaller picture."""
INPUT_RANGE = (-1.0, 127 / 128)
"""The values that a float model takes: those of the 256 grays."""


@dataclass(frozen=True, slots=True)
class InputSpec:
    """What a model's input looks like: size in pixels, colour order, crop margin, values.

    Attributes:
        colour: "gray" or "rgb".
        margin: The fraction of the detector's box added on every side before cropping.
        values: What the network takes for a pixel of 0 and of 255; between them it is linear.
            Networks of ours take INPUT_RANGE, others often (0, 1), (-1, 1) or (0, 255).

    Raises:
        ValueError: A field is beyond its range.
    """

    height: int = 48
    width: int = 48
    colour: str = "gray"
    margin: float = 0.0
    values: tuple[float, float] = INPUT_RANGE

    def __post_init__(self) -> None:
        if self.colour not in COLOURS:
            raise ValueError(f"colour must be one of {sorted(COLOURS)}, got {self.colour!r}")
        if self.height < 1 or self.width < 1 or not -0.5 < self.margin <= 2:
            raise ValueError(f"no such input: {self.width}x{self.height}, margin {self.margin}")
        low, high = self.values
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise ValueError(f"values must be two finite numbers, low and high, got {self.values}")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        return self.height, self.width, COLOURS[self.colour]

    def pixels(self, frame: Frame, face: Face) -> UInt8Array:
        """Return the crop of a face as (height, width, channels) uint8, upright by its roll.

        Raises:
            ValueError: The face's box, with its margin, lies outside of the frame.
        """
        box = face.box.expanded(self.margin)
        if self.margin < 0 and not box.clipped(frame.pixels.shape[1], frame.pixels.shape[0]):
            box = face.box  # only its edge is in the frame
        if not face.roll_degrees and max(box.width, box.height) <= LARGEST_CROP_PX:
            return self.resized(_crop(frame.pixels, box))
        return self.resized(levelled(frame.pixels, box, face.roll_degrees))

    def resized(self, picture: UInt8Array) -> UInt8Array:
        """Return a whole picture, gray (h, w) or BGR (h, w, 3), as (height, width, channels)."""
        if self.colour == "gray" and picture.ndim == 3:
            picture = _as_uint8(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY))
        elif self.colour == "rgb":
            code = cv2.COLOR_BGR2RGB if picture.ndim == 3 else cv2.COLOR_GRAY2RGB
            picture = _as_uint8(cv2.cvtColor(picture, code))
        if picture.shape[:2] != (self.height, self.width):
            size = (self.width, self.height)
            picture = _as_uint8(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
        return picture.reshape(self.shape)


def _crop(pixels: UInt8Array, box: Box) -> UInt8Array:
    height, width = pixels.shape[:2]
    inside = box.clipped(width, height)
    if inside is None:
        raise ValueError(f"{box} lies outside the {width}x{height} frame")
    crop = pixels[inside.y : inside.y + inside.height, inside.x : inside.x + inside.width]
    if inside == box:
        return crop
    above, left = inside.y - box.y, inside.x - box.x
    below = box.height - inside.height - above
    right = box.width - inside.width - left
    return _as_uint8(cv2.copyMakeBorder(crop, above, below, left, right, cv2.BORDER_REPLICATE))


def levelled(pixels: UInt8Array, box: Box, roll_degrees: float) -> UInt8Array:
    """Return what lies in a box that leans by its roll, upright.

    Args:
        pixels: The picture, (h, w, 3) uint8; its edge is repeated beyond it.
        box: The box before it leans.
        roll_degrees: By how much it leans about its middle, clockwise as it is seen.

    Returns:
        Pixels of the size of the box; of one with a side above LARGEST_CROP_PX, of its proportions.

    Raises:
        ValueError: The box lies outside the picture.
    """
    height, width = pixels.shape[:2]
    if box.clipped(width, height) is None:
        raise ValueError(f"{box} lies outside the {width}x{height} frame")
    scale = LARGEST_CROP_PX / max(box.width, box.height)
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        pixels = _as_uint8(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))
        box = box.times(scale)
    center = (box.x + (box.width - 1) / 2, box.y + (box.height - 1) / 2)
    turn = cv2.getRotationMatrix2D(center, roll_degrees, 1.0)
    turn[:, 2] -= box.x, box.y
    return turned_window(pixels, np.asarray(turn, np.float64), (box.width, box.height))


def turned_window(
    pixels: UInt8Array, turn: npt.NDArray[np.float64], size: tuple[int, int]
) -> UInt8Array:
    """Return a window that leans, replicated at the picture's edges.

    Args:
        pixels: The picture, (h, w) or (h, w, 3).
        turn: (2, 3), from pixels of the picture to those of the window.
        size: Width and height of the window.
    """
    back = np.asarray(cv2.invertAffineTransform(turn), np.float64)
    width, height = size
    corners = np.array([(x, y, 1) for x in (0, width) for y in (0, height)]) @ back.T
    limits = np.array([pixels.shape[1], pixels.shape[0]])
    low = np.clip(np.floor(corners.min(axis=0)) - 2, 0, limits - 1).astype(int)
    high = np.clip(np.ceil(corners.max(axis=0)) + 2, low + 1, limits).astype(int)
    part = pixels[low[1] : high[1], low[0] : high[0]]  # OpenCV turns no side of 32,767 or more
    moved = turn.copy()
    moved[:, 2] += turn[:, :2] @ low
    return _as_uint8(cv2.warpAffine(part, moved, size, borderMode=cv2.BORDER_REPLICATE))


def quantize_pixels(pixels: UInt8Array) -> npt.NDArray[np.int8]:
    """Return `pixels - 128` as int8: what an int8 model takes, by one bit flip a pixel."""
    return (pixels ^ np.uint8(128)).view(np.int8)


def normalize_pixels(pixels: UInt8Array) -> FloatArray:
    """Return `(pixels - 128) / 128` as float32, -1 to 127/128: what a float model takes."""
    return (pixels.astype(np.float32) - np.float32(128)) * np.float32(INPUT_SCALE)


def code_of_each_gray(
    values: tuple[float, float],
    dtype: npt.DTypeLike,
    quantization: tuple[float, int],
) -> npt.NDArray[Any]:
    """Return what the input tensor of a network holds for the grays 0 to 255, (256,) of `dtype`.

    A value beyond what its type holds is cut off.

    Args:
        values: What the network takes for a gray of 0 and of 255.
        dtype: The type of the tensor.
        quantization: Scale and zero point of an integer tensor.
    """
    low, high = values
    real = low + np.arange(256) * (high - low) / 255
    if not np.issubdtype(dtype, np.integer):
        return np.asarray(real, dtype)
    (scale, zero_point), limits = quantization, np.iinfo(np.dtype(dtype).type)
    codes = np.clip(np.rint(real / scale) + zero_point, limits.min, limits.max)
    return np.asarray(codes, dtype)


def denormalize_pixels(normalized: FloatArray) -> UInt8Array:
    """Return the grays nearest to values of -1 to 1, as uint8: `normalize_pixels` undone."""
    grays = np.rint(normalized / np.float32(INPUT_SCALE)) + np.float32(128)
    return _as_uint8(np.clip(grays, 0, 255))


def ten_crops(pixels: UInt8Array) -> Iterator[UInt8Array]:
    """Yield ten views (n, h, w, c) of pictures (n, h, w, c): test-time augmentation.

    They are the center and the four corners, 11/12 of the side (44 of 48), resized to the whole,
    and each of these mirrored.
    """
    height, width = pixels.shape[1:3]
    tall, wide = round(height * 11 / 12), round(width * 11 / 12)
    down, across = height - tall, width - wide
    for y, x in ((0, 0), (0, across), (down, 0), (down, across), (down // 2, across // 2)):
        crops = pixels[:, y : y + tall, x : x + wide]
        view = np.stack([_enlarged(crop, height, width) for crop in crops])
        yield view
        yield view[:, :, ::-1]


def _enlarged(crop: UInt8Array, height: int, width: int) -> UInt8Array:
    resized = cv2.resize(crop, (width, height), interpolation=cv2.INTER_LINEAR)
    return _as_uint8(resized).reshape(height, width, crop.shape[2])


def _as_uint8(array: npt.NDArray[np.generic]) -> UInt8Array:
    return np.asarray(array, np.uint8)
