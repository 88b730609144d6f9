"""What is made of a frame's faces: single pictures stand alone, streams are followed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from fer_core.values import Face, Frame, Observation, Prediction
from fer_edge.faces.events import NONE, ExpressionEvent
from fer_edge.faces.smoothing import SmoothedFace
from fer_edge.faces.tracking import IouTracker
from fer_edge.inference.classifier import Classifier

_SLACK = 1e-3
"""Seconds by which a frame may come early and still be due."""
Outcome = tuple[tuple[Observation, ...], tuple[ExpressionEvent, ...]]


class Policy(Protocol):
    """Turns predictions into observations and events. Time comes with the frame."""

    def update(self, frame: Frame, faces: Sequence[Face], classifier: Classifier) -> Outcome:
        """Return the frame's observations and what they changed."""

    def idle(self, now: float) -> tuple[ExpressionEvent, ...]:
        """Return the events that a time without frames makes."""

    def finish(self) -> tuple[ExpressionEvent, ...]:
        """Return the events that the end of the source makes."""


class PicturePolicy:
    """Each picture for itself: no ids, no smoothing, no events."""

    def update(self, frame: Frame, faces: Sequence[Face], classifier: Classifier) -> Outcome:
        """Return one observation a face."""
        predictions = classifier.classify(frame, faces)
        return tuple(
            Observation(frame.index, frame.captured_at, face, prediction)
            for face, prediction in zip(faces, predictions, strict=True)
        ), ()

    def idle(self, now: float) -> tuple[ExpressionEvent, ...]:
        """Return nothing."""
        return ()

    def finish(self) -> tuple[ExpressionEvent, ...]:
        """Return nothing."""
        return ()


class StreamPolicy:
    """Follows faces through a stream, smooths their probabilities and tells of changes.

    Each face is classified at most `rate_hz` times a second, 0 for every frame; in between it
    keeps what was last seen. `time_constant_seconds` is that of the average; a label counts once
    it has led by `margin` for `dwell_seconds`, a face once it has been seen `min_sightings` times,
    so that a false alarm of the detector makes observations but no event.
    """

    def __init__(
        self,
        tracker: IouTracker,
        time_constant_seconds: float = 0.25,
        dwell_seconds: float = 0.25,
        margin: float = 0.1,
        min_sightings: int = 3,
        rate_hz: float = 0.0,
    ) -> None:
        self._tracker, self._rate_hz = tracker, rate_hz
        self._time_constant_seconds, self._dwell_seconds = time_constant_seconds, dwell_seconds
        self._margin, self._min_sightings = margin, min_sightings
        self._faces: dict[int, SmoothedFace] = {}
        self._now = 0.0

    def update(self, frame: Frame, faces: Sequence[Face], classifier: Classifier) -> Outcome:
        """Return smoothed observations, and the events of this frame."""
        self._now = now = frame.captured_at
        ids = self._tracker.update(faces, now)
        events = self._endings(set(self._faces) - self._tracker.live)
        due = [index for index, track_id in enumerate(ids) if self._is_due(track_id, now)]
        predictions = classifier.classify(frame, [faces[index] for index in due])
        for index, prediction in zip(due, predictions, strict=True):
            self._classified(ids[index], prediction, now)
        for track_id in ids:
            events += self._seen(track_id, now)
        observations = tuple(
            Observation(frame.index, now, face, known.prediction, track_id, known.label)
            for face, track_id in zip(faces, ids, strict=True)
            for known in [self._faces[track_id]]
        )
        return observations, tuple(events)

    def idle(self, now: float) -> tuple[ExpressionEvent, ...]:
        """End the tracks that have not been seen for too long."""
        self._now = now
        self._tracker.expire(now)
        return tuple(self._endings(set(self._faces) - self._tracker.live))

    def finish(self) -> tuple[ExpressionEvent, ...]:
        """End every track that is still there."""
        return tuple(self._endings(set(self._faces)))

    def _is_due(self, track_id: int, now: float) -> bool:
        face = self._faces.get(track_id)
        return face is None or not self._rate_hz or now - face.at >= 1 / self._rate_hz - _SLACK

    def _classified(self, track_id: int, prediction: Prediction, now: float) -> None:
        """Take in what a face was just classified as."""
        face = self._faces.get(track_id)
        if face is None:
            face = self._faces[track_id] = SmoothedFace.first(prediction, now)
        face.update(prediction, now, self._time_constant_seconds)

    def _seen(self, track_id: int, now: float) -> list[ExpressionEvent]:
        """Count a face of this frame; return its start or its change, if it is time to tell."""
        face = self._faces[track_id]
        face.sightings += 1
        changed = face.take_over(now, self._dwell_seconds, self._margin)
        if face.sightings < self._min_sightings or (face.told and not changed):
            return []
        kind = "changed" if face.told else "started"
        face.told = True
        return [self._event(kind, track_id, face)]

    def _endings(self, track_ids: set[int]) -> list[ExpressionEvent]:
        """Forget tracks; tell of the end of those whose start was told."""
        gone = [(track_id, self._faces.pop(track_id)) for track_id in sorted(track_ids)]
        return [
            ExpressionEvent("ended", track_id, NONE, 0.0, self._now)
            for track_id, face in gone
            if face.told
        ]

    def _event(self, kind: str, track_id: int, face: SmoothedFace) -> ExpressionEvent:
        return ExpressionEvent(kind, track_id, face.label, face.confidence, self._now)
