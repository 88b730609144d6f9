"""What follows from how the frames of a run come."""

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from fer_core.values import Frame
from fer_edge.session.config import EdgeConfig
from fer_edge.session.options import RunOptions
from fer_edge.session.sources import FILE, LIVE, PICTURES, SOURCES, RunKind
from fer_edge.session.watch import watch


@pytest.mark.parametrize("kind", [PICTURES, FILE])
def test_what_is_no_camera_is_searched_frame_by_frame(kind: RunKind) -> None:
    """Else the same file would give other faces on a slower machine."""
    with ExitStack() as stack:
        assert kind.thread("search", stack) is None


def test_a_camera_is_searched_on_a_thread_that_ends_with_the_run() -> None:
    with ExitStack() as stack:
        executor = LIVE.thread("search", stack)
        assert executor
        worker = executor.submit(threading.current_thread).result()
        assert worker is not threading.current_thread()
    assert not worker.is_alive()


def test_only_files_that_the_run_has_written_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class OneOfThree:
        def frames(self, stop: threading.Event) -> Iterator[Frame]:
            yield from (Frame(pixels, index, index / 10, camera="door") for index in range(2))

        def close(self) -> None:
            """Nothing to close."""

    pixels = np.full((60, 80, 3), 90, np.uint8)
    monkeypatch.setitem(SOURCES, "camera", (FILE, lambda options: OneOfThree()))
    for camera in ("door", "yard"):  # of an earlier run
        earlier = tmp_path / f"seen-{camera}.jpg"
        earlier.touch()
        os.utime(earlier, (1e9, 1e9))
    cameras = ("door=0", "desk=1", "yard=2")
    config = EdgeConfig(camera=cameras, show=False, save=str(tmp_path / "seen.jpg"))
    result = watch(RunOptions(config, quiet=True))
    assert result.summary.frames == 2
    assert result.saved == (tmp_path / "seen-door.jpg",)
    assert not (tmp_path / "seen-desk.jpg").exists()
