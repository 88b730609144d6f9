from typing import Any

import cv2
import numpy as np
import pytest

from fer_core import preprocess
from fer_core.preprocess import (
    INPUT_RANGE,
    INPUT_SCALE,
    InputSpec,
    code_of_each_gray,
    denormalize_pixels,
    normalize_pixels,
    quantize_pixels,
    ten_crops,
)
from fer_core.values import Box, Face, Frame, UInt8Array


def test_a_gray_picture_of_the_right_size_passes_unchanged() -> None:
    gray = np.random.default_rng(0).integers(0, 256, (48, 48), np.uint8)
    assert np.array_equal(InputSpec().resized(gray)[:, :, 0], gray)
    frame = Frame(cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR), 0, 0.0)
    assert np.array_equal(InputSpec().pixels(frame, Face(Box(0, 0, 48, 48), 1.0))[:, :, 0], gray)


def test_a_crop_beyond_the_frame_repeats_its_edge_and_keeps_its_shape() -> None:
    pixels = np.full((40, 40, 3), 50, np.uint8)
    pixels[:, :20] = 200
    crop = InputSpec(48, 48).pixels(Frame(pixels, 0, 0.0), Face(Box(-24, 0, 48, 40), 1.0))
    assert crop.shape == (48, 48, 1)
    assert (crop[:, :44] == 200).all()
    assert (crop[:, 44:] == 50).all()


def test_margin_widens_the_crop() -> None:
    pixels = np.zeros((100, 100, 3), np.uint8)
    pixels[40:60, 40:60] = 255
    frame, box = Frame(pixels, 0, 0.0), Box(40, 40, 20, 20)
    assert InputSpec(margin=0.0).pixels(frame, Face(box, 1.0)).min() == 255
    assert InputSpec(margin=0.5).pixels(frame, Face(box, 1.0)).min() == 0


def test_a_narrower_crop_of_a_face_at_the_edge_is_the_whole_face() -> None:
    frame = Frame(np.full((48, 64, 3), 80, np.uint8), 0, 0.0)
    face = Face(Box(-39, 4, 40, 40), 1.0)  # a column of it is in sight
    assert (InputSpec(margin=-0.2).pixels(frame, face) == 80).all()


def test_rgb_swaps_the_channels_of_bgr() -> None:
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[:, :, 2] = 255  # red in BGR
    crop = InputSpec(8, 8, "rgb").pixels(Frame(pixels, 0, 0.0), Face(Box(0, 0, 8, 8), 1.0))
    assert crop[0, 0].tolist() == [255, 0, 0]


def test_quantized_and_normalised_pixels_mean_the_same() -> None:
    pixels = np.arange(256, dtype=np.uint8)
    codes = quantize_pixels(pixels)
    assert codes.dtype == np.int8
    assert np.array_equal(codes.astype(int), np.arange(256) - 128)
    assert np.array_equal(codes.astype(np.float32) / 128, normalize_pixels(pixels))
    assert normalize_pixels(pixels).dtype == np.float32
    assert np.array_equal(denormalize_pixels(normalize_pixels(pixels)), pixels)
    assert denormalize_pixels(np.float32([-1.2, 0.003, 0.005, 1])).tolist() == [0, 128, 129, 255]


def test_a_spec_refuses_what_it_cannot_be() -> None:
    with pytest.raises(ValueError, match="colour must be one of"):
        InputSpec(colour="bgr")
    with pytest.raises(ValueError, match="no such input"):
        InputSpec(height=0)


def test_ten_crops_are_centre_corners_and_their_mirror_images() -> None:
    across = np.tile(np.arange(48, dtype=np.uint8) * 5, (48, 1))
    pictures = np.stack([across, across.T])[..., None]
    every = list(ten_crops(pictures))
    views, mirrored = np.stack(every[::2]), np.stack(every[1::2])
    assert views.shape == (5, 2, 48, 48, 1)
    np.testing.assert_array_equal(mirrored, views[:, :, :, ::-1])
    assert [int(view[0, 20, 0, 0]) for view in views] == [0, 20, 0, 20, 10]
    assert [int(view[1, 0, 20, 0]) for view in views] == [0, 0, 20, 20, 10]
    assert [int(view[0, 20, -1, 0]) for view in views] == [215, 235, 215, 235, 225]
    coloured = next(ten_crops(np.repeat(pictures, 3, axis=3)))
    np.testing.assert_array_equal(coloured[..., 1], views[0, ..., 0])


def test_grays_become_what_a_network_from_elsewhere_takes() -> None:
    assert code_of_each_gray((0, 255), np.float32, (0, 0)).tolist() == list(range(256))
    assert code_of_each_gray((0, 1), np.uint8, (1 / 255, 0)).tolist() == list(range(256))
    usual = code_of_each_gray(INPUT_RANGE, np.int8, (INPUT_SCALE, 0))
    every = np.arange(256, dtype=np.uint8)
    assert np.array_equal(usual, quantize_pixels(every))
    assert np.array_equal(
        code_of_each_gray(INPUT_RANGE, np.float32, (0, 0)), normalize_pixels(every)
    )
    cut_off = code_of_each_gray((-1, 1), np.int8, (1 / 256, 0))
    assert (cut_off[0], cut_off[255]) == (-128, 127)
    for wrong in ((1.0, 0.0), (0.0, float("inf")), (float("nan"), 1.0)):
        with pytest.raises(ValueError, match="two finite numbers"):
            InputSpec(values=wrong)


@pytest.mark.parametrize("roll", [0.0, 40.0])
def test_a_box_far_larger_than_its_frame_takes_bounded_memory(
    roll: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = Frame(np.full((480, 640, 3), 90, np.uint8), 0, 0.0)
    frame.pixels[:, 320:] = 200
    box = Box(320 - 50_000, 240 - 50_000, 100_000, 100_000)
    made: list[int] = []
    warp = cv2.warpAffine

    def watched(pixels: UInt8Array, turn: Any, size: tuple[int, int], **more: Any) -> Any:
        made.append(max(size))
        return warp(pixels, turn, size, **more)

    monkeypatch.setattr(preprocess, "LARGEST_CROP_PX", 1000)
    monkeypatch.setattr(cv2, "warpAffine", watched)
    crop = InputSpec().pixels(frame, Face(box, 1.0, roll))
    assert made == [1000]
    assert (crop[24, 0, 0], crop[24, 47, 0]) == (90, 200)


def test_a_box_up_to_the_limit_is_cropped_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = cv2.GaussianBlur(
        np.random.default_rng(0).integers(0, 256, (400, 400, 3), np.uint8), (0, 0), 5
    )
    frame, face = Frame(picture, 0, 0.0), Face(Box(50, 60, 300, 300), 1.0, 20.0)
    whole = InputSpec().pixels(frame, face).astype(int)
    monkeypatch.setattr(preprocess, "LARGEST_CROP_PX", 300)
    assert np.array_equal(InputSpec().pixels(frame, face), whole)
    monkeypatch.setattr(preprocess, "LARGEST_CROP_PX", 150)
    assert 0 < np.abs(InputSpec().pixels(frame, face) - whole).max() <= 6


def test_a_leaning_face_is_cropped_upright() -> None:
    """A picture turned by 30 degrees and cropped by that roll is the picture again."""
    smooth = cv2.GaussianBlur(
        np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8), (0, 0), 9
    )
    stretched = cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    turn = cv2.getRotationMatrix2D((99.5, 99.5), -30, 1.0)  # to the right
    leaning = np.asarray(cv2.warpAffine(stretched, turn, (200, 200)), np.uint8)
    box = Box(60, 60, 80, 80)
    upright = InputSpec().pixels(Frame(stretched, 0, 0.0), Face(box, 1.0))
    crop = InputSpec().pixels(Frame(leaning, 0, 0.0), Face(box, 1.0, roll_degrees=30.0))
    unturned = InputSpec().pixels(Frame(leaning, 0, 0.0), Face(box, 1.0))
    assert np.abs(crop.astype(int) - upright).max() <= 6
    assert np.abs(unturned.astype(int) - upright).max() > 40


@pytest.mark.parametrize(("x", "y"), [(0, 0), (-4, -4), (-8, -8), (-8, 0), (0, -8)])
def test_a_crop_beyond_any_edge_repeats_it(x: int, y: int) -> None:
    gray = np.random.default_rng(1).integers(0, 256, (40, 40), np.uint8)
    frame = Frame(cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR), 0, 0.0)
    crop = InputSpec().pixels(frame, Face(Box(x, y, 48, 48), 1.0))
    expected = np.pad(gray, ((-y, 8 + y), (-x, 8 + x)), mode="edge")
    assert np.array_equal(crop[:, :, 0], expected)


@pytest.mark.parametrize(("x", "y"), [(250, 20), (30, 160), (340, 150)])
def test_a_leaning_face_is_cropped_wherever_it_is(x: int, y: int) -> None:
    smooth = cv2.GaussianBlur(
        np.random.default_rng(5).integers(0, 256, (220, 400, 3), np.uint8), (0, 0), 6
    )
    stretched = cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    box = Box(x, y, 50, 50)
    turn = cv2.getRotationMatrix2D((x + 24.5, y + 24.5), 25, 1.0)
    whole = np.asarray(
        cv2.warpAffine(stretched, turn, (400, 220), borderMode=cv2.BORDER_REPLICATE), np.uint8
    )
    expected = InputSpec().pixels(Frame(whole, 0, 0.0), Face(box, 1.0)).astype(int)
    crop = InputSpec().pixels(Frame(stretched, 0, 0.0), Face(box, 1.0, roll_degrees=25.0))
    assert np.abs(crop - expected).max() <= 3
