"""What the frames of several cameras show, each for itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from fer_core.values import Frame, Gap
from fer_edge.faces.analysis import Analysis, StreamAnalyzer
from fer_edge.faces.events import ExpressionEvent


class CamerasAnalyzer:
    """An Analyzer that has one for each camera."""

    def __init__(self, analyzers: Mapping[str, StreamAnalyzer]) -> None:
        """Take the analyzers by the names of their cameras."""
        self._of = analyzers

    def analyze(self, frame: Frame) -> Analysis:
        """Return what a frame of one camera shows.

        Raises:
            FerError: The detector does not answer.
        """
        return self._of[frame.camera].analyze(frame)

    def idle(self, gap: Gap) -> Analysis:
        """Return what a time without frames of one camera has ended."""
        return self._of[gap.camera].idle(gap)

    def finish(self) -> Analysis:
        """End every face before every camera."""
        return Analysis(events=_all(each.finish().events for each in self._of.values()))

    def relabel(self) -> tuple[ExpressionEvent, ...]:
        """Let each face end, and begin anew where it is: the classifier has other labels now."""
        return _all(each.relabel() for each in self._of.values())


def _all(events: Iterable[Iterable[ExpressionEvent]]) -> tuple[ExpressionEvent, ...]:
    return tuple(event for some in events for event in some)
