import os
import struct
import threading
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from drawn_faces import draw_scene, save_video
from fer_core.errors import ArgumentError, FerError
from fer_edge.session.config import EdgeConfig
from fer_edge.session.options import RunOptions
from fer_edge.session.watch import but_for_saved_ones, watch
from fer_edge.sources.demo import FPS, DemoSource
from fer_edge.sources.files import PictureSource, VideoSource, picture_files
from fer_edge.sources.rotation import RotatedSource, Turn

GO = threading.Event()


def stopped() -> threading.Event:
    event = threading.Event()
    event.set()
    return event


def test_every_frame_of_a_video_comes_with_media_time(tmp_path: Path) -> None:
    path = save_video(tmp_path / "a.mp4", [draw_scene("happy")] * 12, fps=10)
    source = VideoSource(path)
    frames = list(source.frames(GO))
    source.close()
    assert [frame.index for frame in frames] == list(range(12))
    assert [frame.captured_at for frame in frames] == pytest.approx([i / 10 for i in range(12)])
    assert {frame.source for frame in frames} == {"a.mp4"}


def test_a_video_stops_when_told(tmp_path: Path) -> None:
    source = VideoSource(save_video(tmp_path / "a.avi", [draw_scene("sad")] * 3))
    assert list(source.frames(stopped())) == []
    source.close()


@pytest.mark.parametrize(("share", "missing"), [(1.0, 0.0), (0.5, 0.5)])
def test_a_video_says_how_much_of_it_is_missing(
    tmp_path: Path, share: float, missing: float, caplog: pytest.LogCaptureFixture
) -> None:
    path = save_video(tmp_path / "a.avi", [draw_scene("happy")] * 40)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    source = VideoSource(path)
    assert source.missing == 0.0  # nothing was read yet
    read = len(list(source.frames(GO)))
    source.close()
    assert source.missing == pytest.approx(missing, abs=0.06)
    assert source.missing == pytest.approx(1 - read / 40, abs=0.01)
    source.warn_if_cut_short()
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == (missing > 0)
    assert all("a.avi is cut short or damaged: " in line for line in said)


def test_a_video_whose_pace_is_nonsense_says_nothing_of_its_length(tmp_path: Path) -> None:
    source = VideoSource(save_video(tmp_path / "a.avi", [draw_scene("sad")] * 3, fps=1000))
    assert source.fps < 1000
    assert len(list(source.frames(GO))) == 3
    source.close()
    assert source.missing == 0.0


def test_bad_videos_are_said(tmp_path: Path) -> None:
    with pytest.raises(FerError, match="there is no video"):
        VideoSource(tmp_path / "absent.mp4")
    empty = tmp_path / "empty.mp4"
    empty.write_bytes(b"")
    with pytest.raises(FerError, match="no video that OpenCV can read"):
        VideoSource(empty)


def test_a_video_of_enormous_frames_is_refused(tmp_path: Path) -> None:
    path = save_video(tmp_path / "a.avi", [np.zeros((5002, 8000, 3), np.uint8)])
    with pytest.raises(FerError, match=r"frames of 8000x5002 pixels, larger than 40 megapixels"):
        VideoSource(path)


def test_a_video_without_a_frame_is_said(tmp_path: Path) -> None:
    path = save_video(tmp_path / "a.avi", [draw_scene("sad")] * 3)
    source = VideoSource(path)
    source._capture.set(cv2.CAP_PROP_POS_FRAMES, 3)  # what a file of headers alone gives
    with pytest.raises(FerError, match="no frame that can be decoded"):
        list(source.frames(GO))
    source.close()


def test_pictures_and_folders_come_in_order(tmp_path: Path) -> None:
    for name in ("b.png", "a.jpg"):
        cv2.imwrite(str(tmp_path / name), draw_scene("fear"))
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "deeper").mkdir()
    cv2.imwrite(str(tmp_path / "deeper" / "c.tif"), draw_scene("fear"))
    (tmp_path / "IMG.HEIC").write_bytes(b"\0")
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "__MACOSX" / "a.jpg").write_bytes(b"\0")
    found = picture_files([tmp_path / "deeper"])
    assert [file.name for file in found.files] == ["c.tif"]
    found = picture_files([tmp_path])
    assert len(found.files) == 3
    assert "1 HEIC (convert it" in found.left_out()
    assert "1 .txt: no picture" in found.left_out()
    files = picture_files([tmp_path / "a.jpg", tmp_path / "b.png", tmp_path / "b.png"]).files
    assert [file.name for file in files] == ["a.jpg", "b.png", "b.png"]
    frames = list(PictureSource(files).frames(GO))
    assert [(frame.index, frame.source) for frame in frames] == [
        (0, "a.jpg"),
        (1, "b.png"),
        (2, "b.png"),
    ]


def test_a_truncated_picture_is_named_after_the_good_ones(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.jpg", tmp_path / "bad.jpg"
    cv2.imwrite(str(good), draw_scene("fear"))
    bad.write_bytes(good.read_bytes()[:2000])
    frames = PictureSource([bad, good]).frames(GO)
    assert next(frames).source == "good.jpg"
    with pytest.raises(FerError, match=r"1 of 2 pictures .*bad\.jpg is damaged or cut short"):
        next(frames)


def test_that_the_rest_of_animations_is_not_looked_at_is_told_once(tmp_path: Path) -> None:
    still = cv2.imencode(".png", draw_scene("fear"))[1].tobytes()
    control = struct.pack(">I4sII", 8, b"acTL", 1, 0)
    animated = still[:33] + control + struct.pack(">I", zlib.crc32(control[4:])) + still[33:]
    files = [tmp_path / name for name in ("still.png", "a.png", "b.png")]
    for file, encoded in zip(files, (still, animated, animated), strict=True):
        file.write_bytes(encoded)
    told: list[str] = []
    assert len(list(PictureSource(files, told.append).frames(GO))) == 3
    assert told == [f"{files[1]} is an animation: only the first picture of one is looked at"]


def test_a_reason_that_the_content_gives_goes_before_the_name(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99))
    (tmp_path / "b.heic").write_bytes(b"no picture")
    with pytest.raises(FerError, match=r"a\.jpg is HEIC \(convert .*b\.heic is HEIC \(convert"):
        list(PictureSource([tmp_path / "a.jpg", tmp_path / "b.heic"]).frames(GO))


def test_places_without_a_picture_are_said(tmp_path: Path) -> None:
    with pytest.raises(FerError, match=r"holds no picture$"):
        picture_files([tmp_path])
    (tmp_path / "clip.mp4").write_bytes(b"")
    with pytest.raises(FerError, match=r"holds no picture, only 1 videos \(they go with --video"):
        picture_files([tmp_path])
    with pytest.raises(FerError, match="there is no picture"):
        picture_files([tmp_path / "absent.jpg"])


@pytest.mark.skipif(os.name != "posix", reason="file names are bytes on POSIX alone")
def test_a_video_whose_name_would_crash_opencv_is_refused(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"gl\xfcck.mp4")
    path.write_bytes(b"?")
    with pytest.raises(FerError, match="no video whose name is not UTF-8"):
        VideoSource(path)


def test_what_an_earlier_run_saved_is_not_watched(tmp_path: Path) -> None:
    for name in ("a.jpg", "seen/a-seen.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / name), draw_scene("fear"))
    files = picture_files([tmp_path]).files
    assert len(files) == 2
    assert but_for_saved_ones(files, tmp_path / "seen") == (tmp_path / "a.jpg",)
    assert but_for_saved_ones(files, None) == files


def test_what_lies_where_pictures_are_saved_is_watched_but_for_the_saved_ones(
    tmp_path: Path,
) -> None:
    for name in ("a.jpg", "a-seen.jpg", "b-seen.jpg"):
        cv2.imwrite(str(tmp_path / name), draw_scene("fear"))
    files = picture_files([tmp_path]).files
    assert but_for_saved_ones(files, tmp_path) == (tmp_path / "a.jpg",)
    named = (tmp_path / "b-seen.jpg",)
    assert but_for_saved_ones(named, tmp_path, named) == named
    (tmp_path / "a.jpg").unlink()
    run = RunOptions(EdgeConfig(save=str(tmp_path)), (tmp_path,), quiet=True)
    with pytest.raises(ArgumentError, match="every picture there was saved by an earlier run"):
        watch(run)


def test_the_demo_moves_and_is_the_same_each_time() -> None:
    first, again = (list(DemoSource(4).frames(GO)) for _ in range(2))
    assert [frame.captured_at for frame in first] == [i / FPS for i in range(4)]
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0].pixels, first[1].pixels)


def test_turning_is_clockwise_then_mirrored(tmp_path: Path) -> None:
    picture = np.zeros((2, 3, 3), np.uint8)
    picture[0, 0] = 255  # top left
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    source = PictureSource([tmp_path / "a.png"])
    (turned,) = RotatedSource(source, {"": Turn(90)}).frames(GO)
    assert turned.pixels.shape == (3, 2, 3)
    assert turned.pixels[0, 1, 0] == 255  # top right
    (mirrored,) = RotatedSource(source, {"": Turn(90, mirror=True)}).frames(GO)
    assert mirrored.pixels[0, 0, 0] == 255
