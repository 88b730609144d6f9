"""Heads of pictures laid out by hand, by the words of their formats."""

from __future__ import annotations

import struct

import pytest

from fer_core.picture_heads import Head, has_no_end, read_head, segments, tells_gamma

EXIF_TURNED = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0"
"""EXIF with the orientation 6 alone."""


def segment(kind: int, body: bytes) -> bytes:
    return bytes((0xFF, kind)) + (len(body) + 2).to_bytes(2, "big") + body


def frame(kind: int, bits: int = 8) -> bytes:
    return segment(kind, struct.pack(">BHHB", bits, 0x0203, 0x0405, 1) + b"\x01\x11\0")


def jpeg(*parts: bytes) -> bytes:
    return b"\xff\xd8" + b"".join(parts) + segment(0xDA, b"\0" * 6) + b"pixels\xff\xd9"


@pytest.mark.parametrize("kind", [0xC0, 0xC1])
def test_a_jpeg_tells_its_size(kind: int) -> None:
    assert read_head(jpeg(frame(kind))) == Head(height=0x0203, width=0x0405)


def test_a_progressive_and_a_lossless_jpeg_are_told() -> None:
    for kind in (0xC2, 0xCA):
        assert read_head(jpeg(frame(kind))) == Head(height=515, width=1029, progressive=True)
    for kind in (0xC3, 0xC5, 0xC7, 0xCB, 0xCF):
        assert read_head(jpeg(frame(kind))).refused.startswith("a lossless JPEG")
    refused = read_head(jpeg(frame(0xC0, bits=12))).refused
    assert refused == "a JPEG of 12 bits a sample: save it with 8"
    for table in (0xC4, 0xC8, 0xCC):
        assert read_head(jpeg(frame(table))) == Head()


def test_a_jpeg_is_turned_by_its_first_exif_wherever_that_stands() -> None:
    turned = segment(0xE1, b"Exif\0\0" + EXIF_TURNED)
    upright = segment(0xE1, b"Exif\0\0" + EXIF_TURNED[:-4] + b"\x03\0\0\0")
    other = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0")
    assert read_head(jpeg(frame(0xC0), turned)).orientation == 6
    assert read_head(jpeg(other, turned, upright, frame(0xC0))).orientation == 6
    assert read_head(jpeg(segment(0xE0, b"Exif\0\0" + EXIF_TURNED))).orientation == 1
    for wrong in (0, 9):
        odd = EXIF_TURNED[:-4] + bytes((wrong, 0, 0, 0))
        assert read_head(jpeg(segment(0xE1, b"Exif\0\0" + odd))).orientation == 1
    eighth = EXIF_TURNED[:-4] + b"\x08\0\0\0"
    assert read_head(jpeg(segment(0xE1, b"Exif\0\0" + eighth))).orientation == 8
    cut = segment(0xE1, b"Exif\0\0" + EXIF_TURNED[:-4])  # the next segment is no part of it
    assert read_head(jpeg(cut, frame(0xC0))).orientation == 1


def test_segments_end_with_the_first_scan_and_fill_bytes_are_none() -> None:
    encoded = jpeg(b"\xff\xff" + segment(0xE0, b"ab"), frame(0xC0))
    assert list(segments(encoded)) == [(0xE0, 4), (0xC0, 10), (0xDA, 23)]
    assert list(segments(b"\xff\xd8\xff\xe0\0\x04ab" + b"no marker")) == [(0xE0, 2)]
    assert list(segments(b"\x89PNG")) == []


def test_the_end_of_a_jpeg_comes_after_its_scan_begins() -> None:
    encoded = jpeg(segment(0xE1, b"thumbnail\xff\xd9"), frame(0xC0))
    assert not has_no_end(encoded)
    assert has_no_end(encoded[:-1])
    assert not has_no_end(b"\xff\xd8\xff\xd9")
    assert has_no_end(b"\xff\xd8")
    assert not has_no_end(b"GIF89a")


def chunk(kind: bytes, body: bytes = b"") -> bytes:
    return len(body).to_bytes(4, "big") + kind + body + b"crc."


def png(colours: int, *parts: bytes, end: bool = True) -> bytes:
    head = struct.pack(">IIBBBBB", 4, 4, 8, colours, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + b"".join(parts) + chunk(b"IEND") * end


def test_a_png_tells_transparency_turn_and_more_pictures() -> None:
    assert read_head(png(2)) == Head()
    assert read_head(png(4)) == read_head(png(6)) == Head(alpha=True)
    assert read_head(png(3, chunk(b"tRNS", b"\0"))) == Head(alpha=True)
    assert read_head(png(0, chunk(b"tRNS", b"\0\0"))).refused.startswith("a PNG with a transparent")
    assert read_head(png(2, chunk(b"acTL", bytes(8)))) == Head(animated=True)
    assert read_head(png(6, chunk(b"eXIf", EXIF_TURNED))) == Head(alpha=True, orientation=6)
    assert read_head(png(2, chunk(b"tEXt", b"tRNS"), chunk(b"eXIf", EXIF_TURNED))).orientation == 6


def test_a_png_ends_with_its_last_chunk() -> None:
    pixels = chunk(b"IDAT", b"\0")
    assert not has_no_end(png(2, pixels))
    assert not has_no_end(png(2, pixels) + b"what a camera appends")
    assert has_no_end(png(2, pixels, end=False))
    assert has_no_end(png(2, pixels, (1000).to_bytes(4, "big") + b"IDAT"))
    assert not has_no_end(png(2, pixels)[:-4])  # its checksum may lack
    assert has_no_end(png(2) + pixels)  # nothing before its end


def webp(*parts: tuple[bytes, bytes]) -> bytes:
    told = b"".join(
        kind + len(body).to_bytes(4, "little") + body + b"\0" * (len(body) % 2)
        for kind, body in parts
    )
    return b"RIFF" + (len(told) + 4).to_bytes(4, "little") + b"WEBP" + told


def test_a_webp_tells_transparency_turn_and_more_pictures() -> None:
    assert read_head(webp((b"VP8 ", bytes(12)))) == Head()
    assert read_head(webp((b"VP8X", b"\x10" + bytes(9)))) == Head(alpha=True)
    assert read_head(webp((b"VP8X", b"\x02" + bytes(9)))) == Head(animated=True)
    assert read_head(webp((b"VP8X", b"\x2c" + bytes(9)))) == Head()
    assert read_head(webp((b"VP8L", b"\x2f\0\0\0\x10" + bytes(5)))) == Head(alpha=True)
    assert read_head(webp((b"VP8L", b"\x2f\0\0\0\x0f" + bytes(5)))) == Head()
    assert read_head(webp((b"VP8L", b"\x2f\0\0\0"))) == Head()
    flags = (b"VP8X", b"\x10" + bytes(9))
    assert read_head(webp(flags, (b"VP8L", bytes(10)))) == Head(alpha=True)
    for exif in (EXIF_TURNED, b"Exif\0\0" + EXIF_TURNED):
        odd = (b"ICCP", b"odd")  # a chunk of odd length is filled up
        assert read_head(webp(flags, odd, (b"EXIF", exif))) == Head(alpha=True, orientation=6)
    assert read_head(b"RIFF\0\0\0\0WAVE") == Head()
    assert read_head(webp((b"VP8X", b""))) == Head()


def tiff(**tags: int) -> bytes:
    numbers = {"bits": 258, "photometric": 262, "samples": 277, "extra": 338, "format": 339}
    told = [struct.pack("<HHIHH", numbers[name], 3, 1, value, 0) for name, value in tags.items()]
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(told)) + b"".join(told)


@pytest.mark.parametrize(
    ("tags", "alpha", "premultiplied"),
    [
        ({"bits": 8, "photometric": 2, "samples": 3}, False, False),
        ({"bits": 8, "photometric": 2, "samples": 4}, True, False),  # unnamed
        ({"bits": 8, "photometric": 5, "samples": 4}, False, False),  # CMYK
        ({"bits": 8, "photometric": 2, "samples": 4, "extra": 1}, True, True),
        ({"bits": 8, "photometric": 2, "samples": 4, "extra": 2}, True, True),
        ({"bits": 16, "photometric": 2, "samples": 4, "extra": 1}, True, True),
        ({"bits": 16, "photometric": 2, "samples": 4, "extra": 2}, True, False),
        ({"bits": 8, "photometric": 2, "samples": 4, "extra": 0}, False, False),
    ],
)
def test_a_tiff_tells_what_its_fourth_sample_is(
    tags: dict[str, int], alpha: bool, premultiplied: bool
) -> None:
    assert read_head(tiff(**tags)) == Head(alpha=alpha, premultiplied=premultiplied)


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({"bits": 8, "format": 2}, "a TIFF file of signed, long or floating-point numbers (8 bits"),
        ({"format": 3}, "a TIFF file of signed, long or floating-point numbers (1 bits"),
        ({"bits": 17}, "a TIFF file of signed, long or floating-point numbers (17 bits"),
        ({"bits": 8, "photometric": 8}, "a TIFF file with Lab colours"),
        ({"bits": 8, "photometric": 10}, "a TIFF file with Lab colours"),
        ({"bits": 8, "photometric": 1, "samples": 2, "extra": 2}, "a gray TIFF file with transpar"),
    ],
)
def test_a_tiff_that_opencv_shows_otherwise_is_refused(tags: dict[str, int], words: str) -> None:
    refused = read_head(tiff(**tags)).refused
    assert refused.startswith(words)
    assert refused.endswith(": save it as PNG or JPEG")


@pytest.mark.parametrize(
    "tags",
    [
        {"bits": 16, "format": 1},
        {"bits": 8, "photometric": 1, "samples": 2},
        {"bits": 8, "photometric": 1, "samples": 2, "extra": 0},
    ],
)
def test_a_tiff_that_opencv_reads_is_not_refused(tags: dict[str, int]) -> None:
    assert read_head(tiff(**tags)) == Head()


def gif(pictures: int, palette: int = 0, local: int = 0, note: bytes = b"") -> bytes:
    """Return a GIF of pictures without pixels; palettes have 2^(n + 1) colours, 0 for none."""
    of = 0x80 | palette if palette else 0
    head = b"GIF89a" + struct.pack("<HHBBB", 4, 4, of, 0, 0) + bytes(3 << (palette + 1)) * bool(of)
    own = 0x80 | local if local else 0
    one = b"," + struct.pack("<HHHHB", 0, 0, 4, 4, own) + bytes(3 << (local + 1)) * bool(own)
    one += b"\x02" + b"\x03abc" + b"\x01d" + b"\0"
    told = b"!\xfe" + bytes((len(note),)) + note + b"\0" if note else b""
    return head + told + one * pictures + b";"


@pytest.mark.parametrize("palette", [0, 1, 3])
@pytest.mark.parametrize("local", [0, 2])
@pytest.mark.parametrize("note", [b"", b"a note,!"])
def test_a_gif_of_two_pictures_is_an_animation(palette: int, local: int, note: bytes) -> None:
    assert read_head(gif(1, palette, local, note)) == Head(alpha=True)
    assert read_head(gif(2, palette, local, note)) == Head(alpha=True, animated=True)
    assert read_head(gif(3, palette, local, note)) == Head(alpha=True, animated=True)
    assert read_head(gif(1, palette, local, note)[:-1]) == Head(alpha=True)


def test_what_else_the_flags_of_a_gif_say_is_no_palette() -> None:
    plain = gif(2)
    assert read_head(plain[:10] + b"\x7f" + plain[11:]).animated  # its colour resolution


@pytest.mark.parametrize(
    ("length", "bits", "packed", "mask", "alpha"),
    [
        (56, 32, 3, b"\0\0\0\xff", True),
        (124, 32, 3, b"\x01\0\0\0", True),
        (55, 32, 3, b"\0\0\0\xff", False),
        (56, 24, 3, b"\0\0\0\xff", False),
        (56, 32, 0, b"\0\0\0\xff", False),
        (56, 32, 3, b"\0\0\0\0", False),
    ],
)
def test_a_bitmap_is_transparent_with_a_mask_of_it(
    length: int, bits: int, packed: int, mask: bytes, alpha: bool
) -> None:
    head = struct.pack("<IiiHHI", length, 4, 4, 1, bits, packed) + bytes(20)
    encoded = b"BM" + bytes(12) + head + bytes(12) + mask + b"\xff" * 8
    assert read_head(encoded) == Head(alpha=alpha)


@pytest.mark.parametrize(("channels", "alpha"), [(1, False), (3, False), (4, True)])
def test_a_jpeg_2000_tells_its_channels(channels: int, alpha: bool) -> None:
    begin = b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(20)
    box = b"ihdr" + struct.pack(">IIH", 4, 4, channels) + b"\x07\x07\0\0"
    assert read_head(begin + box) == Head(alpha=alpha)
    assert read_head(begin + bytes(200) + box) == Head()  # too far away to be the head's
    two = b"ihdr" + struct.pack(">IIH", 4, 4, 2)
    refused = "a gray JPEG 2000 with transparency: save it as PNG"
    assert read_head(begin + two).refused == refused


def avif(*boxes: bytes, major: bytes = b"avif", brands: bytes = b"mif1") -> bytes:
    kinds = major + bytes(4) + brands
    return (len(kinds) + 8).to_bytes(4, "big") + b"ftyp" + kinds + b"".join(boxes) + b"mdat"


def test_an_avif_tells_depth_transparency_and_more_pictures() -> None:
    assert read_head(avif()) == Head(bits=8)
    for flags, bits in ((0x00, 8), (0x40, 10), (0x60, 12), (0x20, 8)):
        assert read_head(avif(b"av1C\x81\0" + bytes((flags, 0)))) == Head(bits=bits)
    alpha = avif(b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0")
    assert read_head(alpha) == Head(alpha=True, bits=8)
    assert read_head(avif(major=b"avis")) == Head(bits=8, animated=True)
    assert read_head(avif(major=b"mif1", brands=b"avif")) == Head(bits=8)
    hidden = avif() + b"auxiliary:alpha\0"  # among the pixels
    assert read_head(hidden) == Head(bits=8)


def test_an_avif_that_is_to_be_turned_is_refused_and_other_brands_are_named() -> None:
    turned, still = b"\0\0\0\x09irot\x01", b"\0\0\0\x09irot\0"
    for box in (turned, b"\0\0\0\x09imir\0"):
        assert read_head(avif(box)).refused.startswith("an AVIF file to be turned")
    assert read_head(avif(still)) == Head(bits=8)
    assert read_head(avif(major=b"heic")).refused.startswith("HEIC (convert it")
    assert read_head(avif(major=b"mp42", brands=b"isom")) == Head()


def test_jpeg_xl_is_named_and_an_unknown_file_is_not() -> None:
    for begin in (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"):
        assert read_head(begin + bytes(20)) == Head(refused="JPEG XL (save it as JPEG)")
    assert read_head(b"") == read_head(b"text of somebody") == Head()


def test_a_png_cut_off_within_its_head_tells_no_gamma() -> None:
    assert not tells_gamma(b"\x89PNG\r\n\x1a\n\0\0\0\x04gAMAIDAT")
