"""What a device runs while models are sent, chosen, tried, kept and taken back: `fer-edge models`.

The model is a list: what runs, below it what to go back to.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from at_once import AtOnce
from fer_core.bundle import ModelBundle
from fer_core.errors import BusyError, FerError, InUseError
from fer_core.manifest import ModelManifest
from fer_core.preprocess import InputSpec
from fer_edge.deployment.exchange import ExchangeableModel, LoadedModel
from fer_edge.deployment.first_minute import TRIAL_SECONDS, FaceTimes
from fer_edge.deployment.folder import ModelFolder
from fer_edge.deployment.intake import ModelIntake
from fer_edge.deployment.start import begin
from fer_edge.deployment.state import MOST_EARLIER, MOST_RECEIVED, ON_TRIAL, Held
from fer_edge.inference.models import ModelFacts

OWN = ""
NAMES = st.sampled_from(["a", "b", "c"])
IN_MEMORY = Path("/dev/shm")


def place_of(name: str) -> str:
    return f"{name}-int8.tflite"


def checked(file: Path) -> ModelBundle:
    """Return what a file of one name holds; the name `bad` does not run."""
    name = file.read_bytes().decode()
    if name == "bad":
        raise FerError("it does not run")
    manifest = ModelManifest(name, ("x", "y"), InputSpec(), "int8", sha256=name * 8)
    return ModelBundle(b"", manifest)


class Keeper(RuleBasedStateMachine):
    """A folder of models, and a run that begins, ends and dies."""

    def __init__(self) -> None:
        super().__init__()
        self.path = Path(tempfile.mkdtemp(dir=IN_MEMORY if IN_MEMORY.is_dir() else None))
        self.folder = ModelFolder(self.path / "models")
        self.intake = ModelIntake(self.folder, checked)
        self.run: ExchangeableModel | None = None
        self.lock = contextlib.ExitStack()
        self.now = 0.0
        self.current, self.earlier = OWN, list[str]()
        self.on_trial = self.tried = False

    def _load(self, held: Held) -> LoadedModel:
        if held.place == OWN:
            facts = ModelFacts("own-int8", "0" * 8, ("x", "y"))
        else:
            file = self.folder.path / held.place
            if not file.exists():
                raise FerError(f"no file {file}")
            facts = ModelFacts.of(checked(file))
        return LoadedModel(Held(held.place, facts), None, FaceTimes([0.01]))  # type: ignore[arg-type]

    def _put_on_trial(self, name: str) -> None:
        if not self.on_trial:
            self.earlier = [*self.earlier, self.current][-MOST_EARLIER:]
        self.current, self.on_trial, self.tried = place_of(name), True, False

    def _go_back(self) -> None:
        self.current = self.earlier.pop() if self.earlier else OWN
        self.on_trial = self.tried = False

    @rule(name=NAMES | st.just("bad"))
    def one_is_sent(self, name: str) -> None:
        self.folder.path.mkdir(exist_ok=True)
        if self.on_trial and self.run:
            with pytest.raises(BusyError, match="is on trial"):
                self.intake.receive(name.encode())
        elif name == "bad":
            with pytest.raises(FerError, match="does not run"):
                self.intake.receive(name.encode())
        elif self.current == place_of(name):
            with pytest.raises(InUseError, match="in use already"):
                self.intake.receive(name.encode())
        else:
            assert self.intake.receive(name.encode()).place == place_of(name)
            self._put_on_trial(name)

    @rule(name=NAMES)
    def one_of_the_folder_is_used(self, name: str) -> None:
        if not (self.folder.path / place_of(name)).exists():
            with pytest.raises(FerError, match="no model"):
                self.intake.use(name + "-int8")
        elif self.on_trial and self.run:
            with pytest.raises(BusyError):
                self.intake.use(name + "-int8")
        elif self.current == place_of(name):
            with pytest.raises(InUseError):
                self.intake.use(place_of(name))
        else:
            self.intake.use(name + "-int8")
            self._put_on_trial(name)

    @precondition(lambda self: self.folder.path.exists())
    @rule()
    def somebody_goes_back(self) -> None:
        if self.earlier:
            self.intake.back()
            self._go_back()
        else:
            with pytest.raises(FerError, match="nothing to go back to"):
                self.intake.back()

    @precondition(lambda self: not self.run)
    @rule()
    def a_run_begins(self) -> None:
        self.lock.enter_context(self.folder.held_by_this_run())
        self.run = begin(self.folder, self._load, AtOnce())  # type: ignore[arg-type]
        self.run._clock = lambda: self.now
        if self.tried:
            self._go_back()
        while self.current and not (self.folder.path / self.current).exists():
            self._go_back()
        self.tried = self.on_trial
        assert self.run.current.held.place == self.current

    @precondition(lambda self: self.run)
    @rule()
    def frames_come(self) -> None:
        self._frames(3)
        missing = not (self.folder.path / self.current).exists()
        if self.current and missing and self.run.current.held.place != self.current:
            self._go_back()
            self._frames(3)
        self.tried = self.on_trial
        assert self.run.current.held.place == self.current

    @precondition(lambda self: self.run and self.tried)
    @rule()
    def the_trial_ends_well(self) -> None:
        self._frames(int(TRIAL_SECONDS) + 3)
        self.on_trial = self.tried = False
        assert self.run
        assert self.run.current.held.place == self.current

    @precondition(lambda self: self.run and self.tried)
    @rule()
    def the_one_on_trial_fails(self) -> None:
        assert self.run
        self.run.take_back("it fails at a face")
        self._go_back()

    @precondition(lambda self: self.run)
    @rule(well=st.booleans())
    def the_run_ends(self, well: bool) -> None:
        assert self.run
        if well:
            self.run.excuse()
            self.tried = False
        self.lock.close()
        self.run = None

    @precondition(lambda self: not self.run)
    @rule(name=NAMES)
    def a_file_is_removed_by_hand(self, name: str) -> None:
        (self.folder.path / place_of(name)).unlink(missing_ok=True)

    def _frames(self, seconds: int) -> None:
        for _ in range(seconds):
            self.now += 1.0
            assert self.run
            self.run.between_frames(self.now)

    @invariant()
    def the_state_is_that_of_the_model(self) -> None:
        state = self.folder.state()
        assert state.running.place == self.current
        assert [each.place for each in state.earlier] == self.earlier
        assert (state.state == ON_TRIAL) == self.on_trial
        assert bool(state.tried_by) == self.tried
        assert len(self.folder.files()) <= MOST_RECEIVED + MOST_EARLIER + 1

    def teardown(self) -> None:
        self.lock.close()
        shutil.rmtree(self.path)


TestKeeper = Keeper.TestCase
