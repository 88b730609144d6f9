"""What follows from how the frames of a run come."""

import threading
from contextlib import ExitStack

import pytest

from fer_edge.session.sources import FILE, LIVE, PICTURES, RunKind


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
