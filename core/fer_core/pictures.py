"""Picture files: which are found in a folder, what is left out and why, and how they are read."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fer_core.native import native_stderr
from fer_core.opencv import cv2
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


def decode_picture(encoded: bytes, colour: bool = False) -> UInt8Array | None:
    """Return an encoded picture (PNG, JPEG, ...) as gray (h, w) or BGR (h, w, 3).

    None for what is empty, cut short or no picture. OpenCV fills the missing part of a JPEG with
    gray; that it was missing only its decoder's warning on stderr says, and before OpenCV 4.11 not
    even that where the end is missing too.
    """
    if not encoded or _has_no_end(encoded):
        return None
    flag = cv2.IMREAD_COLOR if colour else cv2.IMREAD_GRAYSCALE
    try:
        with native_stderr() as lines:
            picture = cv2.imdecode(np.frombuffer(encoded, np.uint8), flag)
    except cv2.error:  # larger than OpenCV takes
        return None
    if any(mark in line for line in lines for mark in _CUT_SHORT):
        return None
    for line in lines:
        if line and not line.startswith(_DECODERS):  # another thread's
            print(line, file=sys.stderr)
    return None if picture is None else np.asarray(picture, np.uint8)


def _has_no_end(encoded: bytes) -> bool:
    """Return whether a PNG has no end, or a JPEG none after its first scan begins.

    What cameras append behind the picture does not matter, nor do fill bytes (ITU T.81, B.1.1.2).
    """
    if encoded.startswith(b"\x89PNG"):
        return b"IEND" not in encoded
    if not encoded.startswith(b"\xff\xd8"):
        return False
    at = 2
    while encoded[at : at + 1] == b"\xff":
        kind = encoded[at + 1 : at + 2]
        if kind == b"\xff":
            at += 1
        elif kind == b"\xda":
            break
        else:
            at += 2 + int.from_bytes(encoded[at + 2 : at + 4], "big")  # past one segment
    return encoded.find(b"\xff\xd9", at) < 0
