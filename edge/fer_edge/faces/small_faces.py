"""The small faces of large photos: a second, finer search, and a closer look at what it finds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from fer_core.values import Box, FloatArray, UInt8Array
from fer_edge.faces.detector import SAME_FACE_IOU

Search = Callable[[UInt8Array, float, float], Sequence[FloatArray]]
"""From pixels, the scale to search them at and the least score to rows of a network: x, y, width,
height, five landmarks (x, y), score, in pixels of what was searched."""
LARGE_FROM_PX, FINE_PX = 1280, 1280
"""Photos with a longer side from the first on are searched at the second, too."""
CANDIDATE_SCORE, SURE_SCORE = 0.5, 0.8
"""Of a face in the fine search, and of the same face seen closely."""
CLOSE_PX, AROUND, MOST_CANDIDATES = 40, 3.0, 100
"""How large a candidate is seen closely, in what surroundings (its side is 1), and how many are:
docs/decisions/0005-finding-faces.md."""


def small_faces(
    search: Search, pixels: UInt8Array, known: Sequence[FloatArray]
) -> Iterator[FloatArray]:
    """Yield the rows of faces that `known` lacks: found at FINE_PX, and surely one seen closely."""
    fine = min(1.0, FINE_PX / max(pixels.shape[:2]))
    boxes = [_box(row) for row in known]
    candidates = sorted(
        search(pixels, fine, CANDIDATE_SCORE), key=lambda row: float(row[-1]), reverse=True
    )
    for candidate in candidates[: MOST_CANDIDATES + len(known)]:
        if _is_one_of(_box(candidate), boxes):
            continue
        face = _seen_closely(search, pixels, candidate)
        if face is not None and not _is_one_of(_box(face), boxes):
            boxes.append(_box(face))
            yield face


def _seen_closely(search: Search, pixels: UInt8Array, candidate: FloatArray) -> FloatArray | None:
    """Return the row of the surest face that is where a candidate is, None where none is sure."""
    box = _box(candidate)
    side = math.sqrt(box.area_px)
    middle = (box.x + box.width / 2, box.y + box.height / 2)
    left, top = (max(0, math.floor(at - AROUND / 2 * side)) for at in middle)
    right, bottom = (math.ceil(at + AROUND / 2 * side) for at in middle)
    if right <= left or bottom <= top:
        return None
    cut = np.ascontiguousarray(pixels[top:bottom, left:right])
    if cut.size == 0:
        return None
    shift = np.array([left, top, 0, 0, *[left, top] * 5, 0], np.float32)
    rows = [row + shift for row in search(cut, CLOSE_PX / side, SURE_SCORE)]
    same = [row for row in rows if _box(row).iou(box) > SAME_FACE_IOU]
    return max(same, key=lambda row: float(row[-1]), default=None)


def _is_one_of(box: Box, boxes: Sequence[Box]) -> bool:
    return any(box.iou(other) > SAME_FACE_IOU for other in boxes)


def _box(row: FloatArray) -> Box:
    x, y, width, height = (round(float(side)) for side in row[:4])
    return Box(x, y, max(1, width), max(1, height))
