"""A model that is exchanged while frames come: noticed, loaded beside them, swapped, tried."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass

from fer_core.errors import FerError
from fer_core.values import Face, Frame, Prediction
from fer_edge.deployment.first_minute import FaceTimes, FirstMinute
from fer_edge.deployment.folder import ModelFolder, now_in_words
from fer_edge.deployment.state import ON_TRIAL, DeploymentState, Held
from fer_edge.inference.classifier import Classifier
from fer_edge.inference.models import ModelFacts

LOOK_SECONDS = 1.0
"""How often a run looks whether the state has changed."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model in the runtime, where it is from, and how long it takes."""

    held: Held
    classifier: Classifier
    times: FaceTimes


Load = Callable[[Held], LoadedModel]
"""Loads a model, or raises FerError."""
Change = Callable[[DeploymentState], DeploymentState]


class TrialError(Exception):
    """The model on trial has failed at a face."""


class ExchangeableModel:
    """A Classifier whose model may be exchanged between two frames.

    All but `facts` belongs to the thread of the frames.

    Attributes:
        current: The model that classifies.
        swaps: How often another one took over.
    """

    def __init__(
        self,
        folder: ModelFolder,
        load: Load,
        current: LoadedModel,
        executor: Executor,
        clock: Callable[[], float] = time.monotonic,
        work_clock: Callable[[], float] = time.thread_time,
    ) -> None:
        """Take the parts.

        Args:
            folder: Where the state is.
            load: How a model is loaded.
            current: The model to begin with.
            executor: What loads beside the frames.
            clock: Seconds that pass.
            work_clock: Seconds that this thread works, of which other programs take none.
        """
        self._folder, self._load, self.current = folder, load, current
        self._executor, self._clock, self._work_clock = executor, clock, work_clock
        self.swaps = 0
        self._before: LoadedModel | None = None
        self._trial: FirstMinute | None = None
        self._loading: tuple[Held, Future[LoadedModel]] | None = None
        self._state_seen: tuple[int, ...] = ()
        self._looked_at = float("-inf")
        self._owed: list[Change] = []
        self._is_ill = False

    @property
    def facts(self) -> ModelFacts:
        """Which bundle classifies now."""
        return self.current.held.facts

    def classify(self, frame: Frame, faces: Sequence[Face]) -> tuple[Prediction, ...]:
        """Return one prediction a face, in the order of `faces`.

        Raises:
            TrialError: The model is on trial and fails.
        """
        started = self._work_clock()
        try:
            predictions = self.current.classifier.classify(frame, faces)
        except (ValueError, RuntimeError) as error:  # of its values, of the runtime
            if self._trial is None:
                raise
            raise TrialError(f"it fails at a face: {error}") from error
        if faces:
            self.current.times.add(self._work_clock() - started, len(faces))
        return predictions

    def between_frames(self, now: float) -> None:
        """Judge the model on trial, and swap if there is something to swap.

        Args:
            now: In seconds of the frames' clock.
        """
        if self._trial and (why := self._trial.fault(now)):
            self.take_back(why)
        elif self._trial and self._trial.is_over(now):
            log.warning("the model %s is kept", self.facts.mark)
            self._end_trial(DeploymentState.kept)
        if self._clock() - self._looked_at >= LOOK_SECONDS:
            self._looked_at = self._clock()
            self._look()
        if self._loading and self._loading[1].done():
            self._take(*self._loading)

    def begin_trial(self, before: LoadedModel) -> None:
        """Let the current model prove itself against the one before."""
        log.warning("the model %s is on trial for a minute", self.facts.mark)
        self._before, self._trial = before, FirstMinute(before.times, self.current.times)

    def take_back(self, why: str) -> None:
        """End the trial of the current model: the one before goes on."""
        log.warning("the model %s is taken back: %s", self.facts.mark, why)
        failed, at = self.current.held, now_in_words()
        if self._before:
            self._swap(self._before)
        self._end_trial(lambda state: state.taken_back(failed, why, at))

    def excuse(self) -> None:
        """Note that the run ends, and not by a fault of the model on trial."""
        self._owed.append(lambda state: state.tried(0))
        self._pay()

    def _end_trial(self, change: Change | None = None) -> None:
        self._before = self._trial = None
        self._owed += [change] if change else []
        self._pay()

    def _pay(self) -> bool:
        """Write what the state has to say; return whether nothing is left to be written."""
        try:
            while self._owed:
                self._folder.change(self._owed[0])
                del self._owed[0]
        except FerError as error:
            if not self._is_ill:
                log.warning("%s; the run tries again every second", error)
            self._is_ill = True
        else:
            if self._is_ill:
                log.warning("can write the state of the models again")
            self._is_ill = False
        return not self._owed

    def _look(self) -> None:
        """Begin what a change of the state asks for."""
        if self._loading or not self._pay():
            return
        signature = self._folder.signature()
        if signature == self._state_seen:
            return
        self._state_seen = signature
        try:
            wanted = self._folder.state()
            is_current = wanted.running.is_same(self.current.held)
            is_chosen_again = is_current and wanted.state == ON_TRIAL and not wanted.tried_by
            if is_current and not is_chosen_again:
                return
            if wanted.state == ON_TRIAL:  # noted first: loading it may end the process
                self._folder.change(lambda state: state.tried(os.getpid()))
        except FerError as error:
            log.warning("%s", error)
            return
        if is_chosen_again:  # somebody went back and chose it once more, between two looks
            self.begin_trial(self._before or self.current)
        elif self._before and wanted.running.is_same(self._before.held):
            log.warning("the model %s is taken back by hand", self.facts.mark)
            self._swap(self._before)
            self._end_trial()
        else:
            self._loading = wanted.running, self._executor.submit(self._load, wanted.running)

    def _take(self, held: Held, loading: Future[LoadedModel]) -> None:
        """Let a loaded model take over; go on with the current one if it did not load."""
        self._loading, self._state_seen = None, ()  # it may have changed meanwhile
        before = self.current
        try:
            loaded, state = loading.result(), self._folder.state()
        except FerError as error:
            why, at = f"it does not load: {error}", now_in_words()
            log.warning("the model %s is taken back: %s", held.facts.mark, why)
            self._end_trial(lambda state: state.taken_back(held, why, at))
            return
        if not state.running.is_same(held):
            return
        self._swap(loaded)
        self._end_trial(lambda state: state.found(held, loaded.held))
        if state.state == ON_TRIAL:
            self.begin_trial(before)
        else:
            log.warning("the model %s is in use", self.facts.mark)

    def _swap(self, model: LoadedModel) -> None:
        self.current, self.swaps = model, self.swaps + 1
