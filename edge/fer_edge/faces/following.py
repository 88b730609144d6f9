"""Finding faces in a stream at a fraction of the cost of searching every frame.

The whole frame is searched now and then, at the size where the smallest wanted face can just be
found. In between each face is looked for near where it was. How, is the detector's: StreamSearch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from typing import Any, Protocol

import numpy as np

from fer_core.errors import FerError
from fer_core.values import Face, Frame, UInt8Array
from fer_edge.faces.detector import SAME_PLACE_IOU, SearchPlan, surest_apart
from fer_edge.stages import StageTimes

STUCK_SECONDS = 30.0
"""How long a search on its thread may take, a thousand times what it takes."""
MOST_GROWN = 1.25
"""What is so many times larger or smaller than a face was in the frame before is not that face: it
may be a whole head, whose box would be followed next. For the source of the number see
docs/decisions/0005-finding-faces.md."""


class AtOnce(Executor):
    """Runs what is submitted before it returns."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run it and return its result as a future that is done.

        Raises:
            Exception: What `fn` raises; the future does not hold it.
        """
        done: Future[Any] = Future()
        done.set_result(fn(*args, **kwargs))
        return done


class StreamSearch(Protocol):
    """How faces are found in the frames of a stream; with boxes in pixels of the frame."""

    def prepared(self, frame: Frame) -> UInt8Array:
        """Return a frame as the other two take it."""

    def everywhere(self, picture: UInt8Array) -> tuple[Face, ...]:
        """Return what may be faces in the whole picture. May run beside `near`."""

    def confirmed(self, picture: UInt8Array, face: Face) -> Face | None:
        """Return a new face of a search as it is seen when near, None if it is none then."""

    def near(self, picture: UInt8Array, face: Face) -> Face | None:
        """Return a face as it is now near where it was, None if it is not there."""


class FollowingDetector:
    """A FaceDetector for streams: it looks for known faces near where they were.

    Frames come in the order of their `captured_at`, whose clock the plan counts in.
    """

    def __init__(
        self,
        search: StreamSearch,
        plan: SearchPlan | None = None,
        times: StageTimes | None = None,
        executor: Executor | None = None,
    ) -> None:
        """Take the parts.

        Args:
            search: How faces are found.
            plan: When the whole frame is searched; as a SearchPlan says by itself if None.
            times: What counts the time of following and of searches.
            executor: A thread pool, with which the faces are followed while the whole frame is
                searched. Without one every search ends before its frame does, and the same frames
                always give the same faces.
        """
        self._stream, self._plan, self._times = search, plan or SearchPlan(), times or StageTimes()
        self._executor = executor or AtOnce()
        self._searching: Future[tuple[tuple[Face, ...], float]] | None = None
        self._searched_shape = (0, 0)
        self._searched_at = self._lost_at = -np.inf
        self._complete = 0  # how many faces there were before some were lost; 0 if none is missing
        self.searches = 0

    def detect(self, frame: Frame, known: Sequence[Face] = ()) -> tuple[Face, ...]:
        """Return the known faces that are still there, and new ones; the largest first.

        Raises:
            FerError: A search on its thread has not ended in STUCK_SECONDS.
        """
        now = frame.captured_at
        with self._times.stage("follow"):
            picture = self._stream.prepared(frame)
            looked_for = [(face, self._followed(picture, face)) for face in known]
        followed = [face for _, face in looked_for if face]
        lost = [face for face, seen in looked_for if seen is None]
        found = self._search(picture, now, self._pause(known, lost))
        with self._times.stage("follow"):
            faces = list(followed)
            for face in found:
                if all(face.box.iou(other.box) <= SAME_PLACE_IOU for other in followed):
                    faces += self._confirmed(picture, face, lost, followed)
            inside = [face for face in faces if face.box.clipped(frame.width, frame.height)]
            apart = surest_apart(inside)
            self._count(len(known), len(apart), now)
            return tuple(sorted(apart, key=lambda face: face.box.area_px, reverse=True))

    def _followed(self, picture: UInt8Array, face: Face) -> Face | None:
        """Return a known face as it is now, None if it is not there."""
        seen = self._stream.near(picture, face)
        grown = seen.box.width / face.box.width if seen else 0.0
        return seen if 1 / MOST_GROWN < grown < MOST_GROWN else None

    def _confirmed(
        self, picture: UInt8Array, face: Face, lost: Sequence[Face], followed: Sequence[Face]
    ) -> list[Face]:
        """Return a face of a search as it is seen when near; one just lost needs no look.

        One that comes out from behind another is looked at as it was found: further looks would
        see the other.
        """
        stands_apart = not any(face.box.iou(other.box) > 0 for other in followed)
        look = self._stream.confirmed if stands_apart else self._stream.near
        near = look(picture, face)
        was_there = any(face.box.iou(each.box) > SAME_PLACE_IOU for each in lost)
        return [near or face] if near or was_there else []

    def _count(self, known: int, seen: int, now: float) -> None:
        """Take in how many faces were known and how many are seen."""
        if now - self._lost_at > self._plan.missing_for_seconds:
            self._complete = 0
        if seen < known:
            self._lost_at, self._complete = now, max(self._complete, known)
        elif seen >= self._complete:
            self._complete = 0

    def _pause(self, known: Sequence[Face], lost: Sequence[Face]) -> float:
        """Return how long to wait between two searches, as things are."""
        if lost:
            return self._plan.lost_seconds
        is_missing = not known or self._complete
        return self._plan.missing_seconds if is_missing else self._plan.followed_seconds

    def _search(self, picture: UInt8Array, now: float, pause: float) -> Sequence[Face]:
        """Search the whole frame if it is time; return what a search has found."""
        is_due = now - self._searched_at >= pause or now < self._searched_at
        if self._searching is None and is_due:
            self.searches, self._searched_at = self.searches + 1, now
            self._searched_shape = picture.shape[:2]
            self._searching = self._executor.submit(self._found, picture.copy())
        if self._searching is None:
            return ()
        if not self._searching.done():
            if now - self._searched_at > STUCK_SECONDS:
                raise FerError(f"a search for faces has not ended in {STUCK_SECONDS:.0f} s")
            return ()
        (found, seconds), self._searching = self._searching.result(), None
        self._times.add("search", seconds)
        return found if self._searched_shape == picture.shape[:2] else ()

    def _found(self, picture: UInt8Array) -> tuple[tuple[Face, ...], float]:
        """Search the whole frame; return its faces and the seconds it took."""
        started = self._times.clock()
        found = self._stream.everywhere(picture)
        return found, self._times.clock() - started
