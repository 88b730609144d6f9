"""The tags of TIFF files (TIFF 6.0 and BigTIFF), which EXIF is written in, too."""

from __future__ import annotations

import struct
from collections.abc import Mapping

BEGINNINGS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_NUMBERS = {1: "B", 3: "H", 4: "I", 16: "Q"}
"""Types of TIFF's numbers."""


def first_tags(encoded: bytes) -> Mapping[int, int]:
    """Return the first number of each tag in the first directory of a TIFF or BigTIFF file."""
    if not encoded.startswith(BEGINNINGS):
        return {}
    order = "<" if encoded.startswith(b"I") else ">"
    large = b"+" in encoded[:4]
    place, count, entry, size = ("Q", "Q", "HHQ", 20) if large else ("I", "H", "HHI", 12)
    tags: dict[int, int] = {}
    try:
        (at,) = struct.unpack_from(order + place, encoded, 8 if large else 4)
        (entries,) = struct.unpack_from(order + count, encoded, at)
        at += struct.calcsize(count)
        for start in range(at, min(at + size * entries, len(encoded)), size):
            tag, kind, numbers = struct.unpack_from(order + entry, encoded, start)
            value = start + struct.calcsize("<" + entry)
            if kind not in _NUMBERS:
                continue
            number = order + _NUMBERS[kind]
            if numbers * struct.calcsize(number) > (8 if large else 4):
                (value,) = struct.unpack_from(order + place, encoded, value)
            tags[tag] = struct.unpack_from(number, encoded, value)[0]
    except (struct.error, OverflowError):  # cut short, or a place beyond any file
        return tags
    return tags
