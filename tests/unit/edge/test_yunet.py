import os
import shutil
from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from commands import call_here
from fer_core.errors import FerError
from fer_core.preprocess import InputSpec
from fer_core.values import Box, Face, Frame, UInt8Array
from fer_edge import doctor
from fer_edge.faces import yunet_file, yunet_search
from fer_edge.faces.detector import DetectorRequest, SearchPlan
from fer_edge.faces.detectors import make_detector, require_detector
from fer_edge.faces.haar import HaarDetector
from fer_edge.faces.tracks import Tracks
from fer_edge.faces.yunet import YuNet
from fer_edge.faces.yunet_file import HOW_TO_INSTALL, HOW_TO_REPAIR, installed_file
from fer_edge.faces.yunet_search import LEAST_SCORE, PICTURE, YuNetDetector, search
from fer_edge.faces.yunet_small import small_faces, small_finds
from fer_edge.portrait import demo_portrait
from fer_edge.service.unit import unit_text
from fer_edge.session.config import EdgeConfig
from fer_edge.session.options import read_options
from systemd_units import PROGRAM

GIVEN = dict.fromkeys(each.name for each in fields(EdgeConfig))
needs_yunet = pytest.mark.skipif(installed_file() is None, reason=f"needs YuNet: {HOW_TO_INSTALL}")


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
    assert LEAST_SCORE <= face.score <= 1


@needs_yunet
@pytest.mark.skipif(cv2.__version__.startswith("4.8"), reason="OpenCV takes content from 4.9 on")
def test_a_place_with_letters_beyond_ascii_is_no_other_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fer_edge.faces.yunet.sys", SimpleNamespace(platform="win32"))
    installed = installed_file()
    assert installed is not None
    copy = Path(shutil.copy(installed, tmp_path / "Jörg.onnx"))
    frame = turned(20).pixels
    assert YuNet(copy).find(frame, 1.0) == YuNet().find(frame, 1.0)


def test_looks_are_bounded_however_many_faces_there_are() -> None:
    faces = [Face(Box(60 * n, 60 * m, 40, 40), 0.75, 5.0) for n in range(20) for m in range(20)]
    doubtful = [replace(face, score=0.5) for face in faces]
    for finds, found in ((faces, 400), (doubtful, 0)):
        yunet = Finds(finds, {})
        assert len(search(yunet, np.zeros((1300, 1300, 3), np.uint8), 0.5, PICTURE)) == found
        assert len(yunet.looks) <= 80


@needs_yunet
def test_a_face_of_a_very_long_picture_is_looked_at() -> None:
    """OpenCV turns no picture with a side of 32,767 px or more."""
    strip = np.full((33_000, 512, 3), 90, np.uint8)
    matrix = cv2.getRotationMatrix2D((224.0, 120.0), -30, 1.0)
    strip[20_000:20_512] = cv2.warpAffine(demo_portrait(), matrix, (512, 512), borderMode=1)
    frame = Frame(strip, 0, 0.0)
    face = Face(Box(178, 20_067, 92, 92), 0.9)
    seen = YuNet().look(strip, face, 30.0, (128, 1.5))
    assert seen is not None
    assert seen.box.iou(face.box) > 0.5
    assert InputSpec().pixels(frame, seen).shape == (48, 48, 1)


@needs_yunet
@pytest.mark.parametrize("degrees", [-60, 45])
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
def test_small_faces_of_large_photos_are_found_once_in_single_pictures() -> None:
    photo = np.full((3000, 4000, 3), 90, np.uint8)
    photo[300:1324, 200:1224] = cv2.resize(demo_portrait(), (1024, 1024))
    photo[2500:2700, 3000:3200] = cv2.resize(demo_portrait(), (200, 200))  # a face of 36 px
    frame = Frame(photo, 0, 0.0)
    large, small = make_detector("yunet", DetectorRequest(stream=False)).detect(frame)
    assert large.box.iou(Box(200 + 2 * 178, 300 + 2 * 67, 2 * 92, 2 * 92)) > 0.6
    assert small.box.iou(Box(3000 + 70, 2500 + 26, 36, 36)) > 0.6


class Finds(YuNet):
    """Finds what it is told, in whole pictures and in windows."""

    def __init__(self, finds: list[Face], seen: dict[Box, Face]) -> None:
        self.finds, self.seen, self.looks = finds, seen, list[Box]()

    def find_in(self, small: UInt8Array, scale: float, roll_degrees: float = 0.0) -> list[Face]:
        return self.finds

    def look(
        self, pixels: UInt8Array, face: Face, roll_degrees: float, window: tuple[int, float]
    ) -> Face | None:
        self.looks.append(face.box)
        return self.seen.get(face.box)


def test_a_small_find_is_a_face_if_it_is_one_in_a_second_look() -> None:
    large, clear, doubtful, gone, weak = (Box(600 * n, 90, 30, 30) for n in range(1, 6))
    finds = [Face(large, 0.9), *(Face(box, 0.6) for box in (clear, doubtful, gone))]
    seen = {clear: Face(clear, 0.9), doubtful: Face(doubtful, 0.79)}
    yunet = Finds([*finds, Face(weak, 0.49)], seen)
    photo, known = np.zeros((3000, 4000, 3), np.uint8), [Face(large, 0.8)]
    (face,) = small_faces(yunet, photo, known, small_finds(yunet, photo, known))
    assert (face.box, face.score) == (clear, 0.9)
    assert yunet.looks == [clear, doubtful, gone]


def test_all_of_a_crowd_are_found_and_where_there_are_more_a_run_warns_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    boxes = [Box(30 * column, 30 * row, 25, 25) for row in range(20) for column in range(40)]
    finds = [Face(box, 0.6) for box in boxes] + [Face(Box(900, 900, 25, 25), 0.3)] * 500
    yunet = Finds(finds, {box: Face(box, 0.9) for box in boxes})
    monkeypatch.setattr(yunet_search, "YuNet", lambda file: yunet)
    monkeypatch.setattr(yunet_search, "search", lambda *arguments: [])
    frame = Frame(np.zeros((600, 1280, 3), np.uint8), 0, 0.0, "crowd.jpg")
    assert len(YuNetDetector().detect(frame)) == 800
    assert caplog.messages == []
    monkeypatch.setattr(yunet_search, "MOST_SMALL", 100)
    detector = YuNetDetector()
    assert len(detector.detect(frame)) == len(detector.detect(frame)) == 100
    (warning,) = caplog.messages
    assert warning.startswith("crowd.jpg: of 800 places that may be small faces only the 100")


def test_a_doubtful_find_is_a_face_if_it_is_a_clear_one_in_a_second_look() -> None:
    sure, clear, doubtful, tiny = (
        Box(100 * n, 90, side, 40) for n, side in enumerate((40, 30, 24, 23))
    )
    seen = {clear: Face(clear, 0.9), doubtful: Face(doubtful, 0.8), tiny: Face(tiny, 0.9)}
    finds = [Face(sure, 0.7), Face(clear, 0.69), Face(doubtful, 0.5), Face(tiny, 0.5)]
    faces = search(Finds(finds, seen), np.zeros((480, 640, 3), np.uint8), 1.0, PICTURE)
    assert [face.box for face in faces] == [clear, sure]


@needs_yunet
@pytest.mark.parametrize("degrees", [-60, -45, -30, -15, 0, 15, 30, 45, 60])
def test_a_face_tells_how_it_leans(degrees: float) -> None:
    (face,) = YuNetDetector().detect(turned(-degrees))  # OpenCV turns to the left
    assert face.roll_degrees == pytest.approx(degrees, abs=16)
    right_eye, left_eye, nose, *_ = face.landmarks
    assert right_eye[0] < left_eye[0]
    assert nose == pytest.approx((224, 120), abs=25)


@needs_yunet
def test_a_face_that_turns_is_followed_and_stands_upright_in_its_crops() -> None:
    detector, tracks = make_detector("yunet", DetectorRequest(stream=True)), Tracks()
    angles = [*range(0, 70, 3), *range(69, -70, -3)]
    for index, angle in enumerate(angles):
        frame = replace(turned(-angle), index=index, captured_at=index / 25)
        tracks.update(frame, detector.detect(frame, tracks.expected))
        (track,) = tracks.in_sight
        assert track.track_id == 1
        assert track.face.roll_degrees == pytest.approx(angle, abs=20)


@needs_yunet
@pytest.mark.parametrize(("side", "degrees"), [(400, 70), (512, -60)])
def test_a_face_that_leans_when_a_stream_begins_is_seen_so(side: int, degrees: float) -> None:
    scene = np.full((640, 800, 3), 127, np.uint8)
    scene[40 : 40 + side, 60 : 60 + side] = cv2.resize(turned(degrees).pixels, (side, side))
    (face,) = make_detector("yunet", DetectorRequest(stream=True)).detect(Frame(scene, 0, 0.0))
    assert abs(face.roll_degrees + degrees - 5) < 15  # the portrait itself leans by 5 degrees


def scene_with(*heads: tuple[int, int], light: float = 1.0) -> UInt8Array:
    """Return heads of the portrait, 200x200 with a face of 92 px, the last one in front."""
    wide, head = np.full((480, 1040, 3), 90, np.uint8), demo_portrait()[20:220, 124:324]
    inside = np.zeros((200, 200), np.uint8)
    cv2.ellipse(inside, (100, 93), (64, 76), 0, 0, 360, 1, -1)
    for x, y in heads:
        part = wide[y : y + 200, x + 200 : x + 400]
        part[inside > 0] = head[inside > 0]
    grain = np.random.default_rng(0).normal(0, 3, (480, 640, 3))
    return np.clip(light * wide[:, 200:840] + grain, 0, 255).astype(np.uint8)


@needs_yunet
@pytest.mark.parametrize("light", [1.0, 0.15])
def test_somebody_who_walks_in_is_found_in_nearly_every_frame(light: float) -> None:
    detector, tracks, found = make_detector("yunet", DetectorRequest(stream=True)), Tracks(), 0
    places = range(-60, 501, 10)  # the face's own left edge is 54 px further to the right
    for index, x in enumerate(places):
        frame = Frame(scene_with((x, 120), light=light), index, index / 25)
        tracks.update(frame, detector.detect(frame, tracks.expected))
        boxes = [(track.track_id, track.face.box) for track in tracks.in_sight]
        found += any(box.iou(Box(x + 54, 167, 92, 92)) > 0.3 for _, box in boxes)
        assert {track_id for track_id, _ in boxes} <= {1}
    assert found >= 0.95 * len(places)


@needs_yunet
def test_people_who_cross_keep_their_ids() -> None:
    detector, tracks, last = make_detector("yunet", DetectorRequest(stream=True)), Tracks(), {}
    for index in range(75):
        behind, front = 6 * index, 440 - 6 * index
        frame = Frame(scene_with((behind, 120), (front, 130)), index, index / 25)
        tracks.update(frame, detector.detect(frame, tracks.expected))
        last = {track.track_id: track.face.box.x for track in tracks.in_sight}
        if index == 10:
            ids = sorted(last, key=lambda each: last[each])
    assert sorted(last, key=lambda each: -last[each]) == ids


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
@pytest.mark.parametrize("shape", [(1, 1), (3, 640), (3, 3000), (10, 640), (32, 640), (3000, 3)])
def test_strips_have_no_face(shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    for pixels in (noise, np.zeros_like(noise)):
        assert YuNetDetector().detect(Frame(pixels, 0, 0.0)) == ()


@needs_yunet
def test_a_file_is_taken_if_it_is_yunet(tmp_path: Path) -> None:
    file = tmp_path / "mine.onnx"
    shutil.copy(installed_file() or "", file)
    (face,) = make_detector(str(file), DetectorRequest(stream=False)).detect(turned(30))
    assert face.score > 0.8
    content = file.read_bytes()
    for wrong in (content[:-1], content + b"0", bytes(len(content))):
        file.write_bytes(wrong)
        with pytest.raises(FerError, match=r"mine\.onnx is damaged, or not face_detection_yunet"):
            make_detector(str(file), DetectorRequest(stream=False))


def test_a_detector_that_is_not_there_is_told_with_what_brings_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(yunet_file, "find_spec", lambda name: None)
    with pytest.raises(FerError) as said:
        make_detector("yunet", DetectorRequest(stream=False))
    assert str(said.value) == f"the detector yunet is not installed: {HOW_TO_INSTALL}"


@pytest.mark.parametrize("content", [b"damaged", None])
def test_a_package_whose_network_is_damaged_is_to_be_installed_anew(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None
) -> None:
    if content:
        (tmp_path / yunet_file.FILE).write_bytes(content)
    spec = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(yunet_file, "find_spec", lambda name: spec)
    with pytest.raises(FerError, match=f"damaged .*{yunet_file.FILE}.*: {HOW_TO_REPAIR}"):
        make_detector("yunet", DetectorRequest(stream=False))


def test_a_wrong_file_of_a_detector_is_refused_with_what_to_give_instead(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(yunet_file, "find_spec", lambda name: None)
    for name, why in (("absent.onnx", "cannot be read: No such file"), ("folder.onnx", "a folder")):
        (tmp_path / "folder.onnx").mkdir(exist_ok=True)
        with pytest.raises(FerError, match=rf"{name} .*{why}") as said:
            make_detector(str(tmp_path / name), DetectorRequest(stream=True))
        assert f"or --detector yunet, after: {HOW_TO_INSTALL}" in str(said.value)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_file_that_cannot_be_the_network_is_not_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(yunet_file, "_sha256", lambda file: pytest.fail(f"{file} was read"))
    pipe, large = tmp_path / "pipe.onnx", tmp_path / "large.onnx"
    os.mkfifo(pipe)
    with large.open("wb") as file:
        file.truncate(3_000_000_000)
    for wrong, why in ((pipe, "is not a regular file"), (large, "is damaged, or not")):
        with pytest.raises(FerError, match=why):
            make_detector(str(wrong), DetectorRequest(stream=False))


@needs_yunet
def test_names_and_suffixes_may_be_in_capitals(tmp_path: Path) -> None:
    upper = tmp_path / "UPPER.ONNX"
    shutil.copy(installed_file() or "", upper)
    for name in ("YuNet", str(upper)):
        require_detector(name)
        assert isinstance(make_detector(name, DetectorRequest(stream=False)), YuNetDetector)
        assert EdgeConfig(detector=name).detector == name


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("retina", "no detector 'retina'; there are haar, yunet, or FILE.onnx"),
        (
            "Yunett",
            "no detector 'Yunett'; there are haar, yunet, or FILE.onnx; did you mean yunet?",
        ),
        ("", "no detector ''; there are haar, yunet, or FILE.onnx"),
    ],
)
@pytest.mark.parametrize(
    "words",
    [
        ("fer-edge", "--camera", "0"),
        ("fer-bench", "photos", ".", "--faces", "faces.csv"),
        ("fer-train", "prepare", ".", "out"),
    ],
    ids=lambda words: words[0],
)
def test_all_commands_refuse_an_unknown_detector_in_the_same_words(
    tmp_path: Path, words: tuple[str, ...], name: str, said: str
) -> None:
    if words[0] == "fer-train":  # it names what it lacks first
        pytest.importorskip("matplotlib", reason="Matplotlib is not installed")
    (tmp_path / "faces.csv").write_text("file,x,y,w,h\na.jpg,,,,\n")
    (tmp_path / "a.jpg").touch()
    done = call_here(*words, "--detector", name, cwd=tmp_path, code=2)
    assert done.stderr.splitlines()[0] == f"{words[0]}: {said}"


def test_a_run_refuses_it_before_anything_is_opened(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(yunet_file, "find_spec", lambda name: None)
    with pytest.raises(FerError, match="yunet is not installed"):
        read_options({**GIVEN, "camera": "0", "detector": "yunet"})
    finding = doctor._detectors()
    assert finding.verdict == "note"
    assert finding.detail.endswith("yunet: the detector yunet is not installed")
    assert finding.fix == HOW_TO_INSTALL


def test_a_folder_of_a_detectors_name_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "haar").mkdir()
    (tmp_path / "fer-nano").mkdir()
    (tmp_path / "mine.onnx").write_bytes(b"another network")
    file = tmp_path / "fer-edge.toml"
    file.write_text('camera = "0"\nmodel = "fer-nano"\n')
    settings = read_options({**GIVEN, "config": str(file)}).settings
    assert (settings.detector, settings.model) == ("haar", "fer-nano")
    file.write_text('camera = "0"\ndetector = "mine.onnx"\n')
    with pytest.raises(FerError, match=rf"{tmp_path}/mine\.onnx is damaged, or not"):
        read_options({**GIVEN, "config": str(file)})


def test_a_unit_names_a_detector_as_it_was_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("fer_edge.service.places.HIDDEN", ())  # pytest's own folders lie in /tmp
    (tmp_path / "yunet").write_text("a file of that name")
    (tmp_path / "mine.onnx").write_bytes(b"a network")
    assert "--detector yunet" in unit_text(["--camera", "0", "--detector", "yunet"], PROGRAM, "pi")
    unit = unit_text(["--camera", "0", "--detector=mine.onnx"], PROGRAM, "pi")
    assert f"--detector={tmp_path / 'mine.onnx'}" in unit
