"""Text on pictures, in the script that it is written in where a font for it is here.

OpenCV draws ASCII alone. For other text Pillow draws with the first font of this computer that has
every letter; without Pillow or such a font it is spelled in ASCII.
"""

from __future__ import annotations

import sys
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fer_core.opencv import cv2
from fer_core.text import in_ascii
from fer_core.values import UInt8Array

Colour = tuple[int, int, int]
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_CAPITAL_SHARE = 0.73
"""The height of a capital letter in that of a font's line, of DejaVu Sans."""
_LOOKED_AT_PX = 20
_NOT_A_CHARACTER = "\U0010ffff"
_FOLDERS = {
    "win32": ("C:/Windows/Fonts",),
    "darwin": ("/System/Library/Fonts", "/Library/Fonts"),
}
_FILES = (
    *("DejaVuSans.ttf", "NotoSans-Regular.ttf", "LiberationSans-Regular.ttf", "segoeui.ttf"),
    *("Arial Unicode.ttf", "NotoSansCJK-Regular.ttc", "wqy-zenhei.ttc", "msyh.ttc", "YuGothM.ttc"),
    *("malgun.ttf", "PingFang.ttc", "NotoSansArabic-Regular.ttf", "NotoSansDevanagari-Regular.ttf"),
    *("NotoSansHebrew-Regular.ttf", "NotoSansThai-Regular.ttf", "Nirmala.ttf"),
)


class _Drawn(NamedTuple):
    """Text as opacity (h, w) uint8; `above` are the rows above its baseline."""

    opacity: UInt8Array
    above: int


def text_size(text: str, scale: float, weight: int = 1) -> tuple[int, int]:
    """Return width and height above the baseline in pixels.

    Args:
        text: The text.
        scale: That of OpenCV's fonts.
        weight: The thickness of the strokes, in pixels.
    """
    drawn = _drawn(text, scale)
    if drawn:
        return drawn.opacity.shape[1], _capital_px(scale)
    (width, height), _ = cv2.getTextSize(in_ascii(text), _FONT, scale, weight)
    return width, height


def draw_text(
    canvas: UInt8Array,
    text: str,
    left: int,
    baseline: int,
    scale: float,
    colour: Colour,
    weight: int = 1,
) -> None:
    """Draw text into a picture; what does not fit is cut off.

    Args:
        canvas: The picture (h, w, 3) uint8 BGR, which is changed in place.
        text: The text.
        left: Where it begins, in pixels.
        baseline: The row that it stands on, in pixels.
        scale: That of OpenCV's fonts.
        colour: Blue, green and red, 0 to 255.
        weight: The thickness of the strokes, in pixels.
    """
    drawn = _drawn(text, scale)
    if not drawn:
        place = (left, baseline)
        cv2.putText(canvas, in_ascii(text), place, _FONT, scale, colour, weight, cv2.LINE_AA)
        return
    top, (height, width) = baseline - drawn.above, drawn.opacity.shape
    rows = slice(max(top, 0), max(min(top + height, canvas.shape[0]), 0))
    columns = slice(max(left, 0), max(min(left + width, canvas.shape[1]), 0))
    part = canvas[rows, columns]
    if part.size:
        seen = drawn.opacity[
            rows.start - top : rows.stop - top, columns.start - left : columns.stop - left
        ]
        share = seen[..., np.newaxis].astype(np.float32) / 255
        part[:] = np.rint(part * (1 - share) + np.array(colour) * share).astype(np.uint8)


def _capital_px(scale: float) -> int:
    return int(cv2.getTextSize("X", _FONT, scale, 1)[0][1])


@lru_cache(maxsize=512)
def _drawn(text: str, scale: float) -> _Drawn | None:
    """Return text drawn by Pillow, None for what OpenCV has to draw."""
    if text.isascii():
        return None
    file = _file_with("".join(sorted({letter for letter in text if not letter.isascii()})))
    if file is None:
        return None
    font = _font(file, round(_capital_px(scale) / _CAPITAL_SHARE))
    try:
        mask, (_, top) = font.getmask2(text, mode="L", anchor="ls")
    except (ValueError, RuntimeError, OSError):  # a line break, which raqm does not lay out
        return None
    width, height = mask.size
    opacity = np.array(mask, np.uint8).reshape(height, width)
    return _Drawn(opacity, -top) if width and height else None


@lru_cache(maxsize=64)
def _file_with(letters: str) -> Path | None:
    """Return the first font that has all these letters, None without one or without Pillow."""
    if find_spec("PIL") is None:
        return None
    for file in _font_files():
        try:
            missing = _glyph(file, _NOT_A_CHARACTER)
            if all(_glyph(file, letter) != missing for letter in letters):
                return file
        except (OSError, ValueError, RuntimeError):  # a damaged font, or letters that are none
            continue
    return None


def _glyph(file: Path, letter: str) -> tuple[Any, bytes]:
    mask = _font(file, _LOOKED_AT_PX).getmask(letter)
    return mask.size, bytes(mask)


@lru_cache(maxsize=8)
def _font(file: Path, size_px: int) -> Any:
    from PIL import ImageFont

    return ImageFont.truetype(str(file), size_px)


@cache
def _font_files() -> tuple[Path, ...]:
    """Return the fonts that are here, those of the system first."""
    try:
        home = [Path.home() / ".fonts", Path.home() / ".local" / "share" / "fonts"]
    except RuntimeError:  # a user without a home
        home = []
    folders = [Path(name) for name in _FOLDERS.get(sys.platform, ("/usr/share/fonts",))]
    plots = find_spec("matplotlib")
    if plots and plots.submodule_search_locations:
        folders.append(Path(plots.submodule_search_locations[0]) / "mpl-data" / "fonts" / "ttf")
    there = {
        path.name: path
        for folder in reversed([*home, *folders])
        if folder.is_dir()
        for path in folder.rglob("*.tt[fc]")
    }
    return tuple(there[name] for name in _FILES if name in there)
