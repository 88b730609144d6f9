import threading
import time

import pytest

from fer_core.values import Frame
from fer_edge.sources import camera, patience
from fer_edge.sources.patience import LEAST_SECONDS, MOST_SECONDS, Patience
from mjpeg_server import MjpegServer


def test_waits_in_vain_grow_and_pictures_set_the_pace() -> None:
    waits = Patience()
    assert waits.seconds == LEAST_SECONDS
    waits.missed(0.01)  # unplugged: an error at once
    assert waits.seconds == LEAST_SECONDS
    for expected in (8.0, 12.0, 12.0):
        waits.missed(waits.seconds)
        assert waits.seconds == expected
    for now in (100.0, 105.0, 110.0):
        waits.came(now)
    assert waits.seconds == 15.0
    waits.missed(15.0)
    assert waits.seconds == 15.0
    for number in range(200):
        waits.came(110 + number / 15)
    assert waits.seconds == LEAST_SECONDS


def test_an_outage_is_no_pace() -> None:
    waits = Patience()
    for now in (0.0, 0.1, 0.2, 3600.0, 3600.1):
        waits.came(now)
    assert waits.seconds == LEAST_SECONDS
    assert MOST_SECONDS < 30  # after which a read counts as hung


def test_a_slow_camera_is_not_away_between_its_pictures(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A picture in 1.2 s, where a second without one counts as away: as 5 s and 4."""
    monkeypatch.setattr(patience, "LEAST_SECONDS", 1.0)
    monkeypatch.setattr(camera, "OPEN_SECONDS", 0.5)
    with MjpegServer(frame_seconds=1.2) as server:
        source = camera.open_camera(server.url, None, None)
        began, frames, stop = time.monotonic(), [], threading.Event()
        for each in source.frames(stop):
            frames += [each] if isinstance(each, Frame) else []
            if len(frames) == 6 or time.monotonic() - began > 25:
                break
        source.close()
    assert len(frames) == 6
    assert caplog.text.count("gives no picture") <= 1
    assert caplog.text.count("is back") <= 1
