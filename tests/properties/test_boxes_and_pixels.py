"""Boxes, crops and the numbers of quantized networks."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from fer_core.preprocess import (
    INPUT_RANGE,
    INPUT_SCALE,
    InputSpec,
    code_of_each_gray,
    denormalize_pixels,
    normalize_pixels,
    quantize_pixels,
)
from fer_core.values import Box, Face, Frame, Prediction
from fer_edge.faces.smoothing import Expression, Smoothing, with_class_on_top
from fer_edge.inference.interpreter import dequantize

SIDES = st.integers(1, 500)
PLACES = st.integers(-300, 600)
BOXES = st.builds(Box, PLACES, PLACES, SIDES, SIDES)
GRAYS = arrays.arrays(np.uint8, st.tuples(*[st.integers(1, 40)] * 2, st.just(3)))


def cells(box: Box) -> set[tuple[int, int]]:
    """Return each pixel of a box."""
    across = range(box.x, box.x + box.width)
    return {(x, y) for x in across for y in range(box.y, box.y + box.height)}


SMALL = st.builds(Box, *[st.integers(-6, 9)] * 2, *[st.integers(1, 9)] * 2)


@given(SMALL, SMALL)
def test_the_overlap_of_boxes_is_that_of_their_pixels(one: Box, other: Box) -> None:
    shared = len(cells(one) & cells(other)) / len(cells(one) | cells(other))
    assert one.iou(other) == other.iou(one) == shared


@given(SMALL, st.integers(1, 9), st.integers(1, 9))
def test_a_clipped_box_is_what_lies_in_the_frame(box: Box, width: int, height: int) -> None:
    inside = cells(box) & cells(Box(0, 0, width, height))
    clipped = box.clipped(width, height)
    assert (cells(clipped) if clipped else set()) == inside
    if clipped:
        assert clipped.clipped(width, height) == clipped


@given(BOXES, st.floats(0, 2))
def test_a_box_grows_by_the_same_on_both_sides(box: Box, fraction: float) -> None:
    grown = box.expanded(fraction)
    assert (box.x - grown.x) * 2 == grown.width - box.width >= 0
    assert (box.y - grown.y) * 2 == grown.height - box.height >= 0


@given(SMALL, st.floats(-0.5, 0, exclude_min=True))
def test_every_margin_that_a_manifest_may_have_leaves_some_of_a_box(
    box: Box, margin: float
) -> None:
    left = box.expanded(InputSpec(margin=margin).margin)
    assert cells(left) <= cells(box)


@given(
    GRAYS,
    st.builds(Box, *[st.integers(-60, 60)] * 2, *[st.integers(1, 90)] * 2),
    st.sampled_from([0.0, 10.0, -33.3, 180.0]),
    st.builds(
        InputSpec,
        *[st.integers(1, 12)] * 2,
        st.sampled_from(["gray", "rgb"]),
        st.sampled_from([0.0, 0.2, -0.2, 2.0]),
    ),
)
def test_a_crop_has_the_shape_and_the_grays_of_its_picture(
    pixels: np.ndarray, box: Box, roll: float, spec: InputSpec
) -> None:
    frame = Frame(pixels, 0, 0.0)
    if box.expanded(spec.margin).clipped(frame.width, frame.height) is None:
        return
    crop = spec.pixels(frame, Face(box, 1.0, roll))
    assert (crop.shape, crop.dtype) == (spec.shape, np.uint8)
    assert int(pixels.min()) - 1 <= crop.min() <= crop.max() <= int(pixels.max()) + 1


@given(arrays.arrays(np.uint8, st.integers(0, 64)))
def test_pixels_for_int8_and_for_float_are_one_value(pixels: np.ndarray) -> None:
    codes, values = quantize_pixels(pixels), normalize_pixels(pixels)
    assert np.array_equal(dequantize(codes, INPUT_SCALE, 0), values)
    assert np.array_equal(denormalize_pixels(values), pixels)
    table = code_of_each_gray(INPUT_RANGE, np.int8, (INPUT_SCALE, 0))
    assert np.array_equal(table[pixels], codes)


@given(
    st.sampled_from([np.int8, np.uint8]),
    st.floats(1e-6, 1e3),
    st.integers(-128, 255),
    arrays.arrays(np.int16, 20, elements=st.integers(-128, 255)),
)
def test_dequantized_values_are_those_of_the_definition(
    dtype: type, scale: float, zero_point: int, numbers: np.ndarray
) -> None:
    limits = np.iinfo(dtype)
    codes = numbers.clip(limits.min, limits.max).astype(dtype)
    exact = (codes.astype(object) - zero_point) * float(np.float32(scale))
    assert np.allclose(dequantize(codes, scale, zero_point), exact.astype(float), rtol=1e-6)


@given(
    st.tuples(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4)).filter(lambda pair: pair[0] < pair[1]),
    st.sampled_from(["int8", "uint8"]),
    st.floats(1e-4, 1e3),
    st.integers(0, 127),
)
def test_the_code_of_a_gray_is_the_nearest_one(
    values: tuple[float, float], dtype: str, scale: float, zero_point: int
) -> None:
    codes = code_of_each_gray(values, dtype, (scale, zero_point)).astype(int)
    limits = np.iinfo(dtype)
    assert (np.diff(codes) >= 0).all()
    real = values[0] + np.arange(256) * (values[1] - values[0]) / 255
    held = (codes > limits.min) & (codes < limits.max)
    off = np.abs((codes - zero_point) * scale - real)[held]
    assert (off <= scale * 0.5 * (1 + 1e-9) + 1e-9).all()


@st.composite
def distributions(draw: st.DrawFn, classes: int | None = None) -> np.ndarray:
    count = classes or draw(st.integers(2, 8))
    weights = draw(st.lists(st.floats(0, 1, width=32), min_size=count, max_size=count))
    given_weights = np.array(weights, np.float32) + np.float32(1e-6)
    return np.asarray(given_weights / given_weights.sum(), np.float32)


@given(distributions(), st.integers(0, 7))
def test_a_class_that_is_put_on_top_leads_and_the_rest_is_a_distribution(
    shares: np.ndarray, index: int
) -> None:
    index %= len(shares)
    led = with_class_on_top(shares, index)
    assert led.argmax() == index
    assert abs(led.sum() - 1) < 1e-4
    assert (led >= 0).all()
    if shares.argmax() == index:
        assert np.array_equal(led, shares)


@given(st.lists(st.tuples(distributions(4), st.floats(0, 2)), min_size=1, max_size=12))
def test_what_is_shown_of_a_face_is_a_distribution_with_its_label_on_top(
    answers: list[tuple[np.ndarray, float]],
) -> None:
    labels, now, smoothing = ("a", "b", "c", "d"), 0.0, Smoothing()
    shown = Expression.first(Prediction(answers[0][0], labels), now)
    label = shown.shown.label
    for shares, seconds in answers:
        now += seconds
        shown.update(Prediction(shares, labels), now, smoothing.time_constant_seconds)
        took_over = shown.settle(now, smoothing)
        assert (shown.shown.label != label) == took_over
        label = shown.shown.label
        assert shown.shown.confidence == shown.shown.probabilities.max()
