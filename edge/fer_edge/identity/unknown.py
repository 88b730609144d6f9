"""Unknown faces that were seen lately, in memory alone, until somebody names or forgets them."""

from __future__ import annotations

import secrets
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from fer_core.errors import FerError
from fer_core.opencv import cv2
from fer_core.values import Face, Frame
from fer_edge.faces.tracks import Track
from fer_edge.identity.cut_outs import CutOut, cut_out
from fer_edge.identity.naming import AGREEING_ANSWERS

MOST_UNKNOWN, UNKNOWN_SECONDS = 12, 600.0
"""How many faces are kept, those seen last, and for how long after they were seen."""
_MOST_FORGOTTEN = 1000
_LOOK_SECONDS = 15.0
"""How often faces that were not seen for long are dropped where nothing else happens."""
_COMPARED_PX = 96


@dataclass(frozen=True, slots=True, eq=False)
class UnknownFace:
    """The sharpest picture of a track that is nobody known.

    Attributes:
        track_id: That of the track.
        picture: Its number, which grows: another one is another picture.
        sharpness: Comparable between pictures of one track.
        seen_at: When the face was seen last, in seconds of the clock.
    """

    track_id: int
    picture: int
    cut: CutOut
    sharpness: float
    seen_at: float


class UnknownFaces:
    """At most MOST_UNKNOWN faces, one a track; may be used by several threads.

    Attributes:
        run: A text of this run alone, by default a random one. The tracks of every run begin at 1.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, run: str = "") -> None:
        self._clock, self.run = clock, run or secrets.token_hex(4)
        self._lock = threading.Lock()
        self._faces: dict[int, UnknownFace] = {}
        self._forgotten: deque[int] = deque(maxlen=_MOST_FORGOTTEN)
        self._pictures = 0
        self._timer: threading.Timer | None = None

    def hear(self, track: Track, frame: Frame, face: Face) -> None:
        """Take in an answer about a track: keep its face once it is clear that nobody knows it.

        Args:
            track: The track, with what is known of who it is.
            frame: The frame that was asked about, which is kept by nobody else.
            face: The face in it.
        """
        identity = track.identity
        with self._lock:
            if identity.name or identity.answer:
                self._faces.pop(track.track_id, None)
            elif identity.agreed >= AGREEING_ANSWERS and track.track_id not in self._forgotten:
                self._keep(track.track_id, cut_out(frame, face))
            self._let_go()

    def _keep(self, track_id: int, cut: CutOut) -> None:
        now, sharpness, before = self._clock(), _sharpness(cut), self._faces.pop(track_id, None)
        if before and before.sharpness >= sharpness:
            cut, sharpness, picture = before.cut, before.sharpness, before.picture
        else:
            self._pictures += 1
            picture = self._pictures
        self._faces[track_id] = UnknownFace(track_id, picture, cut, sharpness, now)
        self._let_go_later()

    def _let_go_later(self) -> None:
        """Let go of the faces also where nobody else comes and nobody looks."""
        if self._faces and self._timer is None:
            self._timer = threading.Timer(_LOOK_SECONDS, _look, [weakref.ref(self)])
            self._timer.daemon = True
            self._timer.start()

    def look(self) -> None:
        """Drop the faces that were not seen for long, and look again later if some are left."""
        with self._lock:
            self._let_go()
            self._timer = None
            self._let_go_later()

    def _let_go(self) -> None:
        """Drop the faces that were not seen for long, and the oldest of too many."""
        now = self._clock()
        seen = [each for each in self._faces.values() if now - each.seen_at < UNKNOWN_SECONDS]
        self._faces = {each.track_id: each for each in seen[-MOST_UNKNOWN:]}

    def faces(self) -> tuple[UnknownFace, ...]:
        """Return the faces, the one seen last first."""
        with self._lock:
            self._let_go()
            return tuple(reversed(self._faces.values()))

    def face(self, track_id: int) -> UnknownFace:
        """Return the face of a track.

        Raises:
            FerError: It is not there, or no longer.
        """
        for each in self.faces():
            if each.track_id == track_id:
                return each
        raise FerError("this face is not there any more: it was named, or not seen for long")

    def forget(self, track_id: int) -> None:
        """Drop the face of a track, and keep none of it again."""
        with self._lock:
            self._faces.pop(track_id, None)
            self._forgotten.append(track_id)


def _look(held: weakref.ref[UnknownFaces]) -> None:
    if faces := held():  # else its run has ended
        faces.look()


def _sharpness(cut: CutOut) -> float:
    """Return the variance of the Laplacian of a cut-out, at one size for all."""
    gray = cv2.cvtColor(cut.pixels, cv2.COLOR_BGR2GRAY)
    same = cv2.resize(gray, (_COMPARED_PX, _COMPARED_PX), interpolation=cv2.INTER_AREA)
    return float(cv2.Laplacian(same, cv2.CV_32F).var())
