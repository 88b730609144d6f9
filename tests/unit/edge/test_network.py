"""What PyAV gives of a network camera, and when: with a stand-in for its container."""

import itertools
import sys
import time
from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest

from fer_core.errors import FerError
from fer_edge.sources import camera, network
from fer_edge.sources.network import StreamCapture, has_pyav
from fer_edge.sources.patience import LEAST_SECONDS, Patience
from fer_edge.sources.picture_check import Damaged

av = pytest.importorskip("av", reason="PyAV is not installed")
from coded_streams import coded, packets_of  # noqa: E402

READ_SECONDS = 0.3


class Container:
    """Gives packets, and in the place of each None what PyAV raises when none came in time."""

    def __init__(self, packets: list[object], **wanted: object) -> None:
        context = SimpleNamespace(codec=SimpleNamespace(name="h264"), extradata=None)
        self.streams = SimpleNamespace(video=[SimpleNamespace(codec_context=context, index=0)])
        self.wanted, self.closed = wanted, False
        self._packets = packets

    def demux(self) -> Iterator[object]:
        while self._packets:
            packet = self._packets.pop(0)
            if packet is None:
                time.sleep(0.01)
                raise av.error.ExitError(1, "Immediate exit requested")
            yield packet

    def close(self) -> None:
        self.closed = True


class Endless(list[object]):
    """Packets that are made as they are asked for."""

    def __init__(self, packets: Iterator[object]) -> None:
        super().__init__([None])
        self._packets = packets

    def pop(self, at: object = 0) -> object:
        return next(self._packets)


def opened(
    monkeypatch: pytest.MonkeyPatch,
    packets: list[object],
    address: str = "rtsp://cam/s",
    is_slow: bool = False,
) -> tuple[StreamCapture, Container]:
    containers: list[Container] = []

    def open_container(where: str, **wanted: object) -> Container:
        containers.append(Container(packets, **wanted))
        return containers[-1]

    monkeypatch.setattr(av, "open", open_container)
    return StreamCapture(address, 4.0, READ_SECONDS, is_slow), containers[0]


def test_a_wait_for_the_next_picture_is_bounded_and_keeps_the_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = packets_of(coded("libx264", 2))
    capture, container = opened(monkeypatch, [first, None, None, second, *[None] * 1000])
    assert isinstance(capture.read(), np.ndarray)
    assert isinstance(capture.read(), np.ndarray)
    started = time.monotonic()
    assert capture.read() is None
    assert READ_SECONDS <= time.monotonic() - started < READ_SECONDS + 5
    capture.close()
    assert container.closed


def test_packets_without_a_picture_are_damage_and_sound_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A stream that never sends a key frame, and one of which the sound alone goes on."""
    key, *others = coded("libx264", 10)
    assert key.is_key
    capture, _ = opened(monkeypatch, Endless(packets_of(others * 100_000)))
    assert isinstance(capture.read(), Damaged)
    sound = SimpleNamespace(size=100, stream_index=1)
    capture, _ = opened(monkeypatch, Endless(itertools.repeat(sound)))
    assert capture.read() is None


@pytest.mark.parametrize(("is_slow", "silence"), [(False, "2000000"), (True, "500000")])
def test_rtsp_waits_less_for_the_end_of_a_picture_where_pictures_are_rare(
    monkeypatch: pytest.MonkeyPatch, is_slow: bool, silence: str
) -> None:
    _, container = opened(monkeypatch, [], is_slow=is_slow)
    assert container.wanted["options"]["timeout"] == silence
    _, container = opened(monkeypatch, [], "http://cam/s", is_slow)
    assert "timeout" not in container.wanted["options"]


@pytest.mark.parametrize(
    ("pause", "waited", "silence"), [(1 / 15, 4.0, "2000000"), (5.0, 15.0, "500000")]
)
def test_a_stall_does_not_make_a_camera_one_of_rare_pictures(
    monkeypatch: pytest.MonkeyPatch, pause: float, waited: float, silence: str
) -> None:
    asked: list[dict[str, str]] = []

    def open_container(where: str, options: dict[str, str], timeout: object) -> Container:
        asked.append(options)
        return Container([])

    monkeypatch.setattr(av, "open", open_container)
    patience = Patience()
    monkeypatch.setattr(camera, "Patience", lambda seconds: patience)
    for number in range(20):
        patience.came(number * pause)
    patience.missed(waited)
    assert patience.seconds > LEAST_SECONDS
    camera.open_camera("rtsp://cam/s", None, None).close()
    assert {each["timeout"] for each in asked} == {silence}


@pytest.mark.parametrize(("is_slow", "is_opened_anew"), [(False, True), (True, False)])
def test_a_stream_of_rare_pictures_is_opened_anew_unless_it_is_known(
    monkeypatch: pytest.MonkeyPatch, is_slow: bool, is_opened_anew: bool
) -> None:
    monkeypatch.setattr(network, "_SILENCE_SECONDS", 0.0)
    packets = list(packets_of(coded("libx264", 4)))
    capture, _ = opened(monkeypatch, packets, is_slow=is_slow)
    pictures = [capture.read() for _ in range(4)]
    assert [each is None for each in pictures] == [False, False, False, is_opened_anew]


def test_rtsp_goes_over_tcp(monkeypatch: pytest.MonkeyPatch) -> None:
    _, container = opened(monkeypatch, [])
    assert container.wanted["options"]["rtsp_flags"] == "prefer_tcp"


def test_a_stream_that_ends_gives_no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    capture, _ = opened(monkeypatch, [])
    assert capture.read() is None
    capture, _ = opened(monkeypatch, [av.Packet()])  # with which PyAV tells the end
    assert capture.read() is None


UNKNOWN = SimpleNamespace(codec_context=None, index=0)
"""What PyAV gives for a codec that it does not know."""


@pytest.mark.parametrize("videos", [[], [UNKNOWN]], ids=["no video", "an unknown codec"])
def test_a_stream_without_video_is_said_without_its_password(
    monkeypatch: pytest.MonkeyPatch, videos: list[object]
) -> None:
    def describe(container: Container, packets: list[object], **wanted: object) -> None:
        container.streams = SimpleNamespace(video=videos)

    monkeypatch.setattr(Container, "__init__", describe)
    with pytest.raises(
        FerError, match=r"no answer from rtsp://cam/s: .* It sends no video"
    ) as refusal:
        opened(monkeypatch, [], "rtsp://user:secret@cam/s")
    assert "secret" not in str(refusal.value)


def test_a_pyav_that_does_not_load_counts_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert has_pyav()
    monkeypatch.setitem(sys.modules, "av", None)
    assert not has_pyav()
