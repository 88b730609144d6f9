"""Picture files: which are found in a folder, what is left out and why, and how they are read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fer_core.logs import tell
from fer_core.native import native_stderr
from fer_core.opencv import MOST_PIXELS, cv2
from fer_core.path_order import by_name
from fer_core.picture_heads import HEIC, Head, has_no_end, read_head, tells_gamma
from fer_core.values import AnyArray, UInt8Array

PICTURE_SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".dib", ".webp", ".tif", ".tiff"}
    | {".jp2", ".avif", ".gif", ".pbm", ".pgm", ".ppm"}
)
"""What OpenCV reads, in small letters; its wheels read .gif and .avif from 4.12 on."""
VIDEO_SUFFIXES = {".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv"}
NOT_READ = {
    **dict.fromkeys((".heic", ".heif", ".hif"), HEIC),
    **dict.fromkeys((".dng", ".cr2", ".nef", ".arw"), "raw pictures (export them as JPEG)"),
    **dict.fromkeys(VIDEO_SUFFIXES, "videos (they go with --video)"),
}
EMPTY, DAMAGED, UNKNOWN = "empty", "damaged or cut short", "no picture or of an unknown format"
"""Why a file is not read, where nothing more is known."""
TOO_LARGE = f"larger than {MOST_PIXELS / 1e6:.0f} megapixels: make it smaller"
MOST_BYTES = 200_000_000
REDUCED_FROM = 16_000_000
_FLAGS = {
    True: {
        1: cv2.IMREAD_COLOR,
        2: cv2.IMREAD_REDUCED_COLOR_2,
        4: cv2.IMREAD_REDUCED_COLOR_4,
        8: cv2.IMREAD_REDUCED_COLOR_8,
    },
    False: {
        1: cv2.IMREAD_GRAYSCALE,
        2: cv2.IMREAD_REDUCED_GRAYSCALE_2,
        4: cv2.IMREAD_REDUCED_GRAYSCALE_4,
        8: cv2.IMREAD_REDUCED_GRAYSCALE_8,
    },
}
_AS_STORED = cv2.IMREAD_IGNORE_ORIENTATION
_MIRRORED = {2, 4, 5, 7}
_TURNS = {
    3: cv2.ROTATE_180,
    4: cv2.ROTATE_180,
    5: cv2.ROTATE_90_COUNTERCLOCKWISE,
    6: cv2.ROTATE_90_CLOCKWISE,
    7: cv2.ROTATE_90_CLOCKWISE,
    8: cv2.ROTATE_90_COUNTERCLOCKWISE,
}
"""How a picture of each EXIF orientation is turned, after those of _MIRRORED were mirrored."""
_STRIP, _WHITE = 64, 255
_NOT_EVERYWHERE = {
    rb"GIF8": "GIF, which needs OpenCV 4.12",
    rb".{4}ftypavi": "AVIF, which needs OpenCV 4.12",
    rb"RIFF.{4}WEBPVP8X": "an animated WebP, which needs OpenCV 4.11",
    rb"II[*+]\0|MM\0[*+]": "a TIFF file of a kind that OpenCV does not read",
    rb"\0\0\0\x0cjP  ": "a JPEG 2000 of a kind that OpenCV does not read",
}
"""How files begin that not every OpenCV reads; the versions are those of its wheels."""
_EVERYWHERE = rb"\xff\xd8|\x89PNG|RIFF.{4}WEBP|BM|P[1-6]\s"
"""How files begin that every OpenCV reads."""
_JUNK = {"__macosx", "thumbs.db", "desktop.ini"}
_DECODERS = ("Corrupt JPEG data", "libpng", "[ WARN", "[ERROR", "TIFF", "imread", "imdecode")
_CUT_SHORT = ("premature end", "Premature end", "PNG input buffer is incomplete", "Read Error")


@dataclass(frozen=True, slots=True)
class FoundPictures:
    """The pictures of a folder and of those below it, and the files that are none."""

    files: tuple[Path, ...]
    others: tuple[Path, ...]

    def left_out(self) -> str:
        """Return how many files were left out, by reason; nothing where none was."""
        return left_out(self.others)


def is_junk(path: Path) -> bool:
    """Return whether systems and archives leave it behind: hidden, `__MACOSX`, `Thumbs.db`."""
    return path.name.startswith(".") or path.name.lower() in _JUNK


def find_pictures(folder: Path) -> FoundPictures:
    """Return what lies in a folder and in those below it, in the order of the names."""
    files = [
        path
        for path in sorted(folder.rglob("*"), key=by_name)
        if path.is_file()
        and not any(is_junk(part) for part in (path, *path.relative_to(folder).parents[:-1]))
    ]
    found: tuple[list[Path], list[Path]] = ([], [])
    for path in files:
        found[path.suffix.lower() not in PICTURE_SUFFIXES].append(path)
    return FoundPictures(tuple(found[0]), tuple(found[1]))


def left_out(others: Iterable[Path]) -> str:
    """Return how many files are no pictures that can be read, by reason; nothing for none."""
    reasons = Counter(
        NOT_READ.get(path.suffix.lower(), f"{path.suffix.lower() or 'no suffix'}: no picture")
        for path in others
    )
    return ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A decoded picture, gray (h, w) or BGR (h, w, 3) uint8, as viewers show it.

    It is turned as its EXIF says. What is transparent shows white. Of an animation it is the first
    picture, of a TIFF file the first page; colour profiles do not count.
    `reduced` is how many times larger each side is in the file, `animated` whether more follow.
    """

    pixels: UInt8Array
    reduced: int = 1
    animated: bool = False


def read_picture(file: Path, colour: bool = False) -> Picture | str:
    """Return the picture in a file, or why there is none, in words.

    A JPEG of more than REDUCED_FROM pixels is decoded at a half, a quarter or an eighth of its
    sides, other formats have a limit of MOST_PIXELS.
    """
    try:
        if file.stat().st_size > MOST_BYTES:
            return f"larger than {MOST_BYTES / 1e6:.0f} MB"
        return decode_or_reason(file.read_bytes(), colour)
    except OSError as error:
        return str(error.strerror)


def animation_note(file: Path) -> str:
    """Return the line that says what is left out of an animation."""
    return f"{file} is an animation: only the first picture of one is looked at"


def decode_picture(encoded: bytes, colour: bool = False) -> UInt8Array | None:
    """Return an encoded picture (PNG, JPEG, ...) as gray (h, w) or BGR (h, w, 3).

    None for what is empty, damaged, too large or no picture.
    """
    picture = decode_or_reason(encoded, colour)
    return picture.pixels if isinstance(picture, Picture) else None


def decode_or_reason(encoded: bytes, colour: bool = False) -> Picture | str:
    """Return a decoded picture, or why it cannot be decoded, in words.

    OpenCV fills the missing part of a JPEG with gray; that it was missing only its decoder's
    warning on stderr says, and before OpenCV 4.11 not even that where the end is missing too.
    """
    if not encoded:
        return EMPTY
    if has_no_end(encoded):
        return DAMAGED
    head = read_head(encoded)
    if head.refused:
        return head.refused
    reduced = _reduction(head)
    if not reduced:
        return TOO_LARGE
    to_gray = not (colour or head.alpha) and tells_gamma(encoded)
    flags = _FLAGS[colour or to_gray][reduced] | _AS_STORED
    if head.alpha:
        flags = cv2.IMREAD_UNCHANGED
    try:
        with native_stderr() as lines:
            picture = cv2.imdecode(np.frombuffer(encoded, np.uint8), flags)
    except cv2.error as error:
        return TOO_LARGE if "MAX_IMAGE" in str(error) else _unread(encoded)
    if picture is None or any(mark in line for line in lines for mark in _CUT_SHORT):
        return _unread(encoded)
    for line in lines:
        if line and not line.startswith(_DECODERS):  # another thread's
            tell(line)
    if to_gray:
        picture = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    pixels = _on_white(picture, colour, head) if head.alpha else np.asarray(picture, np.uint8)
    return Picture(_upright(pixels, head.orientation), reduced, head.animated)


def _unread(encoded: bytes) -> str:
    """Return why OpenCV did not decode a picture that its head does not refuse."""
    for begin, kind in _NOT_EVERYWHERE.items():
        if re.match(begin, encoded, re.DOTALL):
            return f"damaged, or {kind} (this is OpenCV {cv2.__version__})"
    return DAMAGED if re.match(_EVERYWHERE, encoded, re.DOTALL) else UNKNOWN


def _reduction(head: Head) -> int:
    """Return by how much the sides of a picture are divided in decoding, 0 for one too large.

    A progressive JPEG is held whole while it is decoded, however small the result.
    """
    if head.progressive and head.height * head.width > MOST_PIXELS:
        return 0
    for reduced in (1, 2, 4, 8):
        if head.height * head.width <= REDUCED_FROM * reduced**2:
            return reduced
    return 0


def _upright(pixels: UInt8Array, orientation: int) -> UInt8Array:
    """Return a picture turned and mirrored as its EXIF says (tag Orientation, 1 to 8)."""
    if orientation in _MIRRORED:
        pixels = np.asarray(cv2.flip(pixels, 1), np.uint8)
    turn = _TURNS.get(orientation)
    return pixels if turn is None else np.asarray(cv2.rotate(pixels, turn), np.uint8)


def _on_white(pixels: AnyArray, colour: bool, head: Head) -> UInt8Array:
    """Return what shows of pixels decoded unchanged on white, gray or BGR uint8.

    Strip by strip: no large picture is held in floating-point numbers.
    """
    height, width = pixels.shape[:2]
    shown = np.empty((height, width, 3) if colour else (height, width), np.uint8)
    for top in range(0, height, _STRIP):
        strip = _blended(pixels[top : top + _STRIP], head)
        if (strip.ndim == 3) != colour:
            change = cv2.COLOR_GRAY2BGR if colour else cv2.COLOR_BGR2GRAY
            strip = np.asarray(cv2.cvtColor(strip, change), np.uint8)
        shown[top : top + _STRIP] = strip
    return shown


def _blended(pixels: AnyArray, head: Head) -> UInt8Array:
    """Return gray or BGR uint8 of gray, BGR or BGRA pixels of `head.bits` or 8 bits."""
    four = pixels.ndim == 3 and pixels.shape[2] == 4
    if pixels.dtype == np.uint8 and (not four or pixels[..., 3].min() == _WHITE):
        return np.asarray(pixels[..., :3] if four else pixels, np.uint8)
    most = _WHITE if pixels.dtype == np.uint8 else 2**head.bits - 1
    numbers = pixels.astype(np.float32) * np.float32(_WHITE / most)
    if four:
        alpha = numbers[..., 3:] / _WHITE
        numbers = numbers[..., :3] * (1 if head.premultiplied else alpha) + _WHITE * (1 - alpha)
    return np.asarray(np.clip(np.rint(numbers), 0, _WHITE), np.uint8)
