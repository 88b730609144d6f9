"""What a run does first with the folder of its models: it loads the one in use."""

from __future__ import annotations

import logging
import os
from concurrent.futures import Executor
from time import thread_time

from fer_core.errors import FerError
from fer_edge.deployment.exchange import ExchangeableModel, Load, LoadedModel
from fer_edge.deployment.first_minute import FaceTimes
from fer_edge.deployment.folder import ModelFolder, now_in_words
from fer_edge.deployment.state import ON_TRIAL, DeploymentState, Held
from fer_edge.inference.classifier import TfliteClassifier
from fer_edge.inference.golden_faces import golden_faces
from fer_edge.inference.interpreter import TfliteModel
from fer_edge.inference.models import ModelFacts
from fer_edge.stages import StageTimes

DIED = "fer-edge ended without a word while it was on trial"
log = logging.getLogger(__name__)


def loader(folder: ModelFolder, otherwise: str, threads: int, times: StageTimes) -> Load:
    """Return what loads a model and times it on a few faces.

    Args:
        folder: Where models lie.
        otherwise: The name or the path of the model for the place "".
        threads: Those of the network.
        times: What counts the time of faces of the run.
    """

    def load(held: Held) -> LoadedModel:
        bundle = folder.load(held, otherwise)
        model, facts = TfliteModel(bundle, threads), ModelFacts.of(bundle)
        seconds = []
        for face in golden_faces(bundle.manifest.input):
            started = thread_time()
            model.probabilities(face)
            seconds.append(thread_time() - started)
        classifier = TfliteClassifier(model, times)
        return LoadedModel(Held(held.place, facts), classifier, FaceTimes(seconds))

    return load


def begin(folder: ModelFolder, load: Load, executor: Executor) -> ExchangeableModel:
    """Load the model in use, or go back if that one does not do.

    Args:
        folder: Where the state is.
        load: How a model is loaded.
        executor: What loads others beside the frames.

    Raises:
        FerError: None loads, or nobody can write into the folder.
    """
    state = _blamed(folder)
    while True:
        state = folder.change(lambda state: state.tried(os.getpid()))
        try:
            current = load(state.running)
            break
        except FerError as error:
            if not state.running.place:
                raise
            state = _taken_back(folder, state.running, f"it does not load: {error}")
    wanted = state.running
    state = folder.change(lambda state: state.found(wanted, current.held))
    model = ExchangeableModel(folder, load, current, executor)
    if state.state == ON_TRIAL:
        model.begin_trial(_before(load, state))
    return model


def _blamed(folder: ModelFolder) -> DeploymentState:
    """Return the state after a process that died of the model on trial was noticed."""
    try:
        state = folder.state()
    except FerError as error:
        log.warning("%s; it is put aside as %s", error, folder.put_state_aside())
        return DeploymentState()
    if state.state == ON_TRIAL and state.tried_by:
        return _taken_back(folder, state.running, DIED)
    return state


def _taken_back(folder: ModelFolder, failed: Held, why: str) -> DeploymentState:
    log.warning("the model %s is taken back: %s", failed.facts.mark, why)
    at = now_in_words()
    return folder.change(lambda state: state.taken_back(failed, why, at))


def _before(load: Load, state: DeploymentState) -> LoadedModel:
    """Return the model before the one on trial, that of the run where it does not load."""
    try:
        return load(state.before or Held())
    except FerError as error:
        log.warning("%s", error)
        return load(Held())
