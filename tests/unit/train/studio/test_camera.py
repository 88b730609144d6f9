"""The computer's own camera: one source, any number who look."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_core.errors import FerError
from fer_core.pictures import decode_picture
from fer_core.values import Frame, Gap
from fer_train.studio import camera, server
from fer_train.studio.camera import SharedCamera
from fer_train.studio.quality import SAME
from fer_train.studio.server import StudioOptions, open_studio
from served_studio import Served, wait_until

PORTRAIT = decode_picture(
    files("fer_edge").joinpath("assets", "astronaut.jpg").read_bytes(), colour=True
)


class FakeSource:
    """Gives what is put into it, and remembers that it was closed."""

    def __init__(self) -> None:
        self.coming: list[Frame | Gap | FerError] = []
        self.closed = False

    def show(self, index: int, pixels: np.ndarray = PORTRAIT) -> None:
        self.coming.append(Frame(pixels, index, index / 10))

    def frames(self, stop: threading.Event) -> Iterator[Frame | Gap]:
        while not stop.wait(0.01):
            for each in self.coming[:1]:
                self.coming.remove(each)
                if isinstance(each, FerError):
                    raise each
                yield each

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def filmed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Served, FakeSource]]:
    source = FakeSource()
    monkeypatch.setattr(server, "open_camera", lambda *_: source)
    monkeypatch.setattr(camera, "FRESH_SECONDS", 0.3)
    options = StudioOptions(tmp_path / "own", camera="0", port=0, detector="haar")
    with ExitStack() as stack:
        studio, page = stack.enter_context(open_studio(options))
        yield Served(tmp_path / "own", studio, page, stack.close), source
    assert source.closed


def test_shots_and_pictures_come_of_the_newest_frame(filmed: tuple[Served, FakeSource]) -> None:
    served, source = filmed
    assert served.state()["camera"]
    served.post("/api/classes/add", name="calm")
    query = {"class": "calm", "recording": "20261127-101502", "camera": "1"}
    assert "no picture comes" in served.error("/api/shots", status=503, **query)
    source.show(0)
    wait_until(lambda: served.ask("POST", "/api/shots?class=calm&camera=1&recording=r")[0] == 200)
    assert served.post("/api/shots", **query)["why"] == SAME
    source.show(1, np.ascontiguousarray(PORTRAIT[:, ::-1]))
    wait_until(lambda: not source.coming)
    assert served.post("/api/shots", **query)["kept"]
    assert len(served.files()) == 2


def test_every_viewer_gets_each_frame_as_the_same_jpeg(filmed: tuple[Served, FakeSource]) -> None:
    served, source = filmed
    source.show(0)
    shared = served.studio.camera
    assert shared is not None
    wait_until(lambda: shared.next_jpeg(-1) is not None)
    first, second = shared.next_jpeg(-1), shared.next_jpeg(-1)
    assert first is second
    assert first is not None
    assert cv2.imdecode(np.frombuffer(first[1], np.uint8), cv2.IMREAD_COLOR).shape == (512, 512, 3)
    assert shared.next_jpeg(0) is None
    source.coming.append(Gap(1.0))
    wait_until(lambda: shared.next_frame() is None)


def test_a_camera_that_fails_is_told(filmed: tuple[Served, FakeSource]) -> None:
    served, source = filmed
    served.post("/api/classes/add", name="calm")
    source.coming.append(FerError("camera 0 hangs"))
    query = {"class": "calm", "recording": "r", "camera": "1"}
    wait_until(lambda: served.ask("POST", "/api/shots?class=calm&camera=1&recording=r")[0] == 400)
    assert "camera 0 hangs" in served.error("/api/shots", **query)


def test_a_camera_that_does_not_open_is_said_at_once() -> None:
    def absent() -> FakeSource:
        raise FerError("there is no camera 0")

    with pytest.raises(FerError, match="no camera 0"), SharedCamera(absent):
        raise AssertionError
