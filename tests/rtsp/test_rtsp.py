"""RTSP cameras: GStreamer's server on the loopback, and a proxy that damages what it sends."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise

import pytest

from fer_core.values import Frame
from fer_edge.sources import camera
from fer_edge.sources.live import CameraSource
from rtsp_proxy import Damage, RtspProxy, flipping, intact, lossy, retimed, thinned
from rtsp_server import RtspServer, is_installed

pytestmark = [
    pytest.mark.rtsp,
    pytest.mark.slow,
    pytest.mark.skipif(not is_installed(), reason="GStreamer's RTSP server is not installed"),
]
LONGEST_SECONDS = 60
PATTERN = "videotestsrc is-live=true pattern=zone-plate kx2=20 ky2=20 kt=1 ! {size},framerate={fps}"
SIZE = "video/x-raw,format=I420,width=640,height=480"
H264 = "x264enc tune=zerolatency sliced-threads=false key-int-max={gop} bitrate=2000"
CODECS = {
    "H.264": H264 + " ! rtph264pay config-interval=1 name=pay0",
    "H.265": "x265enc tune=zerolatency speed-preset=ultrafast key-int-max={gop} bitrate=2000"
    " ! h265parse ! rtph265pay config-interval=1 name=pay0",
    "JPEG": "jpegenc ! rtpjpegpay name=pay0",
}


def pipeline(codec: str = "H.264", fps: str = "25/1", gop: int = 25, size: str = SIZE) -> str:
    return f"{PATTERN} ! {CODECS[codec]}".format(fps=fps, gop=gop, size=size)


@contextmanager
def watched(
    served: str, damage: Damage | None = None, at_once: Damage = intact
) -> Iterator[tuple[CameraSource, RtspProxy]]:
    """Watch a camera through a proxy, which damages all but its first pictures, or all at once."""
    with RtspServer(served) as server, RtspProxy(server.port) as proxy:
        proxy.damage = at_once
        source = camera.open_camera(proxy.url, None, None)
        try:
            if damage:
                frames_of(source, 10)
                proxy.damage = damage
            yield source, proxy
        finally:
            source.close()


def frames_of(
    source: CameraSource, count: int, until: Callable[[], bool] = lambda: False
) -> list[Frame]:
    """Return frames until there are enough of them or it is true; fail after LONGEST_SECONDS."""
    frames, ends = list[Frame](), time.monotonic() + LONGEST_SECONDS
    for each in source.frames(threading.Event()):
        frames += [each] if isinstance(each, Frame) else []
        if len(frames) >= count or until():
            break
        assert time.monotonic() < ends, f"{len(frames)} frames"
    return frames


def pauses_of(frames: list[Frame]) -> list[float]:
    return [later.captured_at - sooner.captured_at for sooner, later in pairwise(frames)]


@pytest.mark.parametrize("reader", ["PyAV", "OpenCV"])
@pytest.mark.parametrize("codec", list(CODECS))
def test_a_good_camera_is_read_over_tcp_and_has_no_damage(
    codec: str, reader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if reader == "OpenCV":
        monkeypatch.setattr(camera, "has_pyav", lambda: False)
    with watched(pipeline(codec, fps="15/1")) as (source, proxy):
        frames = frames_of(source, 60)
        assert b"RTP/AVP/TCP" in proxy.asked
        assert b"RTP/AVP/UDP" not in proxy.asked
        assert b"RTP/AVP;unicast" not in proxy.asked
    assert {each.pixels.shape for each in frames} == {(480, 640, 3)}
    assert (source.damaged, source.reconnects) == (0, 0)


@pytest.mark.parametrize("damage", [lossy(0.01), flipping(0.01)], ids=["lossy", "flipping"])
def test_damaged_h264_is_left_out_until_the_next_key_frame(damage: Damage) -> None:
    with watched(pipeline(), damage) as (source, _):
        before = source.captured
        frames_of(source, 1000, until=lambda: source.captured + source.damaged - before > 250)
        left_out = source.damaged / (source.captured + source.damaged - before)
    assert 0.1 < left_out < 0.95
    assert source.captured - before > 10


def test_h264_without_key_frames_is_opened_anew_after_damage(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with watched(pipeline(gop=100_000), lossy(0.2)) as (source, proxy):
        frames_of(source, 1000, until=lambda: source.damaged > 0)
        damaged_at = time.monotonic()
        proxy.damage = bytes
        frames_of(source, 1000, until=lambda: source.reconnects > 0)
        assert 5 < time.monotonic() - damaged_at < 25
        assert "gives mostly damaged pictures; reopening it" in caplog.text
        assert proxy.connections == 2
        assert len(frames_of(source, 20)) == 20


@pytest.mark.parametrize(
    "stamp",
    [
        lambda ticks: 1000,
        lambda ticks: -ticks,
        lambda ticks: 7919 * ticks,
        lambda ticks: 1_000_000_007 * ticks,
        lambda ticks: ticks // 100,
    ],
    ids=["stands", "goes back", "is fast", "jumps", "is slow"],
)
def test_a_cameras_clock_changes_no_time(stamp: Callable[[int], int]) -> None:
    with watched(pipeline(), retimed(stamp)) as (source, _):
        frames = frames_of(source, 100)
    took, sent = frames[-1].captured_at - frames[0].captured_at, frames[-1].index - frames[0].index
    assert sent / 50 < took < sent / 5  # 25 a second; a busy computer takes longer
    began = [(each.wall_clock or 0) - each.captured_at for each in frames]
    assert max(began) - min(began) < 0.2  # what events and recordings tell of the time
    assert (source.damaged, source.reconnects) == (0, 0)


def test_a_network_that_stalls_in_the_middle_of_a_packet_costs_no_picture() -> None:
    with watched(pipeline()) as (source, proxy):
        frames_of(source, 10)
        proxy.stall_seconds = 1.0
        frames = frames_of(source, 150)
    assert max(pauses_of(frames)) > 0.8
    assert (source.damaged, source.reconnects) == (0, 0)


@pytest.mark.parametrize("codec", ["H.264", "JPEG"])
def test_a_picture_in_five_seconds_is_shown_when_it_comes(codec: str) -> None:
    with watched(pipeline(codec, gop=1), at_once=thinned(5.0)) as (source, proxy):
        frames_of(source, 100, until=lambda: source.reconnects > 0)  # once it is known as slow
        frames_of(source, 3)
        frames, late = [], []
        for _ in range(4):
            frames += frames_of(source, 1)
            late.append(source.began_at + frames[-1].captured_at - proxy.passed_at)
    assert pauses_of(frames) == pytest.approx([5.0] * 3, abs=1.3)
    assert max(late) < 2.0  # the reports between the pictures delay the end of a silence
    assert source.damaged == 0
    assert source.reconnects == 1


def test_240_pictures_a_second_are_read() -> None:
    small = SIZE.replace("640", "320").replace("480", "240")
    with watched(pipeline(fps="240/1", size=small)) as (source, _):
        frames_of(source, 50)
        before, began = source.captured, time.monotonic()
        frames_of(source, 10_000, until=lambda: time.monotonic() - began > 4)
        assert (source.captured - before) / (time.monotonic() - began) > 150
    assert (source.damaged, source.reconnects) == (0, 0)


def test_a_camera_may_change_its_size_in_mid_stream() -> None:
    """Two sources, of which the first ends after two seconds."""
    first, second = (
        f"videotestsrc num-buffers={count} pattern=ball"
        f" ! video/x-raw,format=I420,width={width},height={height},framerate=25/1"
        " ! x264enc tune=zerolatency sliced-threads=false key-int-max=25 ! h264parse"
        " ! video/x-h264,stream-format=byte-stream,alignment=au ! join."
        for count, width, height in ((50, 640, 480), (300, 320, 240))
    )
    joined = "concat name=join ! identity sync=true ! rtph264pay config-interval=-1 name=pay0"
    with watched(f"{joined} {first} {second}") as (source, _):
        frames = frames_of(source, 100)
    assert list(dict.fromkeys(each.pixels.shape for each in frames)) == [
        (480, 640, 3),
        (240, 320, 3),
    ]
    assert source.reconnects == 0
