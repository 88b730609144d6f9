"""Faces drawn with ellipses, in seven expressions: tests need no photographs."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import numpy as np

from fer_core.dataset import FerDataset
from fer_core.labels import FER2013_LABELS

# Mouth: height and bend (positive: corners up); brows: tilt (positive: inner ends down) and lift.
_SHAPES = {
    "angry": (0.02, -0.5, 0.5, -0.3),
    "disgust": (0.08, -0.9, 0.3, 0.0),
    "fear": (0.10, -0.3, -0.5, 0.5),
    "happy": (0.06, 1.0, 0.0, 0.2),
    "sad": (0.02, -1.0, -0.4, 0.1),
    "surprise": (0.22, 0.0, 0.0, 0.9),
    "neutral": (0.02, 0.0, 0.0, 0.0),
}


def draw_face(expression: str, size: int = 160, seed: int = 0) -> np.ndarray:
    """Return a face that fills a (size, size, 3) uint8 BGR picture; the seed varies it a little."""
    return cv2.cvtColor(_gray_face(expression, size, seed), cv2.COLOR_GRAY2BGR)


@cache
def _gray_face(expression: str, size: int, seed: int) -> np.ndarray:
    """Return the face as (size, size) uint8; drawn once, as many tests show the same ones."""
    rng = np.random.default_rng(seed)
    big = 320
    canvas = np.full((big, big), 90, np.uint8)
    skin = int(185 + rng.integers(-15, 15))
    cv2.ellipse(canvas, (160, 160), (118, 150), 0, 0, 360, skin, -1)
    height, bend, tilt, lift = _SHAPES[expression]
    jitter = rng.normal(0, 2, 6)
    for side in (-1, 1):
        x, y = int(160 + side * 52 + jitter[0]), int(128 + jitter[1])
        cv2.ellipse(canvas, (x, y), (26, 14), 0, 0, 360, 70, -1)
        cv2.circle(canvas, (x, y), 9, 15, -1)
        inner, outer = (x - side * 28, x + side * 28)
        brow = int(96 - 22 * lift + jitter[2])
        cv2.line(canvas, (inner, brow + int(16 * tilt)), (outer, brow - int(16 * tilt)), 40, 9)
    cv2.line(canvas, (160, 150), (160, 195), skin - 45, 8)
    half, mouth = int(48 + jitter[3]), int(240 + jitter[4])
    across = np.linspace(-1, 1, 21)
    curve = mouth - 22 * bend * (across**2 - 0.5)
    open_ = big * height / 2 * (1 - across**2)
    upper = np.stack([160 + half * across, curve - open_ - 4], axis=1)
    lower = np.stack([160 + half * across, curve + open_ + 4], axis=1)
    cv2.fillPoly(canvas, [np.concatenate([upper, lower[::-1]]).astype(np.int32)], 45)
    noisy = canvas + rng.normal(0, 4, canvas.shape)
    soft = cv2.GaussianBlur(np.clip(noisy, 0, 255).astype(np.uint8), (5, 5), 0)
    return cv2.resize(soft, (size, size), interpolation=cv2.INTER_AREA)


def draw_scene(
    expression: str, x: int = 220, y: int = 140, size: int = 200, seed: int = 0
) -> np.ndarray:
    """Return a (480, 640, 3) uint8 BGR frame with one face whose box begins at (x, y)."""
    scene = np.full((480, 640, 3), 90, np.uint8)
    scene[y : y + size, x : x + size] = draw_face(expression, size, seed)
    return scene


def drawn_dataset(per_class: tuple[int, int, int] = (12, 4, 4)) -> FerDataset:
    """Return 48x48 gray faces of all seven expressions, so many a class for each split."""
    images, labels, split = [], [], []
    seed = 0
    for part, count in enumerate(per_class):
        for index, expression in enumerate(FER2013_LABELS):
            for _ in range(count):
                seed += 1
                images.append(_gray_face(expression, 48, seed))
                labels.append(index)
                split.append(part)
    rows = np.arange(len(images), dtype=np.int64)
    labels_, split_ = np.array(labels, np.int64), np.array(split, np.int64)
    return FerDataset(np.stack(images), labels_, split_, FER2013_LABELS, rows, "drawn")


def save_npz(path: Path, dataset: FerDataset) -> Path:
    """Write a data set as the .npz that --data takes."""
    named = {} if dataset.label_names == FER2013_LABELS else {"label_names": dataset.label_names}
    np.savez(path, images=dataset.images, labels=dataset.labels, usage=dataset.split, **named)
    return path


def save_video(path: Path, frames: list[np.ndarray], fps: float = 10.0) -> Path:
    """Write frames as a video file."""
    height, width = frames[0].shape[:2]
    code = cv2.VideoWriter.fourcc(*("MJPG" if path.suffix == ".avi" else "mp4v"))
    writer = cv2.VideoWriter(str(path), code, fps, (width, height))
    assert writer.isOpened()
    for frame in frames:
        writer.write(frame)
    writer.release()
    return path
