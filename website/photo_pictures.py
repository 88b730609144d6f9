"""Pictures of pixels: what the network sees of a face, and what distortions do to it.

The face is the public-domain portrait that ships.
"""

from __future__ import annotations

import cv2
import numpy as np

from fer_bench.distortions import DISTORTIONS, SEED
from fer_core.preprocess import levelled
from fer_core.values import Face, Frame, UInt8Array
from fer_edge.faces.haar import HaarDetector
from fer_edge.inference.interpreter import TfliteModel
from fer_edge.inference.models import load_model
from fer_edge.outputs.lettering import draw_text
from fer_edge.portrait import demo_portrait

GAP, CAPTION, SIDE = 16, 26, 144
ROLL_DEGREES = 18.0


def crop() -> UInt8Array:
    """Show each step from a frame to the network's input, for a face that leans."""
    face, frame = _leaning()
    spec, box = load_model().manifest.input, face.box
    upright = levelled(frame.pixels, box, face.roll_degrees)
    gray = cv2.cvtColor(cv2.cvtColor(upright, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    marked = frame.pixels.copy()
    square = (
        (box.x + box.width / 2, box.y + box.height / 2),
        (box.width, box.height),
        face.roll_degrees,
    )
    cv2.polylines(
        marked,
        [np.rint(cv2.boxPoints(square)).astype(np.int32)],
        True,
        (0, 200, 250),
        2,
        cv2.LINE_AA,
    )
    height = 240
    steps = [
        ("1. the box that was found", _scaled(marked[:330, 60:400], height, cv2.INTER_AREA)),
        ("2. cropped, upright", _scaled(upright, height, cv2.INTER_CUBIC)),
        ("3. gray", _scaled(gray, height, cv2.INTER_CUBIC)),
        (
            f"4. {spec.width}x{spec.height}: the input",
            _scaled(_as_bgr(spec.pixels(frame, face)), height, cv2.INTER_NEAREST),
        ),
    ]
    return _row([_captioned(*step) for step in steps])


def distortions() -> UInt8Array:
    """Show each distortion that the benchmark measures, and what the default model then says."""
    model = TfliteModel(load_model())
    frame = Frame(demo_portrait(), 0, 0.0)
    (face, *_) = HaarDetector().detect(frame)
    plain = model.bundle.manifest.input.pixels(frame, face)
    pictures = {"undistorted": plain}
    for name, distort in DISTORTIONS.items():
        pictures[name.replace("±", "+-").replace("°", " deg")] = distort(
            plain, np.random.default_rng((SEED, 1))
        )
    cells = []
    for name, pixels in pictures.items():
        shares = model.probabilities(pixels)
        label = model.bundle.manifest.labels[int(shares.argmax())]
        enlarged = _scaled(_as_bgr(pixels), SIDE, cv2.INTER_NEAREST)
        cells.append(_captioned(name, enlarged, f"{label} {shares.max():.0%}"))
    cells.append(np.full_like(cells[0], 255))
    half = len(cells) // 2
    return np.vstack([_row(cells[:half]), _row(cells[half:])])


def _leaning() -> tuple[Face, Frame]:
    """Return the portrait turned, and its face with the roll that the detector tells."""
    portrait = demo_portrait()
    height, width = portrait.shape[:2]
    turn = cv2.getRotationMatrix2D((224, 120), -ROLL_DEGREES, 1.0)
    turned = cv2.warpAffine(portrait, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
    frame = Frame(np.asarray(turned, np.uint8), 0, 0.0)
    return HaarDetector().detect(frame)[0], frame


def _as_bgr(pixels: UInt8Array) -> UInt8Array:
    return np.asarray(cv2.cvtColor(pixels[..., 0], cv2.COLOR_GRAY2BGR), np.uint8)


def _scaled(pixels: UInt8Array, height: int, method: int) -> UInt8Array:
    width = round(pixels.shape[1] * height / pixels.shape[0])
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=method), np.uint8)


def _captioned(above: str, pixels: UInt8Array, below: str = "") -> UInt8Array:
    """Return a picture with a line above and one below, on white."""
    height, width = pixels.shape[:2]
    rows = CAPTION * (2 if below else 1)
    cell = np.full((height + rows + GAP // 2, width + GAP, 3), 255, np.uint8)
    left = GAP // 2
    cell[CAPTION : CAPTION + height, left : left + width] = pixels
    draw_text(cell, above, left, CAPTION - 8, 0.45, (36, 28, 31))
    draw_text(cell, below, left, CAPTION + height + 18, 0.45, (114, 100, 91))
    return cell


def _row(cells: list[UInt8Array]) -> UInt8Array:
    return np.hstack(cells)
