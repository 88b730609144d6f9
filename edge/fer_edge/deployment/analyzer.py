"""The analyzer of a run whose model may be exchanged: it swaps between two frames."""

from __future__ import annotations

from dataclasses import replace

from fer_core.errors import FerError
from fer_core.values import Frame, Gap
from fer_edge.deployment.exchange import ExchangeableModel, TrialError
from fer_edge.faces.analysis import Analysis, StreamAnalyzer
from fer_edge.faces.cameras import CamerasAnalyzer
from fer_edge.faces.events import ExpressionEvent


class ExchangingAnalyzer:
    """An Analyzer that ends every face when the labels change; with the same ones faces live on."""

    def __init__(self, inner: StreamAnalyzer | CamerasAnalyzer, model: ExchangeableModel) -> None:
        """Take the analyzer, which classifies with the model."""
        self._inner, self._model = inner, model
        self._labels, self._analyzing = model.facts.labels, False

    def analyze(self, frame: Frame) -> Analysis:
        """Return the faces of a frame with smoothed expressions, and what has changed.

        A frame at which the model on trial fails is analyzed anew with the one before.

        Raises:
            FerError: The detector does not answer.
        """
        self._model.between_frames(frame.captured_at)
        endings, self._analyzing = self._endings(), True
        try:
            seen = self._inner.analyze(frame)
        except TrialError as error:
            self._model.take_back(str(error))
            endings += self._endings()
            seen = self._inner.analyze(frame)
        except FerError:  # of the detector
            self._analyzing = False
            raise
        self._analyzing = False
        return replace(seen, events=(*endings, *seen.events))

    def idle(self, gap: Gap) -> Analysis:
        """End the tracks that have not been seen for too long."""
        self._model.between_frames(gap.at)
        endings = self._endings()
        seen = self._inner.idle(gap)
        return replace(seen, events=(*endings, *seen.events))

    def finish(self) -> Analysis:
        """End every track."""
        if not self._analyzing:  # else an error of no name has come out of it
            self._model.excuse()
        return self._inner.finish()

    def _endings(self) -> tuple[ExpressionEvent, ...]:
        """Return the ends of the faces whose labels are no longer the model's."""
        if self._model.facts.labels == self._labels:
            return ()
        self._labels = self._model.facts.labels
        return self._inner.relabel()
