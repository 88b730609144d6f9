"""Damaged pictures: left out, counted, said once, and a reason to connect anew."""

import logging
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from unittest.mock import Mock

import numpy as np
import pytest

from fer_core.values import Frame, UInt8Array
from fer_edge.session.run import Run
from fer_edge.session.sources import LIVE
from fer_edge.sources.damage import DamageCheck
from fer_edge.sources.live import CameraSource
from fer_edge.sources.picture_check import Damaged
from fer_edge.sources.several import SeveralCameras
from fer_edge.sources.shared import Shared

PATIENCE_SECONDS = 20
UNUSED = ("options", "stamp", "stop", "stack", "times")
"""What of a run its figures do not need."""


def faults_of(check: DamageCheck, shares: list[float], picture_seconds: float) -> list[float]:
    """Return when a check finds fault; each share of damaged pictures lasts for 100 seconds."""
    found, number = [], 0
    for share in shares:
        for _ in range(int(100 / picture_seconds)):
            number += 1
            is_damaged = int(number * share) > int((number - 1) * share)
            if check.fault(is_damaged, number * picture_seconds):
                found.append(number * picture_seconds)
    return found


@pytest.mark.parametrize(("picture_seconds", "share"), [(5.0, 1.0), (0.04, 0.6)])
def test_mostly_damaged_pictures_are_a_fault_ever_more_seldom(
    picture_seconds: float, share: float
) -> None:
    check = DamageCheck()
    times = faults_of(check, [0.0, *[share] * 4], picture_seconds)
    pauses = [later - sooner for sooner, later in pairwise(times)]
    assert 105 <= times[0] <= 125
    assert pauses == pytest.approx([20, 40, 80, 160], abs=15)
    assert not check.is_well
    assert check.damaged == pytest.approx(400 * share / picture_seconds, abs=1)


def test_some_damaged_pictures_are_no_fault() -> None:
    check = DamageCheck()
    assert faults_of(check, [0.4] * 5, 0.04) == []
    assert check.is_well
    assert check.damaged == 5000


class Lossy:
    """A network camera that gives two damaged pictures for each good one, for the first 100 s."""

    def __init__(self) -> None:
        self.now, self.opened = 0.0, list[float]()
        self._count = 0

    def __call__(self) -> float:
        return self.now

    def open(self) -> "Lossy":
        self.opened.append(self.now)
        return self

    def read(self) -> UInt8Array | Damaged:
        self._count += 1
        self.now += 0.1
        time.sleep(0.0001)
        if self.now < 100 and self._count % 3:
            return Damaged()
        return np.full((48, 64, 3), self._count % 200 + 50, np.uint8)

    def close(self) -> None:
        pass


def test_a_camera_of_damaged_pictures_is_said_once_and_opened_anew(
    caplog: pytest.LogCaptureFixture,
) -> None:
    camera, pixels = Lossy(), list[int]()
    with caplog.at_level(logging.WARNING):
        source = CameraSource(camera.open, "fake", camera, retry_seconds=(0.001,))
        began = time.monotonic()
        for frame in source.frames(threading.Event()):
            assert isinstance(frame, Frame)
            pixels.append(int(frame.pixels[0, 0, 0]))
            if "good pictures again" in caplog.text or time.monotonic() > began + PATIENCE_SECONDS:
                break
    source.close()
    told = [each.split("fake ")[1] for each in caplog.messages]
    assert told == [
        "sent a damaged picture; such are left out and counted",
        "gives mostly damaged pictures; reopening it now and then",
        "gives good pictures again",
    ]
    assert source.damaged == pytest.approx(667, abs=3)
    assert source.reconnects == 3
    assert camera.opened == pytest.approx([0, 10, 30, 70], abs=1)
    assert len(pixels) > 10  # good ones are shown between the others


def test_the_damaged_pictures_of_each_camera_are_among_the_figures() -> None:
    lossy, other = Lossy(), Lossy()
    other.now = 100.0

    def opener(camera: Lossy) -> Callable[[Shared], CameraSource]:
        return lambda shared: CameraSource(camera.open, "fake", camera, shared=shared)

    cameras = SeveralCameras({"door": opener(lossy), "desk": opener(other)})
    run = Run(kind=LIVE, source=cameras, **dict.fromkeys(UNUSED), model=Mock(exchangeable=None))
    for _ in cameras.frames(threading.Event()):
        if cameras.cameras["door"].damaged > 5 and cameras.cameras["desk"].captured > 5:
            break
    cameras.close()
    damaged = run.counts()["frames_damaged"]
    assert damaged["door"] > 5
    assert damaged["desk"] == 0


def test_a_stream_of_damaged_pictures_alone_is_a_silence_with_signs_of_life() -> None:
    class Broken(Lossy):
        def read(self) -> Damaged:
            self.now += 0.1
            time.sleep(0.0001)
            return Damaged()

    camera = Broken()
    source = CameraSource(camera.open, "fake", camera, retry_seconds=(0.001,))
    gaps = [gap for _, gap in zip(range(3), source.frames(threading.Event()), strict=False)]
    source.close()
    assert not any(isinstance(gap, Frame) for gap in gaps)
    attempts = [gap.attempts for gap in gaps]
    assert 0 < attempts[0] < attempts[1] < attempts[2]


@pytest.mark.parametrize("picture_seconds", [5.0, 1 / 240])
def test_frames_bear_the_time_of_their_arrival(picture_seconds: float) -> None:
    class Paced(Lossy):
        def read(self) -> UInt8Array:
            self.now += picture_seconds
            self._count += 1
            taken.acquire(timeout=PATIENCE_SECONDS)
            return np.full((48, 64, 3), self._count % 200 + 50, np.uint8)

    taken, camera = threading.Semaphore(0), Paced()
    source = CameraSource(camera.open, "fake", camera, wall_clock=lambda: 1e9 + camera.now)
    frames = list[Frame]()
    iterator = source.frames(threading.Event())
    while len(frames) < 20:
        taken.release()
        frame = next(iterator)
        frames += [frame] if isinstance(frame, Frame) else []
    camera.read = lambda: None
    taken.release(2)
    source.close()
    steps = [later.captured_at - sooner.captured_at for sooner, later in pairwise(frames)]
    assert steps == pytest.approx([picture_seconds] * 19)
    assert all(each.wall_clock == pytest.approx(1e9 + each.captured_at) for each in frames)
