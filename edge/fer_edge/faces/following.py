"""Finding faces in a stream at a fraction of the cost of searching every frame.

The whole frame is searched now and then, small, since a face of the smallest wanted size needs
no more than the cascade's own window. In between each face is looked for near where it was, in
a few sizes about its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any

import numpy as np

from fer_core.errors import FerError
from fer_core.opencv import cv2
from fer_core.values import Box, Face, Frame, UInt8Array
from fer_edge.faces.detector import WINDOW_PX, HaarCascade, shrunk, to_gray
from fer_edge.stages import StageTimes


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """When to search the whole frame, in seconds since the last time, and for how small a face.

    `followed_seconds` while every face is in sight, `lost_seconds` when one was just lost,
    `empty_seconds` when there is none. A face that is not seen is kept for `coast_seconds`, unless
    its place looks altogether different: then the scene was cut.
    """

    min_size_px: int = 40
    followed_seconds: float = 0.5
    lost_seconds: float = 0.07
    empty_seconds: float = 0.2
    coast_seconds: float = 0.15


SEARCH_STEP, SEARCH_NEIGHBORS = 1.2, 2
"""Few neighbours find nearly every face; a look near each rejects the false ones."""
NEAR_STEP, NEAR_NEIGHBORS = 1.1, 3
NEAR_MARGIN, NEAR_PX, NEAR_LARGEST = 0.3, 30, 1.35
"""How far around a face it is looked for, in its own size; how large it is shown then, in pixels;
and up to which size it may have grown. The smallest is the cascade's own window."""
SAME_FACE_IOU = 0.3
STUCK_SECONDS = 30.0
"""How long a search on its thread may take, a thousand times what it takes."""
LOOKS_PX, CUT_CHANGE = 12, 30.0
"""Side of the thumbnails compared, and the mean change in gray values that only a cut makes."""


@dataclass(slots=True)
class _Followed:
    face: Face
    seen_at: float
    looks: UInt8Array


class AtOnce(Executor):
    """Runs what is submitted before it returns."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run it and return its result as a future that is done."""
        done: Future[Any] = Future()
        done.set_result(fn(*args, **kwargs))
        return done


class FollowingDetector:
    """A FaceDetector for streams: it remembers the faces of earlier frames.

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
        self._followed: list[_Followed] = []
        self._searched_at = -np.inf
        self.searches = 0

    def detect(self, frame: Frame) -> tuple[Face, ...]:
        """Return the faces, the largest first; a face that is briefly lost stays where it was."""
        now = frame.captured_at
        with self._times.stage("follow"):
            gray = to_gray(frame.pixels)
            self._follow(gray, now)
        self._search(gray, now)
        faces = (followed.face for followed in self._followed)
        return tuple(sorted(faces, key=lambda face: face.box.area_px, reverse=True))

    def _follow(self, gray: UInt8Array, now: float) -> None:
        """Look for each face near where it was; forget those unseen for too long."""
        for followed in self._followed:
            face = self._near(gray, followed.face.box)
            if face:
                self._see(followed, face, gray, now)
        kept = [followed for followed in self._followed if self._is_there(followed, gray, now)]
        self._followed = _without_doubles(kept)

    @staticmethod
    def _see(followed: _Followed, face: Face, gray: UInt8Array, now: float) -> None:
        followed.face, followed.seen_at = face, now
        followed.looks = _looks(gray, face.box)

    def _is_there(self, followed: _Followed, gray: UInt8Array, now: float) -> bool:
        """Return whether a face is in sight, or was a moment ago and its place looks alike."""
        if followed.seen_at == now:
            return True
        if now - followed.seen_at > self._plan.coast_seconds:
            return False
        change = cv2.absdiff(_looks(gray, followed.face.box), followed.looks)
        return float(np.mean(change)) < CUT_CHANGE

    def _pause(self, now: float) -> float:
        """Return how long to wait between two searches, as things are."""
        if not self._followed:
            return self._plan.empty_seconds
        if any(followed.seen_at < now for followed in self._followed):
            return self._plan.lost_seconds
        return self._plan.followed_seconds

    def _search(self, gray: UInt8Array, now: float) -> None:
        """Search the whole frame if it is time; take in what a search has found."""
        scale = min(1.0, WINDOW_PX / self._plan.min_size_px)
        if self._searching is None and now - self._searched_at >= self._pause(now):
            self.searches, self._searched_at = self.searches + 1, now
            self._searching = self._executor.submit(self._found, gray, scale)
        if self._searching is None:
            return
        if not self._searching.done():
            if now - self._searched_at > STUCK_SECONDS:
                raise FerError(f"a search for faces has not ended in {STUCK_SECONDS:.0f} s")
            return
        (found, seconds), self._searching = self._searching.result(), None
        self._times.add("search", seconds)
        with self._times.stage("follow"):
            self._take_in(found, scale, gray, now)

    def _found(self, gray: UInt8Array, scale: float) -> tuple[tuple[Face, ...], float]:
        """Search the whole frame, shrunk; return its faces there and the seconds it took."""
        started = self._times.clock()
        small = shrunk(gray, scale)
        found = self._wide.find(small, SEARCH_STEP, SEARCH_NEIGHBORS, WINDOW_PX)
        return found, self._times.clock() - started

    def _take_in(self, found: Sequence[Face], scale: float, gray: UInt8Array, now: float) -> None:
        """Follow the new faces of a search that a near look confirms; see again those lost."""
        for small in found:
            face = Face(_scaled(small.box, 1 / scale), small.score)
            known = [f for f in self._followed if f.face.box.iou(face.box) > SAME_FACE_IOU]
            if not known:
                sure = self._near(gray, face.box)
                if sure:
                    self._followed.append(_Followed(sure, now, _looks(gray, sure.box)))
            elif known[0].seen_at < now:
                self._see(known[0], self._near(gray, face.box) or face, gray, now)

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


def _looks(gray: UInt8Array, box: Box) -> UInt8Array:
    """Return a thumbnail of what lies within a box, to compare one frame with another."""
    inside = box.clipped(gray.shape[1], gray.shape[0])
    if inside is None:
        return np.zeros((LOOKS_PX, LOOKS_PX), np.uint8)
    part = _part(gray, inside)
    size = (LOOKS_PX, LOOKS_PX)
    return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)


def _scaled(box: Box, scale: float) -> Box:
    return Box(*(round(side * scale) for side in (box.x, box.y, box.width, box.height)))


def _without_doubles(followed: list[_Followed]) -> list[_Followed]:
    """Keep the surer of two that have come to follow the same face."""
    kept: list[_Followed] = []
    for one in sorted(followed, key=lambda f: -f.face.score):
        if all(one.face.box.iou(other.face.box) <= SAME_FACE_IOU for other in kept):
            kept.append(one)
    return kept
