"""What a program of a few lines gets: the names of `fer_edge`, and parts of its own."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import fer_edge
from drawn_faces import draw_scene, save_video
from fer_core.values import UInt8Array
from fer_edge.faces.analysis import Analysis
from fer_edge.faces.detectors import DETECTORS
from fer_edge.outputs import Output
from fer_edge.session import outputs as table
from fer_edge.session.config import EdgeConfig
from fer_edge.session.options import RunOptions
from fer_edge.session.watch import watch
from fer_edge.sources import camera


class WholePicture:
    """A toy detector: the middle of every picture is a face."""

    def detect(
        self, frame: fer_edge.Frame, known: Sequence[fer_edge.Box] = ()
    ) -> tuple[fer_edge.Face, ...]:
        side = min(frame.width, frame.height) // 2
        return (fer_edge.Face(fer_edge.Box(side // 2, side // 2, side, side), 1.0),)


def test_importing_the_package_loads_neither_opencv_nor_a_runtime() -> None:
    code = (
        "import sys, fer_edge\n"
        "print(sorted({'cv2', 'numpy', 'ai_edge_litert', 'tensorflow'} & set(sys.modules)))\n"
        "print(sorted(dir(fer_edge)) == sorted(fer_edge.__all__), fer_edge.ExpressionReader)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "[]",
        "True <class 'fer_edge.reader.ExpressionReader'>",
    ]
    with pytest.raises(AttributeError, match="no attribute 'Reader'"):
        _ = fer_edge.Reader


def test_a_picture_is_a_file_or_pixels(tmp_path: Path) -> None:
    reader, scene = fer_edge.ExpressionReader(model="fer-nano"), draw_scene("happy")
    file = tmp_path / "photo.png"
    cv2.imwrite(str(file), scene)
    (face,) = reader.picture(file)
    (same,) = reader.picture(scene)
    assert (face.box, face.label) == (same.box, same.label)
    assert face.box.iou(fer_edge.Box(180, 100, 280, 280)) > 0.3
    with pytest.raises(fer_edge.FerError, match=r"absent\.onnx cannot be read"):
        fer_edge.ExpressionReader(detector=tmp_path / "absent.onnx")
    assert face.label in fer_edge.ExpressionReader().picture(file)[0].prediction.labels


def test_what_is_wrong_is_a_fer_error(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    reader = fer_edge.ExpressionReader()
    for wrong, words, code in (
        (
            lambda: reader.picture(tmp_path / "broken.jpg"),
            "it is no picture or of",
            "picture-unreadable",
        ),
        (
            lambda: reader.picture(tmp_path / "absent.jpg"),
            "there is no picture",
            "picture-not-found",
        ),
        (
            lambda: next(reader.video(tmp_path / "absent.mp4")),
            "there is no video",
            "video-not-found",
        ),
        (
            lambda: fer_edge.ExpressionReader(model="fer-huge"),
            "no model 'fer-huge'",
            "model-not-found",
        ),
        (
            lambda: fer_edge.ExpressionReader(detector="retina"),
            "no detector 'retina'",
            "",
        ),
    ):
        with pytest.raises(fer_edge.FerError, match=words) as said:
            wrong()
        assert said.value.see == code


@pytest.mark.parametrize("detector", [None, 5, WholePicture])
def test_what_is_no_detector_is_refused_before_the_first_picture(detector: Any) -> None:
    with pytest.raises(TypeError, match=r"detector must be a name .*, got ") as said:
        fer_edge.ExpressionReader(detector=detector)
    assert repr(detector) in str(said.value)


@pytest.mark.parametrize(("given", "times"), [({}, 10), ({"rate": 5}, 5), ({"rate": 0}, 30)])
def test_a_face_is_classified_as_often_as_by_the_command(
    given: dict[str, float], times: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = save_video(tmp_path / "a.mp4", [draw_scene("happy")] * 30, fps=30)
    reader = fer_edge.ExpressionReader(detector=WholePicture(), **given)
    real, seen = reader._classifier.classify, list[int]()
    monkeypatch.setattr(
        reader._classifier, "classify", lambda *of: seen.append(len(of[1])) or real(*of)
    )
    for _ in reader.video(video):
        pass
    assert abs(sum(seen) - times) <= 3  # a new face is classified in its first frames


def test_boxes_are_in_pixels_of_the_file(tmp_path: Path) -> None:
    reader = fer_edge.ExpressionReader(detector=WholePicture())
    file = tmp_path / "large.jpg"
    cv2.imwrite(str(file), np.full((5000, 6000, 3), 90, np.uint8))
    (face,) = reader.picture(file)  # which is decoded at half its size
    assert face.box == fer_edge.Box(1250, 1250, 2500, 2500)


def test_a_camera_is_given_back_when_the_loop_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[bool] = []

    class Drawn:
        def __init__(self, *wanted: Any) -> None:
            pass

        def read(self) -> UInt8Array:
            return draw_scene("happy")

        def close(self) -> None:
            closed.append(True)

    opened: list[bool] = []
    monkeypatch.setattr(camera, "OpenCvCapture", lambda *wanted: opened.append(True) or Drawn())
    reader = fer_edge.ExpressionReader(detector=WholePicture())
    reader.camera(0).close()  # never begun, so never opened
    assert opened == []
    frames = reader.camera(0)
    seen = [(frame.source, len(faces)) for frame, faces in (next(frames) for _ in range(3))]
    assert seen == [("camera 0", 1)] * 3
    assert closed == []
    frames.close()
    assert closed == [True]


class Noting(fer_edge.Output):
    """A toy output: what it got, in order."""

    def __init__(self) -> None:
        self.frames: list[int] = []
        self.events: list[tuple[str, int]] = []
        self.finished = False

    def write(self, frame: fer_edge.Frame, seen: fer_edge.Analysis) -> None:
        self.frames.append(frame.index)
        self.events += [(each.kind, each.track_id) for each in seen.events]

    def finish(self, seen: fer_edge.Analysis) -> None:
        self.events += [(each.kind, each.track_id) for each in seen.events]
        self.finished = True


@pytest.mark.parametrize("kind", [str, Path])
def test_outputs_get_every_frame_and_the_last_events(tmp_path: Path, kind: Any) -> None:
    video = save_video(tmp_path / "clip.avi", [draw_scene("happy")] * 5)
    outputs = Noting(), Noting()
    fer_edge.ExpressionReader(detector=WholePicture()).run(kind(video), *outputs)
    for each in outputs:
        assert each.frames == [0, 1, 2, 3, 4]
        assert each.events == [("started", 1), ("ended", 1)]
        assert each.finished


def test_ctrl_c_finishes_the_outputs_and_closes_the_video(tmp_path: Path) -> None:
    class Impatient(Noting):
        def write(self, frame: fer_edge.Frame, seen: fer_edge.Analysis) -> None:
            super().write(frame, seen)
            if frame.index == 3:
                raise KeyboardInterrupt

    video = save_video(tmp_path / "clip.avi", [draw_scene("happy")] * 9)
    output = Impatient()
    with pytest.raises(KeyboardInterrupt):
        fer_edge.ExpressionReader(detector=WholePicture()).run(video, output)
    assert output.finished
    assert output.events == [("started", 1), ("ended", 1)]


def test_what_can_not_be_run_is_a_fer_error(tmp_path: Path) -> None:
    reader = fer_edge.ExpressionReader(detector=WholePicture())
    with pytest.raises(fer_edge.FerError, match="there is no video"):
        reader.run(tmp_path / "absent.mp4")
    with pytest.raises(fer_edge.FerError, match=r"absent\.mp4"):
        reader.run("absent.mp4")


def test_a_mirror_swaps_left_and_right(monkeypatch: pytest.MonkeyPatch) -> None:
    class Drawn:
        def __init__(self, *wanted: Any) -> None:
            pass

        def read(self) -> UInt8Array:
            return draw_scene("happy", x=20)

        def close(self) -> None:
            pass

    monkeypatch.setattr(camera, "OpenCvCapture", Drawn)
    frames = fer_edge.ExpressionReader(detector=WholePicture()).camera(0, mirror=True)
    frame, _ = next(frames)
    frames.close()
    assert np.array_equal(frame.pixels, draw_scene("happy", x=20)[:, ::-1])


def test_a_strangers_detector_and_output_take_a_line_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Counting(Output):
        """A toy output."""

        faces = 0

        def write(self, frame: fer_edge.Frame, seen: Analysis) -> None:
            self.faces += len(seen.observations)

    counting = Counting()
    monkeypatch.setitem(DETECTORS, "whole", lambda request: WholePicture())
    monkeypatch.setitem(table.OUTPUTS, "counting", lambda run: iter([counting]))
    file = tmp_path / "gray.png"
    cv2.imwrite(str(file), np.full((90, 120, 3), 90, np.uint8))
    result = watch(RunOptions(EdgeConfig(detector="whole"), (file,), quiet=True))
    assert (result.summary.faces, counting.faces) == (1, 1)
