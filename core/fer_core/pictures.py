"""Picture files: which are found in a folder, what is left out and why, and how they are read."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fer_core.native import native_stderr
from fer_core.opencv import MOST_PIXELS, cv2
from fer_core.values import UInt8Array

PICTURE_SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".dib", ".webp", ".tif", ".tiff"}
    | {".jp2", ".avif", ".gif", ".pbm", ".pgm", ".ppm"}
)
"""What OpenCV reads, in small letters; of a .gif the first picture (OpenCV 4.11 and newer)."""
VIDEO_SUFFIXES = {".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv"}
NOT_READ = {
    ".heic": "HEIC (convert it with heif-convert, or let the telephone save JPEG)",
    ".heif": "HEIC (convert it with heif-convert, or let the telephone save JPEG)",
    **dict.fromkeys((".dng", ".cr2", ".nef", ".arw"), "raw pictures (export them as JPEG)"),
    **dict.fromkeys(VIDEO_SUFFIXES, "videos (they go with --video)"),
}
UNREADABLE = "empty, cut short or of an unknown format"
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
_SCAN, _PROGRESSIVE = 0xDA, {0xC2, 0xC6, 0xCA, 0xCE}
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
"""The kinds of JPEG segments that say how large the picture is (ITU T.81, table B.1)."""
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
        for path in sorted(folder.rglob("*"))
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
    """A decoded picture, gray (h, w) or BGR (h, w, 3) uint8, turned as its EXIF says.

    `reduced` is how many times larger each side is in the file.
    """

    pixels: UInt8Array
    reduced: int = 1


def read_picture(file: Path, colour: bool = False) -> Picture | str:
    """Return the picture in a file, or why there is none, in words.

    A JPEG of more than REDUCED_FROM pixels is decoded at a half, a quarter or an eighth of its
    sides, other formats have a limit of MOST_PIXELS.
    """
    try:
        if file.stat().st_size > MOST_BYTES:
            return f"larger than {MOST_BYTES / 1e6:.0f} MB"
        return _decoded(file.read_bytes(), colour)
    except OSError as error:
        return str(error.strerror)


def decode_picture(encoded: bytes, colour: bool = False) -> UInt8Array | None:
    """Return an encoded picture (PNG, JPEG, ...) as gray (h, w) or BGR (h, w, 3).

    None for what is empty, cut short, too large or no picture.
    """
    picture = _decoded(encoded, colour)
    return picture.pixels if isinstance(picture, Picture) else None


def _decoded(encoded: bytes, colour: bool) -> Picture | str:
    """Return a decoded picture, or why it cannot be decoded.

    OpenCV fills the missing part of a JPEG with gray; that it was missing only its decoder's
    warning on stderr says, and before OpenCV 4.11 not even that where the end is missing too.
    """
    if not encoded or _has_no_end(encoded):
        return UNREADABLE
    reduced = _reduction(encoded)
    if not reduced:
        return TOO_LARGE
    try:
        with native_stderr() as lines:
            picture = cv2.imdecode(np.frombuffer(encoded, np.uint8), _FLAGS[colour][reduced])
    except cv2.error as error:
        return TOO_LARGE if "MAX_IMAGE" in str(error) else UNREADABLE
    if picture is None or any(mark in line for line in lines for mark in _CUT_SHORT):
        return UNREADABLE
    for line in lines:
        if line and not line.startswith(_DECODERS):  # another thread's
            print(line, file=sys.stderr)
    return Picture(np.asarray(picture, np.uint8), reduced)


def _reduction(encoded: bytes) -> int:
    """Return by how much the sides of a picture are divided in decoding, 0 for one too large.

    A progressive JPEG is held whole while it is decoded, however small the result.
    """
    height, width, progressive = _size_of_jpeg(encoded)
    if progressive and height * width > MOST_PIXELS:
        return 0
    for reduced in (1, 2, 4, 8):
        if height * width <= REDUCED_FROM * reduced**2:
            return reduced
    return 0


def _size_of_jpeg(encoded: bytes) -> tuple[int, int, bool]:
    """Return height and width by a JPEG's head, and if it is progressive; nothing for others."""
    for kind, at in _segments(encoded):
        if kind in _FRAMES:
            height, width = (int.from_bytes(encoded[at + n : at + n + 2], "big") for n in (5, 7))
            return height, width, kind in _PROGRESSIVE
    return 0, 0, False


def _segments(encoded: bytes) -> Iterator[tuple[int, int]]:
    """Yield kind and place of a JPEG's segments up to its first scan; fill bytes are passed over.

    What cameras append behind the picture does not matter, nor do fill bytes (ITU T.81, B.1.1.2).
    """
    at = 2
    while encoded.startswith(b"\xff\xd8") and encoded[at : at + 1] == b"\xff":
        kind = int.from_bytes(encoded[at + 1 : at + 2], "big")
        if kind == 0xFF:
            at += 1
            continue
        yield kind, at
        if kind == _SCAN:
            return
        at += 2 + int.from_bytes(encoded[at + 2 : at + 4], "big")  # past one segment


def _has_no_end(encoded: bytes) -> bool:
    """Return whether a PNG has no end, or a JPEG none after its first scan begins."""
    if encoded.startswith(b"\x89PNG"):
        return b"IEND" not in encoded
    if not encoded.startswith(b"\xff\xd8"):
        return False
    begins = [at for kind, at in _segments(encoded) if kind == _SCAN]
    return encoded.find(b"\xff\xd9", begins[0] if begins else 2) < 0
