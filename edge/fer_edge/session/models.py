"""What classifies the faces of a run: one model, or one that may be exchanged while it runs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fer_core.logs import talk
from fer_edge.faces.analysis import Analyzer
from fer_edge.faces.cameras import CamerasAnalyzer
from fer_edge.inference.classifier import Classifier, TfliteClassifier
from fer_edge.inference.interpreter import TfliteModel
from fer_edge.inference.models import ModelFacts, load_model
from fer_edge.session.options import RunOptions
from fer_edge.session.sources import RunKind
from fer_edge.stages import StageTimes

if TYPE_CHECKING:
    from fer_edge.deployment.exchange import ExchangeableModel
    from fer_edge.deployment.folder import ModelFolder


@dataclass(frozen=True, slots=True)
class RunModel:
    """The model of a run.

    Attributes:
        facts: Returns which bundle classifies now.
        folder: Where other models come from, None where none may come.
        exchangeable: What exchanges them.
    """

    classifier: Classifier
    facts: Callable[[], ModelFacts]
    folder: ModelFolder | None = None
    exchangeable: ExchangeableModel | None = None

    def around(self, analyzer: CamerasAnalyzer) -> Analyzer:
        """Return the analyzer, which has this classifier, as one that follows an exchange."""
        if self.exchangeable is None:
            return analyzer
        from fer_edge.deployment.analyzer import ExchangingAnalyzer

        return ExchangingAnalyzer(analyzer, self.exchangeable)


def make_model(options: RunOptions, kind: RunKind, stack: ExitStack, times: StageTimes) -> RunModel:
    """Load the model that the settings name, or the one in use in the folder of models.

    Args:
        options: Those of the run.
        kind: How its frames come.
        stack: Leaving it gives the folder free.
        times: What counts the classifier's time.

    Raises:
        FerError: It does not load, or another run has the folder.
    """
    config = options.settings
    loading = kind.thread("models", stack) if config.models else None
    if loading is None:
        model = TfliteModel(load_model(config.model), config.threads)
        facts = ModelFacts.of(model.bundle)
        return RunModel(TfliteClassifier(model, times), lambda: facts)
    from fer_edge.deployment.folder import ModelFolder
    from fer_edge.deployment.signing.trusted import TrustedKeys
    from fer_edge.deployment.start import begin, loader

    folder = ModelFolder(Path(config.models))
    stack.enter_context(folder.held_by_this_run())
    load = loader(folder, config.model, config.threads, times)
    exchangeable = begin(folder, load, loading)
    say = talk(options.quiet)
    say(f"model: {exchangeable.facts.mark}, in use in {folder.path}")
    if line := TrustedKeys(folder.path).told():
        say(line)
    return RunModel(exchangeable, lambda: exchangeable.facts, folder, exchangeable)
