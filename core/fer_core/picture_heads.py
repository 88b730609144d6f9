"""What the head of a picture file says: which way up, transparent or not, and why it is not read.

OpenCV turns pictures by their EXIF, but not WebP before 4.11 nor JPEGs before it whose EXIF is not
the first segment, and leaves transparency away; so both are told here, by the files' own words.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

from fer_core.tiff_tags import BEGINNINGS, first_tags

HEIC = "HEIC (convert it with heif-convert, or let the phone save JPEG)"
_SCAN, _APP1, _PROGRESSIVE = 0xDA, 0xE1, {0xC2, 0xC6, 0xCA, 0xCE}
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
"""The kinds of JPEG segments that say how large the picture is (ITU T.81, table B.1)."""
_LOSSLESS = {0xC3, 0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF}
"""Of these the lossless and the hierarchical ones."""
_PNG, _BOXES_JP2, _BOXES_JXL = b"\x89PNG\r\n\x1a\n", b"\0\0\0\x0cjP  ", b"\0\0\0\x0cJXL "
_PNG_GRAY, _PNG_ALPHA = b"\x00", (b"\x04", b"\x06")
"""Colour types of PNG."""
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_ORIENTATION, _BITS, _PHOTOMETRIC, _SAMPLES, _EXTRA, _FORMAT = 274, 258, 262, 277, 338, 339
"""Tags of TIFF 6.0 and EXIF."""
_ASSOCIATED, _UNASSOCIATED, _UNSIGNED = 1, 2, 1
_RGB, _LAB = 2, {8, 9, 10}


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of a picture before it is decoded.

    `orientation` is EXIF's, 1 to 8; that of a TIFF file stays 1, since OpenCV turns it. `height`,
    `width` and `progressive` are a JPEG's, 0 for others. `alpha` is whether it holds transparency,
    `premultiplied` whether its colours are weighted with it, `bits` how many a sample has when it
    is decoded unchanged, `animated` whether more pictures follow. `refused` is why OpenCV would
    not read it, or show another picture.
    """

    orientation: int = 1
    height: int = 0
    width: int = 0
    progressive: bool = False
    alpha: bool = False
    premultiplied: bool = False
    bits: int = 16
    animated: bool = False
    refused: str = ""


def read_head(encoded: bytes) -> Head:
    """Return what a file's first bytes say; an empty Head for an unknown format."""
    if encoded.startswith(b"\xff\xd8"):
        return _jpeg(encoded)
    if encoded.startswith(_PNG):
        return _png(encoded)
    if encoded.startswith(b"RIFF") and encoded[8:12] == b"WEBP":
        return _webp(encoded)
    if encoded.startswith(BEGINNINGS):
        return _tiff(encoded)
    if encoded.startswith(b"GIF8"):
        return Head(alpha=True, animated=_gif_goes_on(encoded))
    if encoded.startswith(_BOXES_JP2):
        return _jpeg_2000(encoded)
    if encoded[4:8] == b"ftyp":
        return _avif(encoded)
    if encoded.startswith(b"BM"):
        return Head(alpha=_bitmap_has_alpha(encoded))
    if encoded.startswith((_BOXES_JXL, b"\xff\x0a")):
        return Head(refused="JPEG XL (save it as JPEG)")
    return Head()


def has_no_end(encoded: bytes) -> bool:
    """Return whether a PNG has no end after a picture, or a JPEG none after its first scan begins.

    OpenCV looks for the picture behind the end, too, as `_chunks` says.
    """
    if encoded.startswith(b"\x89PNG"):
        kinds = [kind for kind, _, _ in _chunks(encoded)]
        return b"IEND" not in kinds or b"IDAT" not in kinds[: kinds.index(b"IEND")]
    if not encoded.startswith(b"\xff\xd8"):
        return False
    begins = [at for kind, at in segments(encoded) if kind == _SCAN]
    return encoded.find(b"\xff\xd9", begins[0] if begins else 2) < 0


def segments(encoded: bytes) -> Iterator[tuple[int, int]]:
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


def _jpeg(encoded: bytes) -> Head:
    head, turned = Head(), 1
    for kind, at in segments(encoded):
        if kind == _APP1 and encoded[at + 4 : at + 10] == b"Exif\0\0" and turned == 1:
            length = int.from_bytes(encoded[at + 2 : at + 4], "big")
            turned = _orientation(encoded[at + 10 : at + 2 + length])
        elif kind in _FRAMES:
            height, width = (int.from_bytes(encoded[at + n : at + n + 2], "big") for n in (5, 7))
            head = Head(height=height, width=width, progressive=kind in _PROGRESSIVE)
            bits = int.from_bytes(encoded[at + 4 : at + 5], "big")
            if kind in _LOSSLESS:
                head = replace(head, refused="a lossless JPEG, which OpenCV does not read")
            elif bits != 8:
                head = replace(head, refused=f"a JPEG of {bits} bits a sample: save it with 8")
    return replace(head, orientation=turned)


def _png(encoded: bytes) -> Head:
    colours = encoded[25:26]
    head = Head(alpha=colours in _PNG_ALPHA)
    for kind, at, length in _chunks(encoded):
        if kind == b"tRNS" and colours == _PNG_GRAY:
            head = replace(head, refused="a PNG with a transparent gray: save it as JPEG")
        elif kind == b"tRNS":
            head = replace(head, alpha=True)
        elif kind == b"acTL":
            head = replace(head, animated=True)
        elif kind == b"eXIf":
            head = replace(head, orientation=_orientation(encoded[at + 8 : at + 8 + length]))
    return head


def _chunks(encoded: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, place and length of each chunk of a PNG, up to one that goes beyond the file.

    OpenCV takes as much memory as a chunk claims to have, up to 2 GB, before it reads it.
    """
    at = len(_PNG)
    while at + 8 <= len(encoded):
        length, kind = struct.unpack_from(">I4s", encoded, at)
        if at + 8 + length > len(encoded):
            return
        yield kind, at, length
        at += 12 + length


def _webp(encoded: bytes) -> Head:
    head, at = Head(), 12
    while at + 8 <= len(encoded):
        kind, length = struct.unpack_from("<4sI", encoded, at)
        inside = encoded[at + 8 : at + 8 + length] if kind == b"EXIF" else encoded[at + 8 : at + 18]
        if kind == b"VP8X" and inside:
            head = replace(head, alpha=bool(inside[0] & 0x10), animated=bool(inside[0] & 0x02))
        elif kind == b"VP8L" and len(inside) > 4:
            head = replace(head, alpha=head.alpha or bool(inside[4] & 0x10))
        elif kind == b"EXIF":
            head = replace(head, orientation=_orientation(inside.removeprefix(b"Exif\0\0")))
        at += 8 + length + length % 2
    return head


def _tiff(encoded: bytes) -> Head:
    tags = first_tags(encoded)
    bits, samples, extra = tags.get(_BITS, 1), tags.get(_SAMPLES, 1), tags.get(_EXTRA)
    unnamed = extra is None and samples == 4 and tags.get(_PHOTOMETRIC) == _RGB
    alpha = unnamed or extra in (_ASSOCIATED, _UNASSOCIATED)
    refused = ""
    if tags.get(_FORMAT, _UNSIGNED) != _UNSIGNED or bits > 16:
        refused = f"a TIFF file of signed, long or floating-point numbers ({bits} bits a sample)"
    elif tags.get(_PHOTOMETRIC) in _LAB:
        refused = "a TIFF file with Lab colours"
    elif alpha and samples == 2:
        refused = "a gray TIFF file with transparency, which OpenCV shows on black"
    return Head(
        alpha=alpha,
        premultiplied=extra == _ASSOCIATED or (extra == _UNASSOCIATED and bits == 8),  # by OpenCV
        refused=refused and f"{refused}: save it as PNG or JPEG",
    )


def _jpeg_2000(encoded: bytes) -> Head:
    at = encoded.find(b"ihdr", 0, 200)
    channels = int.from_bytes(encoded[at + 12 : at + 14], "big") if at >= 0 else 0
    if channels == 2:
        return Head(refused="a gray JPEG 2000 with transparency: save it as PNG")
    return Head(alpha=channels == 4)


def _avif(encoded: bytes) -> Head:
    """Return what the boxes before the pixels say (ISO 23008-12, and the AV1 image format)."""
    brands = encoded[8 : int.from_bytes(encoded[:4], "big")]
    if b"avif" not in brands and b"avis" not in brands:
        return Head(refused=HEIC if encoded[8:12] in _HEIC_BRANDS else "")
    boxes = encoded[: encoded.find(b"mdat")]
    turn = boxes.find(b"\0\0\0\x09irot")
    if b"\0\0\0\x09imir" in boxes or (turn >= 0 and boxes[turn + 8 : turn + 9] != b"\0"):
        return Head(refused="an AVIF file to be turned, which OpenCV does not do: save it as JPEG")
    settings = boxes.find(b"av1C")
    depth = boxes[settings + 6] if 0 <= settings < len(boxes) - 6 else 0
    bits = (12 if depth & 0x20 else 10) if depth & 0x40 else 8
    animated = encoded[8:12] == b"avis"
    return Head(alpha=b"auxiliary:alpha\0" in boxes, bits=bits, animated=animated)


def _gif_goes_on(encoded: bytes) -> bool:
    """Return whether a GIF has a second picture (GIF89a: tables of colours, chains of blocks)."""

    def colours(at: int) -> int:
        return 3 << (encoded[at] % 8 + 1) if encoded[at : at + 1] >= b"\x80" else 0

    pictures, at = 0, 13 + colours(10)
    while pictures < 2 and encoded[at : at + 1] in (b",", b"!"):
        is_picture = encoded[at : at + 1] == b","
        pictures += is_picture
        at += 11 + colours(at + 9) if is_picture else 2
        while encoded[at : at + 1] > b"\0":
            at += 1 + encoded[at]
        at += 1
    return pictures > 1


def _bitmap_has_alpha(encoded: bytes) -> bool:
    """Return whether a BMP has a mask of transparency; without one the fourth byte is no matter."""
    length, bits, packed = (
        int.from_bytes(encoded[at : at + size], "little")
        for at, size in ((14, 4), (28, 2), (30, 4))
    )
    return length >= 56 and bits == 32 and packed == 3 and any(encoded[66:70])


def _orientation(exif: bytes) -> int:
    """Return which way up a picture is, 1 (as stored) to 8; 1 where EXIF says nothing of it."""
    value = first_tags(exif).get(_ORIENTATION, 1)
    return value if 1 <= value <= 8 else 1


def tells_gamma(encoded: bytes) -> bool:
    """Return whether a PNG of colours tells its gamma, by which OpenCV makes another gray."""
    head = encoded[: max(0, encoded.find(b"IDAT"))]
    told = any(chunk in head for chunk in (b"gAMA", b"sRGB", b"iCCP"))
    return told and head[:4] == b"\x89PNG" and head[25:26] in (b"\2", b"\3")
