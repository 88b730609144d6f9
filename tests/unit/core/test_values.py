import numpy as np
import pytest

from fer_core.values import Box, Face, Frame, Prediction


def test_iou_of_half_overlapping_boxes_is_a_third() -> None:
    assert Box(0, 0, 10, 10).iou(Box(5, 0, 10, 10)) == pytest.approx(1 / 3)


def test_boxes_that_only_touch_do_not_overlap() -> None:
    assert Box(0, 0, 10, 10).iou(Box(10, 0, 10, 10)) == 0.0


def test_expanded_grows_on_every_side_and_clipped_cuts_at_the_frame() -> None:
    assert Box(10, 10, 20, 20).expanded(0.25) == Box(5, 5, 30, 30)
    assert Box(-5, 90, 20, 20).clipped(100, 100) == Box(0, 90, 15, 10)
    assert Box(200, 0, 5, 5).clipped(100, 100) is None


@pytest.mark.parametrize("size", [(0, 5), (5, -1)])
def test_a_box_without_area_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="positive size"):
        Box(0, 0, *size)


@pytest.mark.parametrize("roll", [float("nan"), float("inf"), -float("inf")])
def test_a_face_whose_roll_is_no_number_is_refused(roll: float) -> None:
    with pytest.raises(ValueError, match="a face needs a finite roll_degrees"):
        Face(Box(0, 0, 5, 5), 1.0, roll)


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32), np.zeros((0, 4, 3), np.uint8)],
)
def test_a_frame_says_what_it_expected_and_got(pixels: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"\(height, width, 3\) uint8 BGR, got"):
        Frame(pixels, 0, 0.0)


def test_prediction_names_the_most_probable_labels() -> None:
    prediction = Prediction(np.array([0.2, 0.5, 0.3], np.float32), ("a", "b", "c"))
    assert (prediction.label, prediction.class_index) == ("b", 1)
    assert prediction.confidence == pytest.approx(0.5)
    assert [name for name, _ in prediction.top(2)] == ["b", "c"]


@pytest.mark.parametrize("values", [[0.5, 0.6], [float("nan"), 1.0], [1.0]])
def test_prediction_refuses_what_is_no_distribution(values: list[float]) -> None:
    with pytest.raises(ValueError, match="probabilities"):
        Prediction(np.array(values, np.float32), ("a", "b"))


def test_a_box_that_shrinks_keeps_a_pixel() -> None:
    assert Box(0, 0, 10, 1).expanded(-0.499) == Box(4, 0, 2, 1)
    assert Box(0, 0, 9, 2).expanded(-5) == Box(4, 0, 1, 2)
