"""Video streams as packets, to be damaged before they are decoded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import av
import cv2
import numpy as np

GOP = 12
"""Pictures from one key frame to the next."""


@dataclass(frozen=True)
class Coded:
    """A picture as it is sent."""

    content: bytes
    is_key: bool


def moving_pictures(count: int, size: tuple[int, int] = (320, 240)) -> Iterator[np.ndarray]:
    """Yield pictures of a texture that wanders, each unlike the one before."""
    width, height = size
    coarse = np.random.default_rng(0).integers(0, 256, (height // 4, width // 2, 3), np.uint8)
    texture = cv2.resize(coarse, (4 * width, 2 * height), interpolation=cv2.INTER_CUBIC)
    for number in range(count):
        x, y = 5 * number % (3 * width), 3 * number % height
        yield np.ascontiguousarray(texture[y : y + height, x : x + width])


def coded(
    codec: str, count: int, size: tuple[int, int] = (320, 240), **options: str
) -> list[Coded]:
    """Return a stream as a camera sends it: no pictures out of order, parameters at each key."""
    encoder = av.CodecContext.create(codec, "w")
    encoder.width, encoder.height = size
    encoder.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    encoder.time_base, encoder.gop_size = Fraction(1, 25), GOP
    encoder.thread_count = 1
    quiet = {"preset": "ultrafast", "tune": "zerolatency", "x265-params": "log-level=none"}
    if codec != "mjpeg":
        encoder.options = {**quiet, "forced-idr": "1", **options}
    packets: list[av.Packet] = []
    for number, pixels in enumerate(moving_pictures(count, size)):
        frame = av.VideoFrame.from_ndarray(pixels, format="bgr24").reformat(format=encoder.pix_fmt)
        frame.pts, frame.time_base = number, encoder.time_base
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    return [Coded(bytes(packet), packet.is_keyframe) for packet in packets]


def packets_of(stream: Sequence[Coded], times: Sequence[int | None] = ()) -> Iterator[av.Packet]:
    """Yield a stream's packets, with times of its own or numbered."""
    for number, each in enumerate(stream):
        packet = av.Packet(each.content)
        packet.pts = packet.dts = times[number] if times else number
        packet.is_keyframe = each.is_key
        yield packet
