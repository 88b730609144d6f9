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


def test_labels_as_probable_as_each_other_keep_their_order() -> None:
    labels = tuple(f"label {i}" for i in range(200))
    shares = np.where(np.arange(200) % 2 == 0, 0.006, 0.004).astype(np.float32)
    wanted = [*labels[::2], *labels[1::2]]
    assert [name for name, _ in Prediction(shares, labels).top(200)] == wanted


def test_a_prediction_as_json_is_rounded() -> None:
    told = Prediction(np.array([0.1234, 0.8766], np.float32), ("a", "b")).to_json(2)
    assert told == {
        "label": "b",
        "confidence": 0.88,
        "probabilities": {"a": 0.12, "b": 0.88},
    }


def test_a_face_in_a_larger_picture_is_the_same_face() -> None:
    face = Face(Box(1, 2, 3, 4), 0.9, 12.5, ((1.5, 2.0), (3.0, 4.0)))
    assert face.times(2.0) == Face(Box(2, 4, 6, 8), 0.9, 12.5, ((3.0, 4.0), (6.0, 8.0)))
    assert Box(10, 20, 3, 4).times(0.1) == Box(1, 2, 1, 1)
    assert Box(-4, 6, 10, 20).times(0.5) == Box(-2, 3, 5, 10)
    assert Box(1, 2, 3, 4).area_px == 12


@pytest.mark.parametrize(
    ("box", "inside"),
    [
        (Box(0, 0, 640, 480), Box(0, 0, 640, 480)),
        (Box(-3, -4, 10, 10), Box(0, 0, 7, 6)),
        (Box(635, 470, 10, 20), Box(635, 470, 5, 10)),
        (Box(639, 479, 5, 5), Box(639, 479, 1, 1)),
        (Box(640, 0, 5, 5), None),
        (Box(0, 480, 5, 5), None),
        (Box(-5, 0, 5, 5), None),
        (Box(0, -5, 5, 5), None),
        (Box(-4, -4, 5, 5), Box(0, 0, 1, 1)),
    ],
)
def test_what_is_outside_of_the_frame_is_cut_off(box: Box, inside: Box | None) -> None:
    assert box.clipped(640, 480) == inside


def test_a_frame_knows_its_size() -> None:
    frame = Frame(np.zeros((3, 5, 3), np.uint8), 0, 0.0)
    assert (frame.height, frame.width) == (3, 5)
    for wrong in (np.zeros((3, 5, 4), np.uint8), np.zeros((3, 5, 3), np.int8)):
        with pytest.raises(ValueError, match="a frame is"):
            Frame(wrong, 0, 0.0)


@pytest.mark.parametrize(("second", "taken"), [(0.5009, True), (0.4991, True), (0.5011, False)])
def test_probabilities_sum_to_one_within_a_thousandth(second: float, taken: bool) -> None:
    shares = np.array([0.5, second], np.float32)
    if taken:
        Prediction(shares, ("a", "b"))
    else:
        with pytest.raises(ValueError, match=r"must sum to 1, got 1\.0011"):
            Prediction(shares, ("a", "b"))
