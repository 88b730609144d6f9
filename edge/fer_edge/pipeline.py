"""The camera loop: source, detector, classifier, policy, sinks. Wiring only."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from fer_edge.classifier import Classifier
from fer_edge.detector import FaceDetector
from fer_edge.files import FrameSource
from fer_edge.policy import Policy
from fer_edge.sinks import Sink


@dataclass(slots=True)
class PipelineSummary:
    """How many frames and faces went through, and the seconds that each stage took."""

    frames: int = 0
    faces: int = 0
    seconds: float = 0.0
    stage_seconds: dict[str, float] = field(
        default_factory=lambda: {"read": 0.0, "detect": 0.0, "classify": 0.0, "write": 0.0}
    )

    @property
    def frames_per_second(self) -> float:
        """Frames a second over the whole run, 0 before the first."""
        return self.frames / self.seconds if self.seconds else 0.0

    def shares(self) -> str:
        """Return what share of the time each stage took, as words."""
        total = sum(self.stage_seconds.values()) or 1.0
        return ", ".join(f"{name} {s / total:.0%}" for name, s in self.stage_seconds.items())


def run(
    source: FrameSource,
    detector: FaceDetector,
    classifier: Classifier,
    policy: Policy,
    sinks: Sequence[Sink],
    stop: threading.Event,
    clock: Callable[[], float],
) -> PipelineSummary:
    """Send every frame through the stages until the source ends or `stop` is set.

    The caller closes source and sinks. `clock` gives seconds and measures the stages.
    """
    summary = PipelineSummary()
    spent = summary.stage_seconds
    started = last = clock()
    try:
        for frame in source.frames(stop):
            read = clock()
            faces = detector.detect(frame)
            detected = clock()
            observations, events = policy.update(frame, faces, classifier.classify(frame, faces))
            classified = clock()
            for sink in sinks:
                sink.write(frame, observations, events)
            spent["read"] += read - last
            spent["detect"] += detected - read
            spent["classify"] += classified - detected
            last = clock()
            spent["write"] += last - classified
            summary.frames += 1
            summary.faces += len(faces)
            summary.seconds = last - started
    finally:  # a source that fails at its end has still been seen
        last_events = policy.finish()
        for sink in sinks:
            sink.finish(last_events)
    return summary
