import errno
import os
import struct
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_core.errors import FerError
from fer_core.values import Frame
from fer_edge.faces.analysis import Analysis
from fer_edge.outputs import encoding, video
from fer_edge.outputs.encoding import PIECE_SECONDS
from fer_edge.outputs.recording import make_recorder
from fer_edge.outputs.video import VideoRecorder, keep_earlier

av = pytest.importorskip("av", reason="PyAV is not installed")


def frame_of(index: int = 0, size: tuple[int, int] = (160, 120), source: str = "clip") -> Frame:
    noise = np.random.default_rng(index).integers(0, 256, (size[1], size[0], 3), np.uint8)
    return Frame(noise, index, index / 10, source)


def times_of(path: Path) -> list[float]:
    """Return when each frame of a video stands, in seconds."""
    with av.open(str(path)) as container:
        return [round(float(frame.time), 3) for frame in container.decode(video=0)]


def decodable(path: Path) -> list[float]:
    """Return the times of the frames up to where a file is cut off."""
    times: list[float] = []
    with av.open(str(path)) as container:
        try:
            for frame in container.decode(video=0):
                times.append(float(frame.time))
        except av.error.FFmpegError:
            return times
    return times


def seconds_of(path: Path) -> float:
    with av.open(str(path)) as container:
        return container.duration / 1e6


@pytest.mark.parametrize(
    ("suffix", "codec"), [(".mp4", "h264"), (".mkv", "h264"), (".webm", "vp9")]
)
def test_a_video_is_complete_when_the_sink_is_left(tmp_path: Path, suffix: str, codec: str) -> None:
    path = tmp_path / f"seen{suffix}"
    with VideoRecorder(path, 10.0) as recorder:
        for index in range(5):
            recorder.write(frame_of(index), Analysis())
        assert not path.exists()
    assert times_of(path) == [0.0, 0.1, 0.2, 0.3, 0.4]
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == (codec, "yuv420p")
    assert list(tmp_path.iterdir()) == [path]


def test_a_finished_mp4_is_an_ordinary_one(tmp_path: Path) -> None:
    path = tmp_path / "seen.mp4"
    with VideoRecorder(path, 10.0) as recorder:
        for index in range(50):
            recorder.write(frame_of(index), Analysis())
    assert boxes_of(path.read_bytes())[:1] == ["ftyp"]
    assert "moof" not in boxes_of(path.read_bytes())
    assert seconds_of(path) == pytest.approx(5.0, abs=0.11)


def boxes_of(content: bytes) -> list[str]:
    """Return the kinds of an MP4's outermost boxes: moof begins a fragment."""
    kinds, at = [], 0
    while at < len(content):
        size, kind = struct.unpack_from(">I4s", content, at)
        if size == 1:
            (size,) = struct.unpack_from(">Q", content, at + 8)
        kinds.append(kind.decode())
        at += size or len(content)
    return kinds


def test_no_frame_makes_no_video(tmp_path: Path) -> None:
    for live in (False, True):
        with VideoRecorder(tmp_path / "seen.mp4", 10.0, live=live):
            pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [(161, 120), (160, 121), (33, 35), (1, 1)])
def test_sizes_that_are_odd_are_recorded(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "seen.mp4"
    with VideoRecorder(path, 10.0) as recorder:
        recorder.write(frame_of(0, size), Analysis())
        recorder.write(frame_of(1, (80, 60)), Analysis())  # another size is fitted to the first
    capture = cv2.VideoCapture(str(path))
    ok, pixels = capture.read()
    capture.release()
    assert ok
    assert pixels.shape[:2] == (size[1] + size[1] % 2, size[0] + size[0] % 2)


def test_frames_stand_at_their_time(tmp_path: Path) -> None:
    path = tmp_path / "seen.mp4"
    with VideoRecorder(path, 10.0) as recorder:
        for index in (4, 5, 6, 34):  # then nothing for 2.8 seconds
            recorder.write(frame_of(index), Analysis())
    assert times_of(path) == [0.0, 0.1, 0.2, 3.0]


def test_pictures_stand_one_after_another_in_a_video(tmp_path: Path) -> None:
    path = tmp_path / "seen.mp4"
    with make_recorder(path, 10.0, stream=False) as recorder:
        for name in ("a.jpg", "b.jpg", "c.jpg"):
            recorder.write(frame_of(0, source=name), Analysis())
    assert times_of(path) == [0.0, 0.1, 0.2]


@pytest.mark.parametrize(("live", "held"), [(True, 2.0), (False, 60.0)])
def test_a_long_silence_is_cut_short(tmp_path: Path, live: bool, held: float) -> None:
    path = tmp_path / "seen.mp4"
    with VideoRecorder(path, 10.0, live=live) as recorder:
        for index in (0, 1, 360_000, 360_001):  # ten hours
            recorder.write(frame_of(index), Analysis())
    assert times_of(path) == [0.0, 0.1, 0.1 + held, 0.2 + held]


@pytest.mark.parametrize("frame_seconds", [5.0, 1 / 240])
def test_a_recording_of_a_slow_or_fast_camera_has_its_time(
    tmp_path: Path, frame_seconds: float
) -> None:
    path = tmp_path / "seen.mp4"
    with VideoRecorder(path, 25.0, live=True) as recorder:
        for index in range(10):
            at = 100 + index * frame_seconds
            recorder.write(replace(frame_of(index), captured_at=at), Analysis())
        recorder.write(replace(frame_of(10), captured_at=9000.0), Analysis())  # an outage
    *times, last = times_of(path)
    assert times == pytest.approx([index * frame_seconds for index in range(10)], abs=1e-3)
    assert last - times[-1] == pytest.approx(max(2.0, 3 * frame_seconds), abs=2e-3)


def test_a_recording_goes_on_when_a_camera_changes_its_size(tmp_path: Path) -> None:
    path = tmp_path / "seen.mp4"
    with VideoRecorder(path, 10.0, live=True) as recorder:
        for index, size in enumerate([(160, 120), (160, 120), (80, 60), (320, 180)]):
            halves = np.zeros((size[1], size[0], 3), np.uint8)
            halves[size[1] // 2 :] = 200
            recorder.write(Frame(halves, index, index / 10, "camera"), Analysis())
    with av.open(str(path)) as container:
        shown = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    assert times_of(path) == [0.0, 0.1, 0.2, 0.3]
    for pixels in shown:
        assert pixels.shape == (120, 160)
        assert pixels[:50].mean() < 20
        assert pixels[70:].mean() > 180


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
def test_a_live_recording_that_is_cut_off_plays_but_for_its_end(
    tmp_path: Path, suffix: str
) -> None:
    path, cut = tmp_path / f"live{suffix}", tmp_path / f"cut{suffix}"
    with VideoRecorder(path, 10.0, live=True) as recorder:
        for index in range(100):
            recorder.write(frame_of(index), Analysis())
        cut.write_bytes(path.read_bytes())  # what a killed process leaves
    assert len(times_of(path)) == 100
    left = times_of(cut)
    assert left == [index / 10 for index in range(len(left))]
    assert left[-1] >= 9.9 - PIECE_SECONDS - 0.1


def test_a_live_recording_keeps_an_earlier_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "rec.mp4"
    path.write_bytes(b"of yesterday")
    os.utime(path, (0, 86_400 * 365))
    with VideoRecorder(path, 10.0, live=True) as recorder:
        recorder.write(frame_of(), Analysis())
    (kept,) = set(tmp_path.iterdir()) - {path}
    assert kept.name.startswith("rec-19710101-")
    assert kept.read_bytes() == b"of yesterday"
    assert f"the earlier {path} is now {kept}" in caplog.text
    assert times_of(path) == [0.0]


def test_a_recording_of_weeks_is_many_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FFmpeg remembers each frame of a file, so one of weeks would take gigabytes of memory."""
    monkeypatch.setattr(video, "LONGEST_PART_SECONDS", 1.0)
    path = tmp_path / "rec.mp4"
    with VideoRecorder(path, 10.0, live=True) as recorder:
        for index in range(25):
            recorder.write(frame_of(index), Analysis())
    parts = {each: times_of(each) for each in tmp_path.iterdir()}
    assert sorted(map(len, parts.values())) == [3, 11, 11]
    assert len(parts[path]) == 3  # the newest has the name
    assert all(times == pytest.approx(np.arange(len(times)) / 10) for times in parts.values())


def test_a_recording_that_somebody_plays_continues_under_another_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Windows renames no file that is open."""

    def refused(path: Path) -> None:
        if path.exists():
            raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(video, "LONGEST_PART_SECONDS", 1.0)
    monkeypatch.setattr(video, "keep_earlier", refused)
    with VideoRecorder(tmp_path / "rec.mp4", 10.0, live=True) as recorder:
        for index in range(15):
            recorder.write(frame_of(index), Analysis())
    parts = {each.name: len(times_of(each)) for each in tmp_path.iterdir()}
    assert sorted(parts.values()) == [4, 11]
    assert parts["rec.mp4"] == 11
    assert "cannot be renamed: Permission denied; now in" in caplog.text


def test_earlier_recordings_of_one_second_get_different_names(tmp_path: Path) -> None:
    path, names = tmp_path / "rec.mp4", set()
    for _ in range(3):
        path.write_bytes(b"")
        os.utime(path, (0, 0))
        kept = keep_earlier(path)
        assert kept is not None
        names.add(kept.name)
    assert len(names) == 3
    assert keep_earlier(path) is None


def test_a_video_that_cannot_be_made_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "seen.mp4"
    path.write_bytes(b"old")
    huge = Frame(np.zeros((2, 40_000, 3), np.uint8), 0, 0.0)  # wider than H.264 allows
    with (
        pytest.raises(FerError, match="could not be written whole"),
        VideoRecorder(path, 10.0) as recorder,
    ):
        recorder.write(huge, Analysis())
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(sys.platform == "win32", reason="resource limits of POSIX")
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
@pytest.mark.parametrize("live", [False, True])
def test_a_full_disk_is_said_and_leaves_the_old_one(
    tmp_path: Path, suffix: str, live: bool, caplog: pytest.LogCaptureFixture
) -> None:
    import resource
    import signal

    path = tmp_path / f"seen{suffix}"
    path.write_bytes(b"old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # EFBIG in its place
    try:
        with pytest.raises(FerError, match="could not be written whole"):  # noqa: SIM117
            with VideoRecorder(path, 10.0, live=live) as recorder:
                resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
                for index in range(200):
                    recorder.write(frame_of(index), Analysis())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    if live:  # the run went on, and what there is plays
        assert caplog.text.count("the rest continues without it") == 1
        assert len(list(tmp_path.iterdir())) == 2
        assert len(decodable(path)) >= 40
    else:
        assert path.read_bytes() == b"old"
        assert list(tmp_path.iterdir()) == [path]


def test_finishing_reads_nothing_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    theirs = av.open
    monkeypatch.setattr(av, "open", lambda *a, **k: (opened.append(a[1]), theirs(*a, **k))[1])
    monkeypatch.setattr(cv2, "VideoCapture", None)
    with VideoRecorder(tmp_path / "long.mp4", 10.0, live=True) as recorder:
        for index in range(50):
            recorder.write(frame_of(index), Analysis())
    assert opened == ["w"]


def test_a_clock_that_is_set_back_costs_no_film(tmp_path: Path) -> None:
    path = tmp_path / "seen.mp4"
    with VideoRecorder(path, 10.0, live=True) as recorder:
        for index in (100, 101, 102, 10, 11, 12):
            recorder.write(frame_of(index), Analysis())
    assert times_of(path) == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4, 0.5], abs=0.002)


def test_a_live_recording_follows_a_link_and_refuses_a_folder(tmp_path: Path) -> None:
    (tmp_path / "usb").mkdir()
    (tmp_path / "usb" / "rec.mp4").write_bytes(b"old")
    (tmp_path / "rec.mp4").symlink_to(tmp_path / "usb" / "rec.mp4")
    with VideoRecorder(tmp_path / "rec.mp4", 10.0, live=True) as recorder:
        recorder.write(frame_of(), Analysis())
    assert (tmp_path / "rec.mp4").is_symlink()
    assert len(list((tmp_path / "usb").iterdir())) == 2
    assert times_of(tmp_path / "rec.mp4") == [0.0]
    (tmp_path / "folder.mp4").mkdir()
    with (
        pytest.raises(FerError, match="is no file"),
        VideoRecorder(tmp_path / "folder.mp4", 10.0, live=True) as recorder,
    ):
        recorder.write(frame_of(), Analysis())
    assert (tmp_path / "folder.mp4").is_dir()


def test_an_encoder_that_is_not_there_leaves_the_old_video(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "seen.mp4"
    path.write_bytes(b"old")
    missing = replace(encoding.CODINGS[".mp4"], encoder="libnone264")
    monkeypatch.setitem(encoding.CODINGS, ".mp4", missing)
    with pytest.raises(FerError, match="libnone264"), VideoRecorder(path, 10.0) as recorder:
        recorder.write(frame_of(), Analysis())
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_without_pyav_the_way_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(FerError, match="pip install av"):
        VideoRecorder(tmp_path / "a.mp4", 10.0)


@pytest.mark.skipif(os.name != "posix", reason="file names are bytes on POSIX alone")
def test_a_name_that_is_no_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"gl\xfcck.mp4")
    with pytest.raises(FerError, match="no video whose name is not UTF-8"):
        VideoRecorder(path, 10.0)
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_the_system_is_said(tmp_path: Path) -> None:
    with (
        pytest.raises(FerError, match=os.strerror(errno.ENOSPC)),
        VideoRecorder(tmp_path / "seen.mp4", 10.0) as recorder,
    ):
        recorder.write(frame_of(), Analysis())

        def full(pixels: np.ndarray, at: float) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        recorder._video.write = full
        recorder.write(frame_of(1), Analysis())
    assert list(tmp_path.iterdir()) == []
