"""Makes the pictures of the documentation: `python website/pictures.py`.

They come from the code, the committed results and the public-domain portrait. The pictures of
pages come from `tests/page_pictures.py` and `tests/studio_picture.py`, the others from `fer-edge
--demo` and `fer-train explain`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import cv2

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
import drawn_pictures
import photo_pictures
import plotted_pictures

OUT = Path(__file__).parents[1] / "docs" / "pictures"
DRAWN: dict[str, Callable[[], str]] = {
    "pipeline": drawn_pictures.pipeline,
    "bundle": drawn_pictures.bundle,
    "tracking": plotted_pictures.tracking,
    "calibration": plotted_pictures.calibration,
    "accuracy-latency": plotted_pictures.front,
}
PHOTOS = {"crop": photo_pictures.crop, "distortions": photo_pictures.distortions}


def main(out: Path = OUT) -> None:
    """Write every picture."""
    out.mkdir(parents=True, exist_ok=True)
    for name, draw in DRAWN.items():
        (out / f"{name}.svg").write_text(draw(), encoding="utf-8")
    for name, show in PHOTOS.items():
        cv2.imwrite(str(out / f"{name}.jpg"), show(), [cv2.IMWRITE_JPEG_QUALITY, 88])


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
