"""Every kind of picture file of tests/golden/pictures.zip, against what a viewer shows of it."""

import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_core import pictures
from fer_core.pictures import Picture, read_picture
from fer_core.values import UInt8Array

ARCHIVE = Path(__file__).parents[2] / "golden" / "pictures.zip"
FILES = zipfile.ZipFile(ARCHIVE).namelist()
VERSION = tuple(int(part) for part in cv2.__version__.split(".")[:2])
NEEDS = {".gif": (4, 12), ".avif": (4, 12)}
REASONS = {
    "12bit": "a JPEG of 12 bits a sample: save it with 8",
    "lossless": "a lossless JPEG, which OpenCV does not read",
    "lab": "a TIFF file with Lab colours: save it as PNG or JPEG",
    "float": "a TIFF file of signed, long or floating-point numbers (32 bits",
    "signed": "a TIFF file of signed, long or floating-point numbers (16 bits",
    "32bit": "a TIFF file of signed, long or floating-point numbers (32 bits",
    "zstd": "damaged, or a TIFF file of a kind that OpenCV does not read",
    "two.tif": "a gray TIFF file with transparency",
    "two.jp2": "a gray JPEG 2000 with transparency: save it as PNG",
    "gray_key": "a PNG with a transparent gray: save it as JPEG",
    "heic": "HEIC (convert it",
    "jpeg_xl": "JPEG XL (save it as JPEG)",
    "orientation": "an AVIF file to be turned",
}


def unpacked(name: str, folder: Path) -> Path:
    file = folder / name.replace("/", "_")
    file.write_bytes(zipfile.ZipFile(ARCHIVE).read(name))
    return file


def oldest(name: str) -> tuple[int, int]:
    """Return the first OpenCV whose wheels read it."""
    return (4, 11) if name.endswith("animated.webp") else NEEDS.get(Path(name).suffix, (4, 8))


def shown(group: str) -> UInt8Array:
    """Return what a viewer shows, BGR: four quarters, those above hidden by transparency."""
    drawn = np.zeros((48, 64, 3), np.float64)
    drawn[:24, :32], drawn[:24, 32:] = (40, 40, 220), (40, 200, 40)
    drawn[24:, :32], drawn[24:, 32:] = (220, 40, 40), (60, 240, 240)
    if group.startswith("gray"):
        drawn[:] = (drawn @ [0.114, 0.587, 0.299])[..., None]
    if group in ("white", "graywhite", "key"):
        drawn[:24] = 255
    if group in ("white", "graywhite"):
        drawn[24:, 48:] = drawn[24:, 48:] * 128 / 255 + 255 * 127 / 255
    return np.rint(drawn).astype(np.uint8)


@pytest.mark.parametrize("colour", [True, False])
@pytest.mark.parametrize("name", [each for each in FILES if not each.startswith("refused/")])
def test_a_picture_is_read_as_viewers_show_it(name: str, colour: bool, tmp_path: Path) -> None:
    picture = read_picture(unpacked(name, tmp_path), colour)
    if oldest(name) > VERSION:
        wanted = ".".join(map(str, oldest(name)))
        assert picture == pictures.UNKNOWN or f"needs OpenCV {wanted} (this is" in picture
        return
    assert isinstance(picture, Picture), picture
    assert picture.animated == ("animated" in name)
    expected = shown(Path(name).parent.name)
    if not colour:
        expected = np.asarray(cv2.cvtColor(expected, cv2.COLOR_BGR2GRAY), np.uint8)
    assert picture.pixels.shape == expected.shape
    middle = (slice(12, None, 24), slice(8, None, 16))  # away from the edges, which JPEG blurs
    difference = np.abs(picture.pixels[middle].astype(int) - expected[middle])
    assert difference.max() <= 6, difference.reshape(-1, 1 + 2 * colour)


@pytest.mark.parametrize("name", [each for each in FILES if each.startswith("refused/")])
def test_what_is_refused_has_its_reason(name: str, tmp_path: Path) -> None:
    (reason,) = [text for part, text in REASONS.items() if f"/{part}" in name]
    for colour in (True, False):
        refusal = read_picture(unpacked(name, tmp_path), colour)
        assert isinstance(refusal, str)
        assert refusal.startswith(reason)


@pytest.mark.parametrize("name", FILES)
def test_a_head_cut_anywhere_costs_no_traceback(name: str) -> None:
    encoded = zipfile.ZipFile(ARCHIVE).read(name)
    for length in range(0, min(len(encoded), 700), 7):
        pictures.read_head(encoded[:length])
