"""The camera loop: source, analyzer, outputs. Wiring only."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from fer_core.values import Frame, Gap
from fer_edge.faces.analysis import Analysis, Analyzer
from fer_edge.outputs import Output
from fer_edge.sources import FrameSource
from fer_edge.stages import StageTimes


@dataclass(slots=True)
class PipelineSummary:
    """How many frames and faces went through, and the seconds from first to last."""

    frames: int = 0
    faces: int = 0
    seconds: float = 0.0

    @property
    def frames_per_second(self) -> float:
        """Frames a second over the whole run, 0 before the first."""
        return self.frames / self.seconds if self.seconds else 0.0


def run_pipeline(
    source: FrameSource,
    analyzer: Analyzer,
    outputs: Sequence[Output],
    stop: threading.Event,
    times: StageTimes,
    reading: str = "read",
    hidden: Callable[[Frame, Analysis], Frame] | None = None,
) -> PipelineSummary:
    """Send every frame through the stages until the source ends.

    Args:
        source: What gives the frames; the caller closes it, and the outputs.
        analyzer: What finds and names the faces in them.
        outputs: What takes each frame with what was seen in it.
        stop: Ends the run when it is set.
        times: What counts each part's time.
        reading: The stage that the time to the next frame counts as.
        hidden: Returns a frame without what no output may see, from the frame and its analysis.

    Raises:
        FerError: The source or an output has failed; even so, each output is told of the end.
    """
    summary, started, frames = PipelineSummary(), times.clock(), source.frames(stop)
    try:
        while True:
            with times.stage(reading):
                frame = next(frames, None)
            if frame is None:
                break
            if isinstance(frame, Gap):
                seen = analyzer.idle(frame)
                for output in outputs:
                    output.idle(frame, seen)
                continue
            seen = analyzer.analyze(frame)
            shown = hidden(frame, seen) if hidden else frame
            for output in outputs:
                output.write(shown, seen)
            summary.frames += 1
            summary.faces += len(seen.observations)
            summary.seconds = times.clock() - started
    finally:  # a source that fails at its end has still been seen
        _finish(outputs, analyzer.finish())
    return summary


def _finish(outputs: Sequence[Output], seen: Analysis) -> None:
    """Tell each output of the end; raise what one of them raises after all have been told."""
    with ExitStack() as stack:
        for output in reversed(outputs):
            stack.callback(output.finish, seen)
