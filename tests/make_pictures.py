"""Makes tests/golden/pictures.zip: a drawn picture in every kind of file that people have.

    python tests/make_pictures.py

Pillow writes what OpenCV cannot, and byte by byte is made what neither can. In `shown/` every file
shows the quarters of `quarters()`, in `gray/` their luminance, in `white/` and `graywhite/` the
same with `transparency()` on white; what is in `refused/` has a reason.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageCms

HEIGHT, WIDTH, FREE = 48, 64, 4
GOLDEN = Path(__file__).with_name("golden") / "pictures.zip"
EXIF_6 = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
FINE = {"quality": 95, "subsampling": 0}
LOSSLESS = {"lossless": True, "exact": True}
STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def quarters() -> np.ndarray:
    """Return the drawn picture, RGB: red, green, blue and yellow."""
    drawn = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    drawn[:24, :32], drawn[:24, 32:] = (220, 40, 40), (40, 200, 40)
    drawn[24:, :32], drawn[24:, 32:] = (40, 40, 220), (240, 240, 60)
    return drawn


def transparency() -> np.ndarray:
    """Return alpha: nothing shows above, and half of what is below on the right."""
    alpha = np.full((HEIGHT, WIDTH), 255, np.uint8)
    alpha[:24], alpha[24:, 48:] = 0, 128
    return alpha


def gray(rgb: np.ndarray) -> np.ndarray:
    """Return the luminance as OpenCV has it."""
    return cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)


RGB, ALPHA = quarters(), transparency()
HIDDEN = RGB * (ALPHA > 0)[..., None].astype(np.uint8)
RGBA = np.dstack([HIDDEN, ALPHA])
PICTURE, CLEAR = Image.fromarray(RGB), Image.fromarray(RGBA)
OTHER = Image.fromarray(255 - RGB)
NOT_THEM = 255 - RGB
BLACK = NOT_THEM.min(axis=2)
INKS = (255.0 * (NOT_THEM - BLACK[..., None]) / np.maximum(255 - BLACK, 1)[..., None]).round()
CMYK = np.dstack([INKS.astype(np.uint8), BLACK])


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    """Return a picture in a format of Pillow."""
    held = io.BytesIO()
    image.save(held, kind, **options)
    return held.getvalue()


def by_opencv(suffix: str, rgb: np.ndarray, *options: int) -> bytes:
    """Return RGB or RGBA pixels in a format of OpenCV."""
    order = [2, 1, 0, 3][: rgb.shape[2]]
    return cv2.imencode(suffix, np.ascontiguousarray(rgb[..., order]), options)[1].tobytes()


def stored(image: Image.Image, orientation: int) -> Image.Image:
    """Return a picture as it is stored to be shown so."""
    return image.transpose(STORED[orientation]) if orientation in STORED else image


def exif(orientation: int) -> Image.Exif:
    """Return EXIF with nothing but an orientation."""
    said = Image.Exif()
    said[274] = orientation
    return said


def chunk(kind: bytes, content: bytes) -> bytes:
    """Return a chunk of a PNG."""
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


def png(rows: bytes, head: bytes, *chunks: bytes) -> bytes:
    """Return a PNG of rows with their filter bytes; `head` is what follows the size."""
    begin = chunk(b"IHDR", struct.pack(">II", WIDTH, HEIGHT) + head)
    pixels = chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + begin + b"".join(chunks) + pixels + chunk(b"IEND", b"")


def interlaced() -> bytes:
    """Return a PNG in the seven passes of Adam7."""
    passes = ("0088", "4088", "0448", "2044", "0224", "1022", "0112")
    rows = b""
    for left, top, across, down in (map(int, each) for each in passes):
        rows += b"".join(b"\0" + row.tobytes() for row in RGB[top::down, left::across])
    return png(rows, b"\x08\x02\0\0\x01")


def tiff(pixels: np.ndarray, photometric: int, *more: tuple[int, int]) -> bytes:
    """Return an uncompressed little-endian TIFF with further tags."""
    height, width, samples = pixels.shape
    data = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    bits = 8 * pixels.dtype.itemsize
    tags = {256: width, 257: height, 258: bits, 259: 1, 262: photometric, 277: samples, 278: height}
    tags = dict(sorted({**tags, 273: 0, 279: len(data), **dict(more)}.items()))
    many = struct.pack(f"<{samples}H", *[bits] * samples)
    behind = 8 + 2 + 12 * len(tags) + 4
    tags[273] = behind + len(many)
    entries = b""
    for tag, value in tags.items():
        inside = value if tag != 258 or samples == 1 else behind if samples > 2 else bits * 65537
        kind = 3 if tag == 258 else 4
        entries += struct.pack("<HHII", tag, kind, samples if tag == 258 else 1, inside)
    head = b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags))
    return head + entries + bytes(4) + many + data


def ycck() -> bytes:
    """Return a JPEG of luminance, two colour differences and black, as Photoshop writes them."""
    colours = np.asarray(Image.fromarray(CMYK[..., :3]).convert("YCbCr"))
    held = Image.fromarray(np.dstack([255 - colours, CMYK[..., 3]]), "CMYK")
    encoded = bytearray(saved(held, "jpeg", **FINE))
    encoded[encoded.find(b"Adobe") + 11] = 2
    return bytes(encoded)


def turned() -> dict[str, bytes]:
    """Return every orientation in every format that has one."""
    files = {}
    for way in range(1, 9):
        image = stored(PICTURE, way)
        files[f"shown/orientation{way}.jpg"] = saved(image, "jpeg", exif=exif(way), **FINE)
        files[f"shown/orientation{way}.png"] = saved(image, "png", exif=exif(way))
        files[f"shown/orientation{way}.webp"] = saved(image, "webp", exif=exif(way), lossless=True)
        files[f"shown/orientation{way}.tif"] = saved(image, "tiff", tiffinfo={274: way})
        turn = saved(image, "avif", exif=exif(way), quality=95)
        files[f"{'shown' if way == 1 else 'refused'}/orientation{way}.avif"] = turn
    image = stored(PICTURE, 6)
    deep = np.asarray(image).astype(np.uint16) * 257
    plain, inks = saved(image, "png"), stored(Image.fromarray(CMYK, "CMYK"), 6)
    jpeg = saved(image, "jpeg", exif=b"Exif\0\0" + EXIF_6, **FINE)
    xmp = b"http://ns.adobe.com/xap/1.0/\0<x/>"
    before = b"\xff\xe1" + struct.pack(">H", len(xmp) + 2) + xmp
    clear = stored(CLEAR, 6)
    return files | {
        "shown/progressive.jpg": saved(image, "jpeg", exif=exif(6), progressive=True, **FINE),
        "shown/big_endian.jpg": jpeg,
        "shown/xmp_first.jpg": jpeg[:2] + before + jpeg[2:],
        "shown/cmyk_turned.jpg": saved(inks, "jpeg", exif=exif(6), **FINE),
        "shown/exif_at_the_end.png": plain[:-12] + chunk(b"eXIf", EXIF_6) + plain[-12:],
        "shown/turned16.tif": tiff(deep, 2, (274, 6)),
        "gray/turned.jpg": saved(image.convert("L"), "jpeg", exif=exif(6), quality=95),
        "white/turned.png": saved(clear, "png", exif=exif(6)),
        "white/turned.webp": saved(clear, "webp", exif=exif(6), **LOSSLESS),
        "white/turned.tif": saved(clear, "tiff", tiffinfo={274: 6}),
    }


def coloured() -> dict[str, bytes]:
    """Return other colours and depths, all without transparency."""
    inks = Image.fromarray(CMYK, "CMYK")
    photoshop = saved(inks, "jpeg", **FINE)
    at = photoshop.find(b"\xff\xee")
    deep, luminance = RGB.astype(np.uint16) * 257, gray(RGB)[..., None]
    palette = PICTURE.quantize(8)
    few = luminance.astype(np.uint16) * 257
    return {
        "shown/cmyk.jpg": photoshop,
        "shown/cmyk_unnamed.jpg": photoshop[:at] + photoshop[at + 16 :],
        "shown/ycck.jpg": ycck(),
        "shown/cmyk.tif": saved(inks, "tiff", compression="tiff_lzw"),
        "shown/rgb.jpg": saved(PICTURE, "jpeg", keep_rgb=True, quality=95),
        "shown/interlaced.png": interlaced(),
        "shown/palette.png": saved(palette, "png"),
        "shown/palette.bmp": saved(palette, "bmp"),
        "shown/palette.gif": saved(palette, "gif"),
        "shown/palette.tif": saved(palette, "tiff"),
        "shown/opaque.png": saved(Image.fromarray(np.dstack([RGB, 255 + 0 * ALPHA])), "png"),
        "shown/16bit.png": by_opencv(".png", deep),
        "shown/16bit.jp2": by_opencv(".jp2", deep),
        "shown/16bit.tif": tiff(deep, 2),
        "shown/10bit.avif": by_opencv(".avif", deep >> 6, cv2.IMWRITE_AVIF_DEPTH, 10),
        "shown/unused.tif": tiff(np.dstack([RGB, 0 * ALPHA]), 2, (338, 0)),
        "shown/plain.jp2": saved(PICTURE, "jpeg2000"),
        "shown/plain.ppm": saved(PICTURE, "ppm"),
        "shown/animated.gif": animated("gif"),
        "shown/animated.png": animated("png"),
        "shown/animated.webp": animated("webp", lossless=True),
        "shown/animated.avif": animated("avif", quality=95),
        "shown/pages.tif": animated("tiff"),
        "shown/big.tif": saved(PICTURE, "tiff", big_tiff=True),
        "gray/16bit.png": cv2.imencode(".png", few)[1].tobytes(),
        "gray/16bit.tif": tiff(few, 1),
        "gray/plain.jp2": saved(PICTURE.convert("L"), "jpeg2000"),
        "gray/white_is_0.tif": tiff(255 - luminance, 0),
    }


def animated(kind: str, **options: object) -> bytes:
    """Return the picture and, after it, its negative."""
    return saved(PICTURE, kind, save_all=True, append_images=[OTHER], **options)


def transparent() -> dict[str, bytes]:
    """Return transparency of every kind, black where nothing shows."""
    deep, premultiplied = RGBA.astype(np.uint16) * 257, RGBA.copy()
    premultiplied[..., :3] = HIDDEN * (ALPHA[..., None] / 255.0)
    two = CLEAR.convert("LA")
    ten = (cv2.IMWRITE_AVIF_DEPTH, 10, cv2.IMWRITE_AVIF_QUALITY, 95)
    return {
        "white/rgba.png": saved(CLEAR, "png"),
        "white/rgba.webp": saved(CLEAR, "webp", **LOSSLESS),
        "white/lossy.webp": saved(CLEAR, "webp", quality=95),
        "white/rgba.jp2": saved(CLEAR, "jpeg2000"),
        "white/rgba.avif": saved(CLEAR, "avif", quality=95),
        "white/10bit.avif": by_opencv(".avif", deep >> 6, *ten),
        "white/masks.bmp": by_opencv(".bmp", RGBA),
        "white/16bit.png": by_opencv(".png", deep),
        "white/unnamed.tif": tiff(RGBA, 2),
        "white/unassociated.tif": tiff(RGBA, 2, (338, 2)),
        "white/unassociated16.tif": tiff(deep, 2, (338, 2)),
        "white/associated.tif": tiff(premultiplied, 2, (338, 1)),
        "white/associated16.tif": tiff(premultiplied.astype(np.uint16) * 257, 2, (338, 1)),
        "graywhite/two.png": saved(two, "png"),
        "graywhite/two.webp": saved(two, "webp", **LOSSLESS),
        "refused/two.tif": tiff(np.asarray(two), 1, (338, 2)),
        "refused/two.jp2": saved(two, "jpeg2000"),
        "refused/gray_key.png": saved(Image.fromarray(gray(HIDDEN)), "png", transparency=0),
        **keyed(),
    }


def keyed() -> dict[str, bytes]:
    """Return one transparent colour in place of alpha; nothing shows half."""
    palette = PICTURE.quantize(8)
    indexes = np.where(ALPHA == 0, FREE, np.asarray(palette)).astype(np.uint8)
    image = Image.fromarray(indexes, "P")
    image.putpalette([*(palette.getpalette() or [])[: 3 * FREE], 0, 0, 0])
    above = Image.fromarray(HIDDEN)
    deep = (HIDDEN.astype(">u2") * 257).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in deep)
    return {
        "key/palette.png": saved(image, "png", transparency=FREE),
        "key/palette.gif": saved(image, "gif", transparency=FREE),
        "key/colour.png": saved(above, "png", transparency=(0, 0, 0)),
        "key/colour16.png": png(rows, b"\x10\x02\0\0\0", chunk(b"tRNS", bytes(6))),
    }


def refused() -> dict[str, bytes]:
    """Return what OpenCV does not read, or would show otherwise."""
    jpeg = bytearray(saved(PICTURE, "jpeg", **FINE))
    at = jpeg.find(b"\xff\xc0")
    luminance = gray(RGB)[..., None]
    profiles = [ImageCms.createProfile(name) for name in ("sRGB", "LAB")]
    lab = ImageCms.profileToProfile(PICTURE, *profiles, outputMode="LAB")
    return {
        "refused/12bit.jpg": bytes(jpeg[: at + 4]) + b"\x0c" + bytes(jpeg[at + 5 :]),
        "refused/lossless.jpg": bytes(jpeg[: at + 1]) + b"\xc3" + bytes(jpeg[at + 2 :]),
        "refused/lab.tif": saved(lab, "tiff"),
        "refused/float.tif": tiff((luminance / 255).astype(np.float32), 1, (339, 3)),
        "refused/signed.tif": tiff(luminance.astype(np.int16), 1, (339, 2)),
        "refused/32bit.tif": tiff(luminance.astype(np.uint32) << 24, 1),
        "refused/zstd.tif": saved(PICTURE, "tiff", compression="zstd"),
        "refused/heic_by_content.jpg": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99),
        "refused/jpeg_xl.jpg": b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(99),
    }


def main(makers: tuple[Callable[[], dict[str, bytes]], ...]) -> None:
    """Write the archive, every file with the same date."""
    with zipfile.ZipFile(GOLDEN, "w", zipfile.ZIP_DEFLATED) as archive:
        for maker in makers:
            for name, encoded in maker().items():
                archive.writestr(zipfile.ZipInfo(name), encoded, zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    main((turned, coloured, transparent, refused))
