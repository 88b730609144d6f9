"""What `fer-edge PICTURE` does, with numpy, OpenCV and LiteRT alone: `start.py` times both.

    python edge/studies/start_bare.py PICTURE MODEL LABEL...

It makes the same OpenCV calls as `HaarDetector`, and crops as the pixel contract does. It is for
pictures of at most 4 megapixels whose faces stand upright and lie within the picture.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter

if TYPE_CHECKING:
    from cv2.typing import MatLike
Square = tuple[int, int, int]
"""Left edge, top edge and side, in pixels."""


def load(name: str) -> cv2.CascadeClassifier:
    """Return one of OpenCV's cascades."""
    return cv2.CascadeClassifier(f"{cv2.data.haarcascades}haarcascade_{name}.xml")


def find(
    cascade: cv2.CascadeClassifier, gray: MatLike, step: float, neighbors: int
) -> list[tuple[float, Square]]:
    """Return weight and square of each face that a cascade finds."""
    boxes, _, weights = cascade.detectMultiScale3(
        gray,
        scaleFactor=step,
        minNeighbors=neighbors,
        minSize=(24, 24),
        maxSize=(0, 0),
        outputRejectLevels=True,
    )
    return [
        (float(weight), (int(x), int(y), int(side)))
        for (x, y, side, _), weight in zip(boxes, weights, strict=True)
    ]


def shared(one: Square, other: Square) -> float:
    """Return the area in both squares."""
    across = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    down = min(one[1] + one[2], other[1] + other[2]) - max(one[1], other[1])
    return max(0, across) * max(0, down)


def second_agrees(cascade: cv2.CascadeClassifier, gray: MatLike, square: Square) -> bool:
    """Return whether the second cascade has five hits in a square and its mirror image."""
    x, y, side = square
    pad, scale = round(0.35 * side), 36 / side
    left, top = max(0, x - pad), max(0, y - pad)
    part = gray[top : y + side + pad, left : x + side + pad]
    size = (round(part.shape[1] * scale), round(part.shape[0] * scale))
    shown = cv2.resize(part, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    at = (round((x - left) * scale), round((y - top) * scale), 36)
    hits = 0
    for view, there in ((shown, at), (cv2.flip(shown, 1), (size[0] - at[0] - 36, *at[1:]))):
        found = cascade.detectMultiScale(
            view, scaleFactor=1.1, minNeighbors=0, minSize=(24, 24), maxSize=(54, 54)
        )
        for hit in found:
            both = shared((hit[0], hit[1], hit[2]), there)
            hits += both / (hit[2] ** 2 + 36**2 - both) > 0.3
        if hits >= 5:
            return True
    return False


def turned(gray: MatLike, degrees: float) -> tuple[MatLike, MatLike]:
    """Return the whole picture turned, and the matrix (3, 3) back."""
    height, width = gray.shape
    turn = np.eye(3)
    turn[:2] = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    across, down = np.abs(turn[:2, :2]) @ (width, height)
    turn[:2, 2] += ((across - width) / 2, (down - height) / 2)
    view = cv2.warpAffine(gray, turn[:2], (round(across), round(down)))
    return view, np.linalg.inv(turn)


def posed(
    cascade: cv2.CascadeClassifier, view: MatLike, back: MatLike
) -> Iterator[tuple[float, Square]]:
    """Yield weight and square of each face of a view, in pixels of the picture."""
    scale = math.hypot(back[0, 0], back[1, 0])
    for weight, (left, top, width) in find(cascade, view, 1.3, 2):
        x, y, _ = back @ (left + width / 2, top + width / 2, 1.0)
        side = round(width * scale)
        yield weight, (round(x - side / 2), round(y - side / 2), side)


def search(gray: MatLike) -> list[Square]:
    """Return the faces of a picture, the largest first."""
    first, second, profile = (
        load("frontalface_default"),
        load("frontalface_alt2"),
        load("profileface"),
    )
    frontal = [each for each in find(first, gray, 1.1, 3) if second_agrees(second, gray, each[1])]
    scale = min(1.0, 448 / max(gray.shape))
    size = (round(gray.shape[1] * scale), round(gray.shape[0] * scale))
    small = cv2.resize(gray, size, interpolation=cv2.INTER_AREA) if scale < 1 else gray
    back = np.diag([1 / scale, 1 / scale, 1.0])
    mirror = np.array([[-1.0, 0.0, small.shape[1]], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    sides = [*posed(profile, small, back), *posed(profile, cv2.flip(small, 1), back @ mirror)]
    views = (turned(small, degrees) for degrees in (-20.0, 20.0))
    tilted = [face for view, upright in views for face in posed(second, view, back @ upright)]
    squares: list[Square] = []
    for found in (frontal, sides, tilted):
        for _, square in sorted(found, reverse=True):
            if all(shared(square, other) <= min(square[2], other[2]) ** 2 / 2 for other in squares):
                squares.append(square)
    return sorted(squares, key=lambda square: -square[2])


def main() -> None:
    """Print a line a face, as `fer-edge` begins it."""
    file, labels = Path(sys.argv[1]), sys.argv[3:]
    interpreter = Interpreter(model_content=Path(sys.argv[2]).read_bytes(), num_threads=1)
    interpreter.allocate_tensors()
    (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()
    gray = cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2GRAY)
    for x, y, side in search(gray):
        crop = cv2.resize(gray[y : y + side, x : x + side], (48, 48), interpolation=cv2.INTER_AREA)
        interpreter.set_tensor(taken["index"], (crop ^ 128).view(np.int8)[None, :, :, None])
        interpreter.invoke()
        scale, zero = given["quantization"]
        shares = (interpreter.get_tensor(given["index"])[0].astype(np.int32) - zero) * scale
        most = f"{labels[shares.argmax()]} {shares.max() / shares.sum():.0%}"
        print(f"{file.name}: face of {side}x{side} at {x},{y}: {most}")


if __name__ == "__main__":
    main()
