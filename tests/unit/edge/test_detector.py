from pathlib import Path

import cv2
import numpy as np
import pytest

from drawn_faces import draw_scene
from fer_core.errors import FerError
from fer_core.labels import FER2013_LABELS
from fer_core.values import Box, Frame
from fer_edge.faces import haar as detector
from fer_edge.faces.haar import HaarCascade, HaarDetector
from fer_edge.portrait import demo_portrait

PORTRAIT = Box(178, 67, 92, 92)


@pytest.mark.parametrize("expression", FER2013_LABELS)
def test_a_drawn_face_is_found_where_it_is(expression: str) -> None:
    frame = Frame(draw_scene(expression, x=300, y=100, size=180), 0, 0.0)
    (face,) = HaarDetector().detect(frame)
    assert face.box.iou(Box(300, 100, 180, 180)) > 0.6
    assert face.score > 0


def test_faces_come_largest_first_and_small_ones_can_be_left_out() -> None:
    scene = draw_scene("happy", x=20, y=20, size=120)
    scene[200:440, 300:540] = draw_scene("sad", x=0, y=0, size=240)[:240, :240]
    frame = Frame(scene, 0, 0.0)
    sizes = [face.box.width for face in HaarDetector().detect(frame)]
    assert len(sizes) == 2
    assert sizes[0] > 200 > sizes[1]
    assert len(HaarDetector(min_size_px=180).detect(frame)) == 1


def test_an_empty_wall_holds_no_face() -> None:
    assert HaarDetector().detect(Frame(np.full((480, 640, 3), 90, np.uint8), 0, 0.0)) == ()


def test_opencv_5_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(cv2, "CascadeClassifier")
    with pytest.raises(FerError, match="<5"):
        HaarDetector()


@pytest.mark.parametrize("name", ["SECOND_CASCADE", "PROFILE_CASCADE"])
def test_a_missing_cascade_is_said(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    with pytest.raises(FerError, match="opencv-data"):
        HaarCascade("absent.xml")
    monkeypatch.setattr(detector, name, "absent.xml")
    with pytest.raises(FerError, match="opencv-data"):
        HaarDetector()


def test_a_damaged_cascade_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cv2.data, "haarcascades", str(tmp_path))
    for text in ("", "no XML", "<?xml version='1.0'?><opencv_storage></opencv_storage>"):
        (tmp_path / "face.xml").write_text(text)
        with pytest.raises(FerError, match=r"face\.xml is damaged: install OpenCV again"):
            HaarCascade("face.xml")


def test_opencv_gets_the_content_of_a_cascade_and_no_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """On Windows it would open no path with a letter such as ö."""
    real = cv2.CascadeClassifier

    def without_path() -> cv2.CascadeClassifier:
        return real()

    monkeypatch.setattr(cv2, "CascadeClassifier", without_path)
    assert HaarDetector().detect(Frame(demo_portrait(), 0, 0.0))


@pytest.mark.parametrize("seed", [9, 19, 24])
def test_what_only_one_cascade_takes_for_a_face_is_none(seed: int) -> None:
    noise = np.random.default_rng(seed).integers(0, 256, (480, 640), dtype=np.uint8)
    clouds = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 4), None, 0, 255, cv2.NORM_MINMAX)
    assert HaarCascade().find(clouds, detector.STEP, detector.NEIGHBORS, 24)
    pixels = cv2.cvtColor(clouds, cv2.COLOR_GRAY2BGR)
    assert HaarDetector().detect(Frame(pixels, 0, 0.0)) == ()


@pytest.mark.parametrize("degrees", [-30, -20, 0, 20, 30])
def test_tilted_faces_are_found_in_an_upright_square(degrees: float) -> None:
    matrix = cv2.getRotationMatrix2D((224.0, 113.0), degrees, 1.0)
    pixels = cv2.warpAffine(demo_portrait(), matrix, (512, 512), borderMode=cv2.BORDER_REPLICATE)
    (face,) = HaarDetector().detect(Frame(np.asarray(pixels, np.uint8), 0, 0.0))
    assert face.box.iou(PORTRAIT) > 0.7
    assert face.box.width == face.box.height


@pytest.mark.parametrize("enlarged", [1, 2])
def test_half_a_face_is_found_as_a_profile_on_either_side(enlarged: int) -> None:
    half = demo_portrait().copy()
    half[40:180, 150:225] = half[40:180, 225].mean()
    half = np.asarray(cv2.resize(half, None, fx=enlarged, fy=enlarged), np.uint8)
    mirrored = np.ascontiguousarray(half[:, ::-1])
    (face,), (same,) = (HaarDetector().detect(Frame(p, 0, 0.0)) for p in (half, mirrored))
    assert face.box.iou(Box(218, 79, 65, 65).times(enlarged)) > 0.6
    back = Box(half.shape[1] - same.box.x - same.box.width, same.box.y, *(same.box.width,) * 2)
    assert face.box.iou(back) > 0.95


def test_a_large_picture_is_searched_smaller_and_its_faces_lie_where_they_are() -> None:
    small = draw_scene("happy", x=220, y=140, size=200)
    large = cv2.resize(small, (640 * 6, 480 * 6), interpolation=cv2.INTER_LINEAR)  # 11 megapixels
    (face,), (same,) = (HaarDetector().detect(Frame(p, 0, 0.0)) for p in (small, large))
    assert face.box.times(6).iou(same.box) > 0.7
