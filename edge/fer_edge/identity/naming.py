"""Who the faces are: asked now and then, beside a stream."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import replace

from fer_core.values import Face, Frame
from fer_edge.faces.analysis import Who
from fer_edge.faces.following import AtOnce
from fer_edge.faces.tracks import Track

ASK_SECONDS, KNOWN_SECONDS = (0.0, 0.5, 1.0, 2.0, 5.0), 5.0
"""Pauses before the next answer about a face that is nobody yet, by how many answers in a row have
agreed (the last repeats), and about one with a name. See docs/decisions/0007-identity.md."""
AGREEING_ANSWERS = 2
"""A name counts once so many answers in a row agree on it."""


class TrackNaming:
    """Names the tracks of a stream, one answer at a time.

    An answer may take long, and takes its time on `executor` where there is one.
    """

    def __init__(
        self,
        who: Who,
        executor: Executor | None = None,
        hear: Callable[[Track, Frame, Face], None] | None = None,
    ) -> None:
        """Take the parts.

        Args:
            who: What names a face.
            executor: Where it runs; at once if None.
            hear: Gets each track that was asked after, with the frame and the face that were
                shown; nothing does if None.
        """
        self._who, self._executor, self._hear = who, executor or AtOnce(), hear
        self._asking: tuple[Track, Frame, Face, Future[str]] | None = None

    def ask(self, frame: Frame, tracks: Sequence[Track]) -> None:
        """Take in an answer that has come; ask about the face that has waited longest."""
        self._take_in()
        now = frame.captured_at
        due = [track for track in tracks if now - track.identity.asked_at >= _pause(track)]
        for track in sorted(due, key=lambda track: track.identity.asked_at):
            if self._asking is not None:
                return
            track.identity.asked_at = now
            kept = replace(frame, pixels=frame.pixels.copy())  # they are only borrowed
            answer = self._executor.submit(self._who, kept, track.face)
            self._asking = (track, kept, track.face, answer)
            self._take_in()

    def _take_in(self) -> None:
        if self._asking is None or not self._asking[-1].done():
            return
        (track, frame, face, future), self._asking = self._asking, None
        identity, answer = track.identity, future.result()
        identity.agreed = identity.agreed + 1 if answer == identity.answer else 1
        identity.answer = answer
        if identity.agreed >= AGREEING_ANSWERS:
            identity.name = answer
        if self._hear:
            self._hear(track, frame, face)


def _pause(track: Track) -> float:
    identity = track.identity
    if identity.name and identity.answer == identity.name:
        return KNOWN_SECONDS
    return ASK_SECONDS[min(identity.agreed, len(ASK_SECONDS) - 1)]
