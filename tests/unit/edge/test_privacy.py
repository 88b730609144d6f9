"""Masks and blur, pixel by pixel: what they hide reaches no output."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from commands import call_here
from fer_core.errors import ArgumentError, FerError
from fer_core.values import Box, Face, Frame, Gap, Observation, Prediction, UInt8Array
from fer_edge.faces.analysis import Analysis
from fer_edge.inference.classifier import TfliteClassifier
from fer_edge.inference.interpreter import TfliteModel
from fer_edge.inference.models import load_model
from fer_edge.outputs import Output
from fer_edge.outputs.blur import BLOCKS, LINGER_SECONDS, MARGIN, Blur
from fer_edge.outputs.pipeline import run_pipeline
from fer_edge.portrait import demo_portrait
from fer_edge.session.config import EdgeConfig
from fer_edge.session.options import RunOptions, read_options
from fer_edge.session.watch import stream_analyzer
from fer_edge.sources.masks import MaskedSource, masked
from fer_edge.stages import StageTimes

NOISE = np.random.default_rng(0).integers(0, 256, (120, 160, 3)).astype(np.uint8)
BOX = Box(60, 40, 30, 30)
SURE = Prediction(np.array([1.0], np.float32), ("happy",))


def frame(index: int = 0, at: float = 0.0, camera: str = "") -> Frame:
    return Frame(NOISE.copy(), index, at, camera=camera)


def showing(
    *people: str, at: float = 0.0, track: int | None = 1, box: Box = BOX, camera: str = ""
) -> Analysis:
    return Analysis(
        tuple(Observation(0, at, Face(box, 1.0), SURE, track, who, camera) for who in people)
    )


def changed(before: UInt8Array, after: UInt8Array) -> Box | None:
    """Return the smallest box around what differs."""
    rows, columns = np.nonzero((before != after).any(axis=2))
    if not len(rows):
        return None
    left, top = int(columns.min()), int(rows.min())
    return Box(left, top, int(columns.max()) - left + 1, int(rows.max()) - top + 1)


def test_a_blurred_face_is_blocks_and_nothing_else_changes() -> None:
    given = frame()
    blurred = Blur("all")(given, showing("anna")).pixels
    grown = BOX.expanded(MARGIN)
    assert changed(NOISE, blurred) == grown
    part = blurred[grown.y : grown.y + grown.height, grown.x : grown.x + grown.width]
    assert len(np.unique(part.reshape(-1, 3), axis=0)) <= BLOCKS**2
    assert np.array_equal(given.pixels, NOISE)


def test_faces_that_differ_within_a_block_alone_look_the_same() -> None:
    box = Box(60, 36, 28, 28)  # grown by MARGIN it has sides of 48, six blocks of 8
    one, other = (np.full((120, 160, 3), 100, np.uint8) for _ in range(2))
    grown = box.expanded(MARGIN)
    across, down = grown.width // BLOCKS, grown.height // BLOCKS
    assert (across * BLOCKS, down * BLOCKS) == (grown.width, grown.height)
    for row in range(BLOCKS):
        for column in range(BLOCKS):
            y, x = grown.y + row * down, grown.x + column * across
            other[y, x], other[y + 1, x + 1] = 120, 80
    both = [
        Blur("all")(Frame(pixels, 0, 0.0), showing("", box=box)).pixels for pixels in (one, other)
    ]
    assert not np.array_equal(one, other)
    assert np.array_equal(*both)


def test_a_face_at_the_border_is_blurred_as_far_as_there_is_a_picture() -> None:
    blurred = Blur("all")(frame(), showing("", box=Box(-10, 100, 30, 30))).pixels
    assert changed(NOISE, blurred) == Box(-20, 90, 50, 50).clipped(160, 120)


def test_strangers_are_those_without_a_name() -> None:
    blur = Blur("strangers")
    assert changed(NOISE, blur(frame(), showing("anna")).pixels) is None
    assert changed(NOISE, blur(frame(), showing("")).pixels) == BOX.expanded(MARGIN)


def test_a_face_that_is_missed_stays_blurred_for_a_while_and_in_its_camera_alone() -> None:
    blur = Blur("strangers")
    blur(frame(0, 1.0, "door"), showing("", at=1.0, camera="door"))
    for camera, at, hidden in (
        ("door", 1.0 + LINGER_SECONDS, True),
        ("desk", 1.5, False),
        ("door", 1.01 + LINGER_SECONDS, False),
    ):
        pixels = blur(frame(1, at, camera), Analysis()).pixels
        assert (changed(NOISE, pixels) is not None) == hidden


def test_a_face_that_is_missed_stays_blurred_where_it_is_in_a_picture_of_another_size() -> None:
    blur, double = Blur("all"), np.ascontiguousarray(NOISE.repeat(2, 0).repeat(2, 1))
    before = changed(NOISE, blur(frame(0, 1.0), showing("", at=1.0)).pixels)
    after = changed(double, blur(Frame(double.copy(), 1, 1.1), Analysis()).pixels)
    assert before is not None
    assert after is not None
    assert after.iou(before.times(2)) > 0.9


def test_who_is_known_now_is_blurred_no_longer_where_the_face_was() -> None:
    blur = Blur("strangers")
    blur(frame(0, 1.0), showing("", at=1.0))
    blur(frame(1, 1.1), showing("anna", at=1.1))
    assert changed(NOISE, blur(frame(2, 1.2), Analysis()).pixels) is None


class Pictures:
    """A source of frames."""

    def __init__(self, *frames: Frame | Gap) -> None:
        self._frames = frames

    def frames(self, stop: threading.Event) -> Iterator[Frame | Gap]:
        yield from self._frames

    def close(self) -> None:
        """Nothing to close."""


def test_a_mask_is_black_in_its_camera_alone() -> None:
    triangle = [(0.0, 0.0), (0.5, 0.0), (0.0, 0.5)]
    source = MaskedSource(
        Pictures(frame(camera="door"), frame(camera="desk"), Gap(1.0, camera="door")),
        {"door": [triangle]},
    )
    door, desk, gap = source.frames(threading.Event())
    assert isinstance(door, Frame)
    assert isinstance(desk, Frame)
    assert isinstance(gap, Gap)
    y, x = np.mgrid[:120, :160]
    inside = x / 80 + y / 60 <= 1
    assert not door.pixels[inside].any()
    outside = x / 80 + y / 60 > 1 + 2 / 60  # the line itself is covered
    assert np.array_equal(door.pixels[outside], NOISE[outside])
    assert np.array_equal(desk.pixels, NOISE)


def test_where_masks_overlap_the_picture_is_black_too() -> None:
    left = [(0.0, 0.0), (0.6, 0.0), (0.6, 1.0), (0.0, 1.0)]
    right = [(0.4, 0.0), (1.0, 0.0), (1.0, 1.0), (0.4, 1.0)]
    assert not masked(frame(), [left, right]).pixels.any()


def test_outputs_get_nothing_but_what_is_shown() -> None:
    class Kept(Output):
        def __init__(self) -> None:
            self.pixels: list[UInt8Array] = []

        def write(self, frame: Frame, seen: Analysis) -> None:
            self.pixels.append(frame.pixels)

    class Found:
        def analyze(self, frame: Frame) -> Analysis:
            assert np.array_equal(frame.pixels, NOISE)
            return showing("")

        def idle(self, gap: Gap) -> Analysis:
            return Analysis()

        def finish(self) -> Analysis:
            return Analysis()

    outputs = [Kept(), Kept()]
    stop, times = threading.Event(), StageTimes()
    run_pipeline(Pictures(frame()), Found(), outputs, stop, times, hidden=Blur("all"))
    for output in outputs:
        assert changed(NOISE, output.pixels[0]) == BOX.expanded(MARGIN)


def test_a_face_is_blurred_in_the_first_frame_that_shows_it() -> None:
    portrait = cv2.resize(demo_portrait(), (256, 256))
    empty = np.full((480, 640, 3), 90, np.uint8)
    shown = empty.copy()
    shown[100:356, 200:456] = portrait
    config = EdgeConfig(camera="0", blur="all")
    model = TfliteClassifier(TfliteModel(load_model("fer-nano")))
    analyzer, blur = stream_analyzer(config, model, StageTimes()), Blur("all")
    frames = [Frame(shown if index >= 5 else empty, index, index / 30) for index in range(8)]
    hidden = [changed(each.pixels, blur(each, analyzer.analyze(each)).pixels) for each in frames]
    assert hidden[:5] == [None] * 5
    assert all(box is not None and box.width > 80 for box in hidden[5:])


@pytest.mark.parametrize("kind", ["jpg", "png"])
def test_a_saved_picture_shows_no_face(tmp_path: Path, kind: str) -> None:
    cv2.imwrite(str(tmp_path / "person.png"), demo_portrait())
    call_here("fer-edge", "person.png", "--save", f"seen.{kind}", "--blur", "all", cwd=tmp_path)
    assert "face" in call_here("fer-edge", "person.png", cwd=tmp_path).stdout
    again = call_here("fer-edge", f"seen.{kind}", cwd=tmp_path).stdout
    assert "no face found" in again


def options(folder: Path, text: str, **given: object) -> RunOptions:
    file = folder / "fer-edge.toml"
    file.write_text(text)
    return read_options({"config": file, "pictures": None, "video": None, **given})


def test_no_page_shows_unknown_faces_that_are_to_be_blurred(tmp_path: Path) -> None:
    (tmp_path / "people").mkdir()
    text = f'faces = "{tmp_path}/people"\nserve = "8080"\nblur = "strangers"\nname_unknown = true\n'
    with pytest.raises(ArgumentError, match="--name-unknown shows the faces that --blur hides"):
        options(tmp_path, text, camera=["0"])


def test_masks_are_read_for_one_camera_or_all(tmp_path: Path) -> None:
    text = """
        camera = ["door=0", "desk=1"]
        [[mask]]
        points = [[0, 0], [1, 0], [1, 0.1]]
        [[mask]]
        camera = "desk"
        points = [[0, 0.5], [1, 0.5], [0.5, 1]]
    """
    masks = options(tmp_path, text).settings.masks
    assert {name: len(polygons) for name, polygons in masks.items()} == {"door": 1, "desk": 2}
    assert masks["desk"][1] == [(0.0, 0.5), (1.0, 0.5), (0.5, 1.0)]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[[mask]]\npoints = [[0, 0], [1, 1]]", "at least three points"),
        ("[[mask]]\npoints = [[0, 0], [1, 1], [0, 20]]", r"shares of the picture, .* \[0, 20\]"),
        ('[[mask]]\ncamera = "sofa"\npoints = [[0, 0], [1, 1], [0, 1]]', "'sofa' that is not"),
        ("[[mask]]\npoints = [[0, 0], [1, 1], [1, 0], [0, 1]]", "the sides of a .* cross"),
        ("[[mask]]\npolygon = [[0, 0], [1, 1], [0, 1]]", "unknown key 'polygon'"),
        ("mask = 3", "at least three points"),
        ('blur = "some"', "blur must be strangers or all"),
        ('blur = "strangers"', "--faces FOLDER"),
    ],
)
def test_wrong_privacy_settings_are_refused(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(FerError, match=why):
        options(tmp_path, text, camera=["0"])
