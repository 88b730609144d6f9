import os
import struct
import sys
import zlib
from pathlib import Path, PurePosixPath, PureWindowsPath

import cv2
import numpy as np
import pytest

from drawn_faces import draw_scene
from fer_core import logs, pictures
from fer_core.native import native_stderr, quiet_native_code
from fer_core.path_order import by_name
from fer_core.picture_heads import Head, segments
from fer_core.pictures import (
    Picture,
    decode_or_reason,
    decode_picture,
    find_pictures,
    read_picture,
)


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_a_picture_cut_short_is_no_picture(suffix: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    encoded = cv2.imencode(suffix, noise)[1].tobytes()
    whole = decode_picture(encoded, colour=True)
    assert whole is not None
    assert whole.shape == (64, 64, 3)
    assert decode_picture(encoded[: len(encoded) // 2]) is None
    assert decode_picture(b"") is None
    assert decode_picture(b"no picture") is None


@pytest.mark.parametrize("kind", [b"IEND", b"tEXt"])
def test_a_png_with_a_chunk_beyond_its_end_is_not_decoded(
    monkeypatch: pytest.MonkeyPatch, kind: bytes
) -> None:
    """OpenCV would take as much memory as the chunk claims to have."""
    encoded = cv2.imencode(".png", np.zeros((8, 8), np.uint8))[1].tobytes()
    monkeypatch.setattr(cv2, "imdecode", lambda *given: pytest.fail("it is decoded"))
    claims = encoded[:33] + (700_000_000).to_bytes(4, "big") + kind + encoded[33:]
    assert decode_picture(claims) is None


def test_what_a_camera_appends_behind_a_picture_does_not_matter() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    encoded = cv2.imencode(".jpg", noise)[1].tobytes()
    assert decode_picture(encoded + b"MotionPhoto\xff\xda" + bytes(200)) is not None


def test_a_thumbnails_end_is_not_the_pictures() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    encoded = cv2.imencode(".jpg", noise)[1].tobytes()
    thumbnail = b"Exif\0\0" + cv2.imencode(".jpg", noise[:16, :16])[1].tobytes()
    segment = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    photo = encoded[:2] + segment + encoded[2:]
    assert decode_picture(photo) is not None
    assert decode_picture(photo[: len(segment) + len(encoded) // 2]) is None


def jpeg(progressive: bool) -> bytes:
    options = [cv2.IMWRITE_JPEG_PROGRESSIVE, int(progressive)]
    return cv2.imencode(".jpg", draw_scene("happy"), options)[1].tobytes()


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_cut_to_a_third_with_an_end_glued_on_is_no_picture(progressive: bool) -> None:
    whole = jpeg(progressive)
    assert decode_picture(whole) is not None
    assert decode_picture(whole[: len(whole) // 3] + b"\xff\xd9") is None


def test_a_jpeg_without_its_end_is_refused_whatever_opencv_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = jpeg(progressive=False)
    monkeypatch.setattr("fer_core.pictures._CUT_SHORT", ())  # OpenCV before 4.11 says nothing
    monkeypatch.setattr(cv2, "imdecode", lambda *_: np.zeros((4, 4), np.uint8))
    for share in (0.3, 0.6, 0.9):
        assert decode_picture(whole[: int(share * len(whole))]) is None
    assert decode_picture(whole[:2] + b"\xff\xff\xff" + whole[2:]) is not None


def test_without_stderr_nothing_is_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", None)
    with native_stderr() as lines:
        pass
    assert lines == []


def test_what_was_held_is_told_when_the_block_fails(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError), native_stderr():
        os.write(2, b"why\n")
        raise RuntimeError
    assert capfd.readouterr().err == "why\n"


def test_fill_bytes_before_a_marker_are_legal() -> None:
    whole = jpeg(progressive=False)
    filled = whole[:2] + b"\xff\xff" + whole[2:]  # ITU T.81, B.1.1.2
    assert np.array_equal(decode_picture(filled), decode_picture(whole))


def test_what_native_code_says_is_held_and_what_others_say_comes_after(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with native_stderr() as lines:
        os.write(2, b"one\ntwo\n")
    assert lines == ["one", "two"]
    os.write(2, b"three")
    assert capfd.readouterr().err == "three"


def test_what_is_logged_while_native_code_is_quiet_comes_after(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    own = [
        "fer-edge: camera 0 gives no pictures",
        "see docs/troubleshooting.md#camera-lost",
        '{"time": "2026-11-28T12:00:00.000+00:00", "level": "warning"}',
    ]
    note = "INFO: Created TensorFlow Lite XNNPACK delegate for CPU."
    monkeypatch.setitem(logs._format, "name", "fer-edge")
    with quiet_native_code():
        os.write(2, "".join(f"{line}\n" for line in (note, *own, note)).encode())
    assert capfd.readouterr().err.splitlines() == own


def test_junk_is_no_part_of_a_folder(tmp_path: Path) -> None:
    for name in ("a.jpg", ".hidden/b.jpg", "__MACOSX/c.jpg", "Thumbs.db", "deep/er/d.PNG", "e.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"?")
    found = find_pictures(tmp_path)
    assert [path.name for path in found.files] == ["a.jpg", "d.PNG"]
    assert [path.name for path in found.others] == ["e.txt"]


def flat_jpeg(height: int, width: int, progressive: bool = False) -> bytes:
    flat = np.full((height, width, 3), 90, np.uint8)
    flat[: height // 2, : width // 2] = 200
    options = [cv2.IMWRITE_JPEG_PROGRESSIVE, int(progressive)]
    return cv2.imencode(".jpg", flat, options)[1].tobytes()


@pytest.mark.parametrize(
    ("height", "width", "reduced"), [(100, 120, 1), (4000, 4001, 2), (9000, 12000, 4)]
)
def test_a_large_jpeg_is_decoded_smaller(
    tmp_path: Path, height: int, width: int, reduced: int
) -> None:
    (tmp_path / "a.jpg").write_bytes(flat_jpeg(height, width))
    for colour in (False, True):
        picture = read_picture(tmp_path / "a.jpg", colour)
        assert isinstance(picture, Picture)
        assert picture.reduced == reduced
        assert picture.pixels.shape[:2] == (-(-height // reduced), -(-width // reduced))
        assert picture.pixels.ndim == 2 + colour
        assert picture.pixels.reshape(-1)[0] > 150


def of_declared_size(encoded: bytes, height: int, width: int) -> bytes:
    """Return a picture whose head claims another size."""
    if encoded.startswith(b"\x89PNG"):
        head = b"IHDR" + struct.pack(">II", width, height) + encoded[24:29]
        return encoded[:12] + head + struct.pack(">I", zlib.crc32(head)) + encoded[33:]
    at = next(at for kind, at in segments(encoded) if kind in (0xC0, 0xC2))
    return encoded[: at + 5] + struct.pack(">HH", height, width) + encoded[at + 9 :]


def test_a_picture_that_claims_to_be_huge_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    small = np.zeros((8, 8, 3), np.uint8)
    png = cv2.imencode(".png", small)[1].tobytes()
    for name, encoded in (
        ("a.png", of_declared_size(png, 30_000, 30_000)),
        ("a.jpg", of_declared_size(flat_jpeg(8, 8), 65_500, 65_500)),
        ("b.jpg", of_declared_size(flat_jpeg(8, 8, progressive=True), 9_000, 12_000)),
    ):
        (tmp_path / name).write_bytes(encoded)
        before = peak_memory()
        assert read_picture(tmp_path / name, colour=True) == pictures.TOO_LARGE
        assert peak_memory() - before < 50e6
    assert "40 megapixels" in pictures.TOO_LARGE


def peak_memory() -> float:
    """Return the peak of this process's memory in bytes."""
    resource = pytest.importorskip("resource")
    unit = 1 if sys.platform == "darwin" else 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)


@pytest.mark.parametrize("kind", [".jpg", ".png", ".webp", ".bmp", ".ppm", ".tif", ".jp2"])
def test_an_empty_a_cut_and_a_foreign_file_are_told_apart(kind: str, tmp_path: Path) -> None:
    file = tmp_path / f"a{kind}"
    encoded = cv2.imencode(kind, draw_scene("happy"))[1].tobytes()
    for content, reason in (
        (b"", "empty"),
        (b"a text of somebody", "no picture or of an unknown format"),
        (bytes(1000), "no picture or of an unknown format"),
        (encoded[:2], "damaged" if kind in (".jpg", ".bmp") else "no picture"),
        (encoded[: len(encoded) // 2], "damaged"),
    ):
        file.write_bytes(content)
        assert str(read_picture(file)).startswith(reason), (content[:20], reason)


def test_a_file_that_is_none_or_too_long_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read_picture(tmp_path / "absent.jpg") == "No such file or directory"
    (tmp_path / "a.jpg").write_bytes(flat_jpeg(8, 8)[:100])
    assert read_picture(tmp_path / "a.jpg") == "damaged or cut short"
    (tmp_path / "a.jpg").write_bytes(flat_jpeg(8, 8))
    size = (tmp_path / "a.jpg").stat().st_size
    monkeypatch.setattr(pictures, "MOST_BYTES", size)
    assert isinstance(read_picture(tmp_path / "a.jpg"), Picture)
    monkeypatch.setattr(pictures, "MOST_BYTES", size - 1)
    assert "larger than" in str(read_picture(tmp_path / "a.jpg"))


def test_a_picture_is_gray_unless_colour_is_asked_for() -> None:
    for colour, given in ((False, {}), (True, {"colour": True})):
        picture = decode_or_reason(flat_jpeg(8, 8), **given)
        assert isinstance(picture, Picture)
        assert picture.pixels.ndim == 2 + colour


def test_another_png_keeps_the_gray_that_it_always_had() -> None:
    """Or fingerprints of all data in PNG would change, and no earlier run could go on."""
    colours = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    encoded = cv2.imencode(".png", colours)[1]
    gray = decode_picture(encoded.tobytes())
    assert np.array_equal(gray, cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE))


@pytest.mark.parametrize("chunk", [(b"sRGB", b"\0"), (b"gAMA", struct.pack(">I", 45455))])
def test_a_png_that_tells_its_gamma_has_the_gray_of_its_colours(chunk: tuple[bytes, bytes]) -> None:
    colours = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    encoded = cv2.imencode(".png", colours)[1].tobytes()
    kind, content = chunk
    crc = struct.pack(">I", zlib.crc32(kind + content))
    begin = 33  # behind the head
    told = struct.pack(">I", len(content)) + kind + content + crc
    gray = decode_picture(encoded[:begin] + told + encoded[begin:])
    assert np.array_equal(gray, cv2.cvtColor(colours, cv2.COLOR_BGR2GRAY))


def test_gray_of_a_picture_with_transparency_is_rounded() -> None:
    pixels = np.full((8, 8, 4), (30, 60, 91, 255), np.uint8)
    pixels[0, 0, 3] = 0
    gray = decode_picture(cv2.imencode(".png", pixels)[1].tobytes())
    assert gray is not None
    assert (gray[0, 0], gray[0, 1]) == (255, 66)  # 65.849


def test_sixteen_bits_without_transparency_become_eight() -> None:
    pixels = np.full((2, 2, 3), (0, 0x4000, 0xFFFF), np.uint16)
    assert pictures._blended(pixels, Head(bits=16))[0, 0].tolist() == [0, 64, 255]


def test_pictures_have_one_order_on_all_systems() -> None:
    names = ["a/anna.jpg", "a/img_1.jpg", "Zoe/IMG_2.jpg", "a b/x.jpg", "a/Zoe.jpg"]
    orders = [
        [path.as_posix() for path in sorted(map(kind, names), key=by_name)]
        for kind in (PurePosixPath, PureWindowsPath)
    ]
    assert orders[0] == orders[1] == [*map(str, sorted(map(PurePosixPath, names)))]
