"""Finding faces in a stream at a fraction of the cost of searching every frame.

The whole frame is searched now and then, small, since a face of the smallest wanted size needs
no more than the cascade's own window. In between each face is looked for near where it was, in
a few sizes about its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from typing import Any

import numpy as np

from fer_core.errors import FerError
from fer_core.values import Box, Face, Frame, UInt8Array
from fer_edge.faces.detector import SAME_FACE_IOU, WINDOW_PX, SearchPlan
from fer_edge.faces.haar import HaarCascade, shrunk, to_gray
from fer_edge.stages import StageTimes

SEARCH_STEP, SEARCH_NEIGHBORS = 1.2, 2
"""Few neighbours find nearly every face; a look near each rejects the false ones."""
NEAR_STEP, NEAR_NEIGHBORS = 1.1, 3
NEAR_MARGIN, NEAR_PX, NEAR_LARGEST = 0.3, 30, 1.35
"""How far around a face it is looked for, in its own size; how large it is shown then, in pixels;
and up to which size it may have grown. The smallest is the cascade's own window."""
STUCK_SECONDS = 30.0
"""How long a search on its thread may take, a thousand times what it takes."""


class AtOnce(Executor):
    """Runs what is submitted before it returns."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run it and return its result as a future that is done."""
        done: Future[Any] = Future()
        done.set_result(fn(*args, **kwargs))
        return done


class FollowingDetector:
    """A FaceDetector for streams: it looks for known faces near where they were.

    Frames come in the order of their `captured_at`, whose clock the plan counts in. With a thread
    pool as `executor` the faces are followed while the whole frame is searched; without one every
    search ends before its frame does, and the same frames always give the same faces.
    """

    def __init__(
        self,
        plan: SearchPlan | None = None,
        times: StageTimes | None = None,
        executor: Executor | None = None,
    ) -> None:
        self._plan, self._times = plan or SearchPlan(), times or StageTimes()
        self._executor = executor or AtOnce()
        self._searching: Future[tuple[tuple[Face, ...], float]] | None = None
        self._wide, self._cascade = HaarCascade(), HaarCascade()  # one serves one thread
        self._searched_at = -np.inf
        self.searches = 0

    def detect(self, frame: Frame, known: Sequence[Box] = ()) -> tuple[Face, ...]:
        """Return the known faces that are still there, and new ones; the largest first."""
        now = frame.captured_at
        with self._times.stage("follow"):
            gray = to_gray(frame.pixels)
            looked_for = [(box, self._near(gray, box)) for box in known]
        faces = [face for _, face in looked_for if face]
        lost = [box for box, face in looked_for if face is None]
        found, scale = self._search(gray, now, self._pause(known, lost))
        with self._times.stage("follow"):
            for small in found:
                face = Face(_scaled(small.box, 1 / scale), small.score)
                if all(face.box.iou(other.box) <= SAME_FACE_IOU for other in faces):
                    faces += self._confirmed(gray, face, lost)
            return tuple(_without_doubles(faces))

    def _confirmed(self, gray: UInt8Array, face: Face, lost: Sequence[Box]) -> list[Face]:
        """Return a face of a search as a near look sees it; one that was just lost needs none."""
        near = self._near(gray, face.box)
        was_there = any(face.box.iou(box) > SAME_FACE_IOU for box in lost)
        return [near or face] if near or was_there else []

    def _pause(self, known: Sequence[Box], lost: Sequence[Box]) -> float:
        """Return how long to wait between two searches, as things are."""
        if not known:
            return self._plan.empty_seconds
        return self._plan.lost_seconds if lost else self._plan.followed_seconds

    def _search(self, gray: UInt8Array, now: float, pause: float) -> tuple[Sequence[Face], float]:
        """Search the whole frame if it is time; return what a search has found, at its scale."""
        scale = min(1.0, WINDOW_PX / self._plan.min_size_px)
        if self._searching is None and now - self._searched_at >= pause:
            self.searches, self._searched_at = self.searches + 1, now
            self._searching = self._executor.submit(self._found, gray, scale)
        if self._searching is None:
            return (), scale
        if not self._searching.done():
            if now - self._searched_at > STUCK_SECONDS:
                raise FerError(f"a search for faces has not ended in {STUCK_SECONDS:.0f} s")
            return (), scale
        (found, seconds), self._searching = self._searching.result(), None
        self._times.add("search", seconds)
        return found, scale

    def _found(self, gray: UInt8Array, scale: float) -> tuple[tuple[Face, ...], float]:
        """Search the whole frame, shrunk; return its faces there and the seconds it took."""
        started = self._times.clock()
        small = shrunk(gray, scale)
        found = self._wide.find(small, SEARCH_STEP, SEARCH_NEIGHBORS, WINDOW_PX)
        return found, self._times.clock() - started

    def _near(self, gray: UInt8Array, box: Box) -> Face | None:
        """Return the surest face near a box, of a like size, None if there is none."""
        height, width = gray.shape
        window = box.expanded(NEAR_MARGIN).clipped(width, height)
        if window is None:
            return None
        part = _part(gray, window)
        scale = min(1.0, NEAR_PX / box.width)
        shown = box.width * scale
        found = self._cascade.find(
            shrunk(part, scale),
            NEAR_STEP,
            NEAR_NEIGHBORS,
            WINDOW_PX,
            max(WINDOW_PX + 1, round(shown * NEAR_LARGEST)),
        )
        if not found:
            return None
        best = max(found, key=lambda face: face.score)
        inside = _scaled(best.box, 1 / scale)
        moved = Box(inside.x + window.x, inside.y + window.y, inside.width, inside.height)
        return Face(moved, best.score)


def _part(gray: UInt8Array, box: Box) -> UInt8Array:
    """Return what lies within a box that lies within the picture."""
    return gray[box.y : box.y + box.height, box.x : box.x + box.width]


def _scaled(box: Box, scale: float) -> Box:
    return Box(*(round(side * scale) for side in (box.x, box.y, box.width, box.height)))


def _without_doubles(faces: Sequence[Face]) -> list[Face]:
    """Return the faces, the largest first; of two that overlap the one with the higher score."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.score):
        if all(face.box.iou(other.box) <= SAME_FACE_IOU for other in kept):
            kept.append(face)
    return sorted(kept, key=lambda face: face.box.area_px, reverse=True)
