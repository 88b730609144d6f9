"""Streams of network cameras that lost a part on the way."""

import os
import random
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from fer_edge.sources import decoding
from fer_edge.sources.h264 import FrameNumbers
from fer_edge.sources.picture_check import Damaged

av = pytest.importorskip("av", reason="PyAV is not installed")
from coded_streams import GOP, Coded, coded, packets_of  # noqa: E402

COUNT = 4 * GOP
NAMES = {"libx264": "h264", "libx265": "hevc", "mjpeg": "mjpeg"}
Picture = np.ndarray | Damaged | None


def decoded(codec: str, stream: Sequence[Coded], times: Sequence[int | None] = ()) -> list[Picture]:
    """Return what the decoder makes of each packet."""
    context = SimpleNamespace(codec=SimpleNamespace(name=NAMES[codec]), extradata=None)
    decoder = decoding.Decoder(av, SimpleNamespace(codec_context=context))
    with closing(decoder):
        return [decoder.decode(packet) for packet in packets_of(stream, times)]


def with_hole(each: Coded, size: int = 400) -> Coded:
    """Return a picture that lost a packet in its middle, as over RTP."""
    middle = len(each.content) // 2
    return replace(each, content=each.content[: middle - size] + each.content[middle:])


def shown(pictures: Sequence[Picture]) -> list[int]:
    return [number for number, each in enumerate(pictures) if isinstance(each, np.ndarray)]


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy computer would make a decoder take several threads, and give pictures later."""
    monkeypatch.setattr(decoding, "BUSY_SECONDS", 3600.0)


@pytest.fixture(scope="module")
def h264() -> list[Coded]:
    return coded("libx264", COUNT)


@pytest.mark.parametrize("codec", list(NAMES))
def test_a_good_stream_has_no_damage(codec: str) -> None:
    assert shown(decoded(codec, coded(codec, COUNT))) == list(range(COUNT))


@pytest.mark.parametrize("suffix", ["mp4", "flv"])
def test_lengths_in_place_of_start_codes_are_no_damage(suffix: str, tmp_path: Path) -> None:
    path, chance = tmp_path / f"calm.{suffix}", np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        options = {"tune": "zerolatency", "g": "30", "crf": "26"}
        stream = container.add_stream("libx264", rate=10, options=options)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for _ in range(60):
            pixels = chance.integers(0, chance.integers(8, 14), (64, 64, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="bgr24")))
        container.mux(stream.encode())
    with av.open(str(path)) as container:
        (stream,) = container.streams.video
        packets = [packet for packet in container.demux(stream) if packet.size]
        assert any(bytes(each).startswith(b"\0\0\1") for each in packets)  # 256 to 511 bytes
        assert FrameNumbers.of(stream.codec_context.extradata) is None
        with closing(decoding.Decoder(av, stream)) as decoder:
            pictures = [decoder.decode(packet) for packet in packets]
    assert shown(pictures) == list(range(60))


def test_pictures_that_come_out_of_order_are_no_damage() -> None:
    stream = coded("libx264", COUNT, preset="veryfast", tune="ssim", bf="3")
    pictures = decoded("libx264", stream)
    assert len(shown(pictures)) > COUNT - 8
    assert not any(isinstance(each, Damaged) for each in pictures)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_shown_of_a_damaged_h264_stream_is_as_it_was_sent(
    h264: list[Coded], seed: int
) -> None:
    whole = decoded("libx264", h264)
    chance = random.Random(seed)
    hurt = set(chance.sample(range(GOP, COUNT), 3))
    stream = [with_hole(each) if number in hurt else each for number, each in enumerate(h264)]
    pictures = decoded("libx264", stream)
    for number in shown(pictures):
        assert np.array_equal(pictures[number], whole[number]), number
    assert not hurt & set(shown(pictures))
    after = {number for at in hurt for number in range(at, (at // GOP + 1) * GOP)}
    assert set(shown(pictures)) == set(range(COUNT)) - after


def test_what_refers_to_a_lost_h264_picture_is_damaged_until_a_key_frame(
    h264: list[Coded],
) -> None:
    for lost in (GOP + 1, GOP + 5, GOP):  # the last is a key frame
        pictures = decoded("libx264", h264[:lost] + h264[lost + 1 :])
        assert shown(pictures) == [*range(lost), *range(2 * GOP - 1, COUNT - 1)], lost


def test_a_lost_key_frame_of_more_than_one_packet_is_damage(h264: list[Coded]) -> None:
    stream = [with_hole(each, 900) if number == GOP else each for number, each in enumerate(h264)]
    assert shown(decoded("libx264", stream)) == [*range(GOP), *range(2 * GOP, COUNT)]


@pytest.mark.skipif(
    av.library_versions["libavcodec"] < (62,), reason="FFmpeg before 8 shows what lacks a picture"
)
def test_what_refers_to_a_lost_h265_picture_is_damaged_until_a_key_frame() -> None:
    stream = coded("libx265", COUNT)
    lost = 3 * GOP + 4
    pictures = decoded("libx265", stream[:lost] + stream[lost + 1 :])
    assert shown(pictures) == list(range(lost))
    assert all(isinstance(each, Damaged) for each in pictures[lost:])


def test_a_jpeg_that_is_cut_short_costs_itself_alone() -> None:
    stream = coded("mjpeg", 6)
    stream[2] = with_hole(stream[2])
    stream[4] = replace(stream[4], content=stream[4].content[:-300])
    assert shown(decoded("mjpeg", stream)) == [0, 1, 3, 5]
    whole = replace(stream[1], content=stream[1].content[:-2])  # some cameras end it without EOI
    assert shown(decoded("mjpeg", [whole, whole])) == [0, 1]


@pytest.mark.parametrize("codec", list(NAMES))
def test_rubbish_is_damage_and_no_error(codec: str) -> None:
    stream = coded(codec, 2 * GOP)
    chance = random.Random(1)
    rubbish = [
        replace(each, content=chance.randbytes(len(each.content))) if 3 <= number < 6 else each
        for number, each in enumerate(stream)
    ]
    pictures = decoded(codec, rubbish)
    assert set(range(3)) <= set(shown(pictures))
    assert set(range(GOP, 2 * GOP)) <= set(shown(pictures))
    assert not {3, 4, 5} & set(shown(pictures))


@pytest.mark.parametrize(
    "times",
    [
        [7] * COUNT,
        [None] * COUNT,
        list(range(COUNT, 0, -1)),
        [number * 10**9 * (-1) ** number for number in range(COUNT)],
    ],
    ids=["stand", "none", "back", "jump"],
)
def test_a_cameras_clock_changes_nothing(h264: list[Coded], times: list[int | None]) -> None:
    assert shown(decoded("libx264", h264, times)) == list(range(COUNT))
    lost = GOP + 5
    pictures = decoded("libx264", h264[:lost] + h264[lost + 1 :], times[:-1])
    assert not set(range(lost, 2 * GOP - 1)) & set(shown(pictures))
    assert shown(pictures)[-1] == COUNT - 2


@pytest.mark.parametrize("codec", list(NAMES))
def test_a_stream_may_change_its_size(codec: str) -> None:
    stream = coded(codec, GOP) + coded(codec, GOP, (160, 128)) + coded(codec, GOP, (640, 360))
    shapes = [each.shape for each in decoded(codec, stream) if isinstance(each, np.ndarray)]
    assert shapes == [(240, 320, 3)] * GOP + [(128, 160, 3)] * GOP + [(360, 640, 3)] * GOP


def test_a_stream_that_is_too_much_for_one_core_is_decoded_by_all(
    h264: list[Coded], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "BUSY_SECONDS", 0.0)
    monkeypatch.setattr(decoding, "BUSY_SHARE", 0.0)
    pictures = decoded("libx264", h264)
    assert set(range(GOP)) <= set(shown(pictures))
    assert not any(isinstance(each, Damaged) for each in pictures)
    assert COUNT - 2 * av.CodecContext.create("h264", "r").thread_count - 16 <= len(shown(pictures))


def test_a_stream_that_becomes_too_much_after_an_hour_is_noticed_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, work = 0.0, 0.2

    class Context:
        def decode(self, packet: object) -> list[object]:
            nonlocal now
            now += work
            return []

        def flush_buffers(self) -> None: ...

    made = SimpleNamespace(create=lambda name, mode: Context())
    fake = SimpleNamespace(CodecContext=made, error=av.error)
    monkeypatch.setattr(decoding, "BUSY_SECONDS", 5.0)
    monkeypatch.setattr(decoding, "time", SimpleNamespace(monotonic=lambda: now))
    context = SimpleNamespace(codec=SimpleNamespace(name="mjpeg"), extradata=None)
    decoder = decoding.Decoder(fake, SimpleNamespace(codec_context=context))
    packet = SimpleNamespace(is_keyframe=True, pts=None)
    for second in range(3600):
        decoder.decode(packet)
        now = second + 1.0
    assert decoder._is_single
    busy_since, work = now, 1.0
    while decoder._is_single:
        decoder.decode(packet)
        assert now - busy_since < 12
    decoder.close()


def test_frame_numbers_of_rubbish_tell_nothing_that_ends_a_run() -> None:
    chance = random.Random(0)
    numbers = FrameNumbers.of(b"")
    assert numbers
    for _ in range(3000):
        kind = bytes([chance.choice([0x67, 0x41, 0x65, 0x01, 0x61])])
        head = b"\0\0\1" + kind
        numbers.misses(head + chance.randbytes(chance.randrange(40)))
    assert not FrameNumbers().misses(b"")
    assert not FrameNumbers().misses(b"\0\0\1")


LEAVING = """
import av
from types import SimpleNamespace
from coded_streams import coded, packets_of
from fer_edge.sources import decoding
decoding.BUSY_SECONDS = decoding.BUSY_SHARE = 0.0
stream = SimpleNamespace(codec_context=SimpleNamespace(codec=av.Codec("h264"), extradata=None))
packets = coded("libx264", 26)
for _ in range(60):
    decoder = decoding.Decoder(av, stream)
    for packet in packets_of(packets):
        decoder.decode(packet)
    decoder.close()
    del decoder
"""


def test_a_decoder_of_several_threads_is_left_at_once() -> None:
    """In a process of its own: one that waits for its threads with Python's lock held hangs it."""
    tests = str(Path(__file__).parents[2])
    subprocess.run(
        [sys.executable, "-c", LEAVING],
        env={**os.environ, "PYTHONPATH": tests},
        timeout=60,
        check=True,
    )
