"""A camera that comes and goes, against a model that only counts."""

from __future__ import annotations

import queue
import threading

import numpy as np
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from fer_core.errors import FerError
from fer_core.values import Frame, Gap, UInt8Array
from fer_edge.sources.live import GAP_SECONDS, CameraSource
from fer_edge.sources.picture_check import Damaged

WAIT_SECONDS = 20.0


class Driver:
    """A driver whose every answer is told beforehand: `answer` returns when it was taken in.

    Attributes:
        opened: How many captures are open.
    """

    def __init__(self) -> None:
        self._answers: queue.Queue[object] = queue.Queue()
        self._asked = threading.Semaphore(0)
        self.opened = 0
        self.ended = False

    def answer(self, value: object) -> None:
        """Answer what the camera has asked, and wait until it asks again."""
        self._answers.put(value)
        assert self._asked.acquire(timeout=WAIT_SECONDS), "it does not ask again"

    def wait_until_asked(self) -> None:
        assert self._asked.acquire(timeout=WAIT_SECONDS)

    def end(self) -> None:
        self.ended = True
        self._answers.put(None)

    def _next(self) -> object:
        self._asked.release()
        return None if self.ended else self._answers.get(timeout=WAIT_SECONDS)

    def open(self) -> Driver:
        if self.opened < 0 or (self._began and not self._next()):
            raise FerError("it does not open")
        self._began = True
        self.opened += 1
        assert self.opened == 1, "it is opened twice"
        return self

    _began = False

    def read(self) -> UInt8Array | Damaged | None:
        value = self._next()
        return value if isinstance(value, np.ndarray | Damaged) else None

    def close(self) -> None:
        self.opened -= 1


class Camera(RuleBasedStateMachine):
    """Pictures, damaged ones, silence and openings that fail, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.driver, self.now = Driver(), 0.0
        self.source = CameraSource(
            self.driver.open, "camera", lambda: self.now, (0.0,), wall_clock=lambda: self.now
        )
        self.driver.wait_until_asked()
        self.is_open, self.waiting = True, 0
        self.came = self.taken = self.damaged = self.reconnects = self.attempts = 0
        self.told_at = 0.0

    @precondition(lambda self: self.is_open)
    @rule(seconds=st.sampled_from([0.01, 0.2, 1.5]))
    def a_picture_comes(self, seconds: float) -> None:
        self.now += seconds
        pixels = np.full((16, 16, 3), 90 + self.came % 2, np.uint8)  # none is the one before
        self.driver.answer(pixels)
        self.came, self.waiting = self.came + 1, self.waiting + 1

    @precondition(lambda self: self.is_open and self.damaged < 3)
    @rule()
    def a_picture_comes_damaged(self) -> None:
        self.driver.answer(Damaged())
        self.damaged += 1
        self.attempts += 1

    @precondition(lambda self: self.is_open)
    @rule(seconds=st.sampled_from([0.01, 4.0]))
    def none_comes(self, seconds: float) -> None:
        self.now += seconds
        self.driver.answer(None)
        self.is_open = False
        self.attempts += 2  # the read in vain, and the opening that is asked for now

    @precondition(lambda self: not self.is_open)
    @rule()
    def it_does_not_open(self) -> None:
        self.driver.answer(False)
        self.attempts += 1

    @precondition(lambda self: not self.is_open)
    @rule()
    def it_opens(self) -> None:
        self.driver.answer(True)
        self.is_open = True
        self.reconnects += 1

    @rule(seconds=st.sampled_from([0.0, 0.5, 1.1]))
    def somebody_asks(self, seconds: float) -> None:
        self.now += seconds
        found = self.source.take()
        if self.waiting:
            assert isinstance(found, Frame)
            assert found.index == self.came - 1
            assert found.pixels[0, 0, 0] == 90 + (self.came - 1) % 2
            self.taken, self.waiting = self.taken + 1, 0
        elif self.now - self.told_at >= GAP_SECONDS:
            assert isinstance(found, Gap)
            assert found.attempts == self.attempts
        else:
            assert found is None
        if found is not None:
            self.told_at = self.now

    @invariant()
    def the_counts_are_right(self) -> None:
        source = self.source
        assert (source.captured, source.damaged) == (self.came, self.damaged)
        assert (source.reconnects, source.attempts) == (self.reconnects, self.attempts)
        assert source.dropped == self.came - self.taken - bool(self.waiting)
        assert source.has_frame == bool(self.waiting)
        assert self.driver.opened == self.is_open

    def teardown(self) -> None:
        threading.Timer(0.0, self.driver.end).start()
        self.source.close()
        assert not self.source._thread.is_alive()
        assert self.driver.opened == 0


TestCamera = Camera.TestCase
