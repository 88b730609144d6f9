import cv2
import numpy as np
import pytest

from drawn_faces import draw_scene
from fer_core.errors import FerError
from fer_core.labels import FER2013_LABELS
from fer_core.values import Box, Frame
from fer_edge.faces import haar as detector
from fer_edge.faces.haar import HaarDetector


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


def test_a_missing_cascade_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detector, "CASCADE", "absent.xml")
    with pytest.raises(FerError, match="opencv-data"):
        HaarDetector()


def test_a_large_picture_is_searched_smaller_and_its_faces_lie_where_they_are() -> None:
    small = draw_scene("happy", x=220, y=140, size=200)
    large = cv2.resize(small, (640 * 6, 480 * 6), interpolation=cv2.INTER_LINEAR)  # 11 megapixels
    (face,), (same,) = (HaarDetector().detect(Frame(p, 0, 0.0)) for p in (small, large))
    assert face.box.times(6).iou(same.box) > 0.7
