"""What a frame shows: its faces and how they look, each picture for itself or over time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from fer_core.values import Face, Frame, Gap, Observation
from fer_edge.faces.detector import FaceDetector
from fer_edge.faces.events import NONE, ExpressionEvent
from fer_edge.faces.smoothing import Expression, Smoothing
from fer_edge.faces.tracks import Track, Tracks
from fer_edge.inference.classifier import Classifier

MIN_SIGHTINGS = 3
"""In how many frames a face has to be before an event tells of it: a false alarm of the detector
lasts one or two (docs/decisions/0010-tracks.md)."""
_SLACK_SECONDS = 1e-3
"""By how much a frame may come early and still be due."""


Who = Callable[[Frame, Face], str]
"""Returns the name of a face, empty for nobody known."""


def nobody(frame: Frame, face: Face) -> str:
    """Return no name."""
    return ""


@dataclass(frozen=True, slots=True)
class Analysis:
    """What a frame shows, or a time without frames.

    Attributes:
        observations: The faces of the frame, the largest first; in a stream also one that was
            missed a moment ago.
        events: What has changed.
        present: The faces that were announced and have not ended, as they were last seen.
    """

    observations: tuple[Observation, ...] = ()
    events: tuple[ExpressionEvent, ...] = ()
    present: tuple[Observation, ...] = ()


class Analyzer(Protocol):
    """Turns frames into observations and events. Time comes with the frame."""

    def analyze(self, frame: Frame) -> Analysis:
        """Return what a frame shows.

        Raises:
            FerError: The detector does not answer.
        """

    def idle(self, gap: Gap) -> Analysis:
        """Return what a time without frames has ended."""

    def finish(self) -> Analysis:
        """Return what the end of the source has ended."""


class Naming(Protocol):
    """Finds out who the faces of a stream are."""

    def ask(self, frame: Frame, tracks: Sequence[Track]) -> None:
        """Bring the identities of the faces in sight up to date."""


class PictureAnalyzer:
    """Each picture for itself: no tracks, no smoothing, no events."""

    def __init__(
        self,
        detector: FaceDetector,
        classifier: Classifier,
        who: Who = nobody,
    ) -> None:
        self._detector, self._classifier, self._who = detector, classifier, who

    def analyze(self, frame: Frame) -> Analysis:
        """Return one observation a face."""
        faces = self._detector.detect(frame)
        predictions = self._classifier.classify(frame, faces)
        return Analysis(
            tuple(
                Observation(
                    frame.index, frame.captured_at, face, seen, person=self._who(frame, face)
                )
                for face, seen in zip(faces, predictions, strict=True)
            )
        )

    def idle(self, gap: Gap) -> Analysis:
        """Return nothing."""
        return Analysis()

    def finish(self) -> Analysis:
        """Return nothing."""
        return Analysis()


class StreamAnalyzer:
    """Follows faces through a stream, smooths their expressions and tells of changes.

    One frame goes this way: detector, tracks, classifier, smoothing, names, events. A face that is
    not classified in a frame keeps what was last seen.
    """

    def __init__(
        self,
        detector: FaceDetector,
        classifier: Classifier,
        rate_hz: float = 0.0,
        smoothing: Smoothing | None = None,
        naming: Naming | None = None,
        ids: Iterator[int] | None = None,
    ) -> None:
        """Take the parts.

        Args:
            detector: One that is made for streams.
            classifier: What says how a face looks.
            rate_hz: How often a second each face is classified at most, 0 for every frame.
            smoothing: How steady expressions are; as the constants say if None.
            naming: What finds out who the faces are; nothing does if None.
            ids: Gives the ids of new faces; they count from 1 if None.
        """
        self._detector, self._classifier, self._naming = detector, classifier, naming
        self._rate_hz, self._smoothing = rate_hz, smoothing or Smoothing()
        self._tracks, self._frame_index, self._now = Tracks(ids), 0, 0.0
        self._camera, self._width = "", 0

    def analyze(self, frame: Frame) -> Analysis:
        """Return the faces of a frame with smoothed expressions, and what has changed.

        Raises:
            FerError: The detector does not answer.
        """
        self._frame_index, self._now = frame.index, frame.captured_at
        self._camera = frame.camera
        if self._width not in (0, frame.width):
            self._tracks.scale(frame.width / self._width)
        self._width = frame.width
        faces = self._detector.detect(frame, self._tracks.expected)
        ended = self._tracks.update(frame, faces)
        in_sight = self._tracks.in_sight
        seen = tuple(track for track in in_sight if track.expression or not track.missed)
        self._classify(frame, seen)
        changed = {track.track_id for track in seen if self._settle(track)}
        if self._naming:
            self._naming.ask(frame, seen)
        news = [self._news(track, track.track_id in changed) for track in seen]
        events = (*self._endings(ended), *(event for event in news if event))
        return Analysis(self._observed(seen), events, self._observed(self._tracks.announced))

    def idle(self, gap: Gap) -> Analysis:
        """End the tracks that have not been seen for too long."""
        self._now = gap.at
        events = self._endings(self._tracks.idle(gap.at))
        return Analysis((), events, self._observed(self._tracks.announced))

    def finish(self) -> Analysis:
        """End every track."""
        return Analysis(events=self._endings(self._tracks.finish()))

    def relabel(self) -> tuple[ExpressionEvent, ...]:
        """Let each face end, and begin anew where it is: the classifier has other labels now."""
        return self._endings(self._tracks.renew())

    def _classify(self, frame: Frame, seen: Sequence[Track]) -> None:
        """Classify the faces that are due, and move their averages."""
        due = [track for track in seen if self._is_due(track)]
        predictions = self._classifier.classify(frame, [track.face for track in due])
        for track, prediction in zip(due, predictions, strict=True):
            if track.expression is None:
                track.expression = Expression.first(prediction, self._now)
            track.expression.update(prediction, self._now, self._smoothing.time_constant_seconds)

    def _is_due(self, track: Track) -> bool:
        if track.missed:  # there may be no face now; it keeps what it shows
            return False
        if track.expression is None or not self._rate_hz:
            return True
        pause = self._now - track.expression.classified_at
        return pause >= 1 / self._rate_hz - _SLACK_SECONDS

    def _settle(self, track: Track) -> bool:
        """Update what is shown of a face; return whether its label has changed."""
        assert track.expression  # a new face is classified at once, one that is missed was before
        return track.expression.settle(self._now, self._smoothing, free=not track.announced)

    def _news(self, track: Track, changed: bool) -> ExpressionEvent | None:
        """Return the start of a face, a change of its label, or a name that is new of it."""
        if not track.announced and track.sightings < MIN_SIGHTINGS:
            return None
        name = track.identity.name
        if track.announced and not changed and (not name or name == track.announced_name):
            return None
        kind = "changed" if track.announced else "started"
        track.announced, track.announced_name = True, name
        (seen,) = self._observed([track])
        return self._event(kind, track, seen.label, seen.confidence)

    def _event(self, kind: str, track: Track, label: str, confidence: float) -> ExpressionEvent:
        who, camera = track.identity.name, self._camera
        return ExpressionEvent(kind, track.track_id, label, confidence, self._now, who, camera)

    def _endings(self, ended: Sequence[Track]) -> tuple[ExpressionEvent, ...]:
        """Return the ends of those faces whose start was told."""
        return tuple(self._event("ended", track, NONE, 0.0) for track in ended if track.announced)

    def _observed(self, tracks: Sequence[Track]) -> tuple[Observation, ...]:
        return tuple(
            Observation(
                self._frame_index,
                track.seen_at if not track.in_sight else self._now,
                track.face,
                track.expression.shown,
                track.track_id,
                track.identity.name,
                self._camera,
            )
            for track in tracks
            if track.expression
        )
