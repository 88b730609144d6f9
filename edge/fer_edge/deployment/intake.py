"""Taking a new model: checked, written whole or not at all, then put on trial."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from fer_core.bundle import MOST_MODEL_BYTES, ModelBundle
from fer_core.errors import BusyError, FerError, InUseError
from fer_core.files import make_folder, write_bytes
from fer_core.locks import alone_in
from fer_edge.deployment.folder import ModelFolder
from fer_edge.deployment.signing.trusted import TrustedKeys
from fer_edge.deployment.state import ON_TRIAL, DeploymentState, Held
from fer_edge.inference.models import ModelFacts, load_model, shipped_models
from fer_edge.inference.self_test import load_checked
from fer_edge.inference.temporary import temporary_model

_LOCK = ".fer-try"


class ModelIntake:
    """Takes models into a folder, one at a time, and none while another is on trial."""

    def __init__(
        self, folder: ModelFolder, check: Callable[[Path], ModelBundle] = load_checked
    ) -> None:
        """Take a folder.

        Args:
            folder: Where models go.
            check: Returns the bundle in a file if it may run here.
        """
        self._folder, self._check = folder, check
        self._trusted = TrustedKeys(folder.path)

    def receive(self, content: bytes) -> Held:
        """Check a bundle, store it and put it on trial; return it.

        Raises:
            BusyError: Another model is being checked or on trial.
            InUseError: It runs already.
            FerError: It is refused, or cannot be written.
        """
        if not content:
            raise FerError("the file that was sent is empty, or there was none")
        if len(content) > MOST_MODEL_BYTES:
            raise FerError(f"a model may have {MOST_MODEL_BYTES >> 20} MiB at most")
        self._trusted.require(content, "the model")
        with self._checking(), temporary_model(content) as file:
            try:
                facts = ModelFacts.of(self._check(file))
            except FerError as error:
                words = str(error).replace(f"adopt {file}", "adopt FILE.tflite")
                words = words.replace(str(file), "the model")
                raise FerError(words, see=error.see) from error
            place = self._place_for(facts.name, content)
            self._require_another(Held(place, facts))
            write_bytes(self._folder.path / place, content)
            return self._put_on_trial(Held(place, facts), received=True)

    def use(self, name: str) -> Held:
        """Put a file, a shipped model or a model of the folder on trial; return it.

        Raises:
            BusyError: Another model is being checked or on trial.
            InUseError: It runs already.
            FerError: There is none, or it is refused.
        """
        make_folder(self._folder.path)
        place = name if name.endswith(".tflite") else f"{name}.tflite"
        is_here = Path(place).name == place and (self._folder.path / place).is_file()
        if is_here and not self._is_another(Path(name), place):
            return self._use_known(place, lambda: self._checked_again(place))
        if name in shipped_models():
            return self._use_known(name, lambda: load_model(name))
        file = Path(name)
        if not file.is_file():
            here = [each.stem for each in self._folder.files()]
            raise FerError(
                f"no model {name!r}; here are {', '.join(here) or 'none'}, shipped are "
                f"{', '.join(shipped_models())}, or give the path of a .tflite bundle"
            )
        return self.receive(_content(file))

    def _is_another(self, file: Path, place: str) -> bool:
        """Return whether a path is that of a file with other content than one of the folder."""
        return file.is_file() and _content(file) != _content(self._folder.path / place)

    def _checked_again(self, place: str) -> ModelBundle:
        """Return a bundle of the folder; its key may have been forgotten since it came."""
        file = self._folder.path / place
        self._trusted.require(_content(file), str(file))
        return self._check(file)

    def _use_known(self, place: str, bundle: Callable[[], ModelBundle]) -> Held:
        with self._checking():
            held = Held(place, ModelFacts.of(bundle()))
            self._require_another(held)
            return self._put_on_trial(held)

    def back(self) -> Held:
        """Go back to the model before; return it.

        Raises:
            FerError: There is none.
        """
        return self._folder.change(DeploymentState.back).running

    @contextmanager
    def _checking(self) -> Iterator[None]:
        """Let one model at a time be checked, while none is on trial."""
        with ExitStack() as stack:
            try:
                stack.enter_context(alone_in(self._folder.path, "fer-edge", lock=_LOCK))
            except BusyError as error:
                words = "another model is being checked: try again in a minute"
                raise BusyError(words) from error
            self._require_no_trial(self._folder.state())
            yield

    def _require_no_trial(self, state: DeploymentState) -> None:
        if state.state == ON_TRIAL and self._folder.is_run:
            name = state.running.facts.name
            raise BusyError(f"{name} is on trial: wait a minute, or end it: fer-edge models back")

    def _require_another(self, held: Held) -> None:
        state = self._folder.state()
        if state.running.is_same(held):
            raise InUseError(f"{held.facts.mark} is in use already")

    def _place_for(self, name: str, content: bytes) -> str:
        """Return the file for a bundle: its own if it is there, else a new one."""
        stem = re.sub(r"[^\w.-]", "_", name).strip("_.-")[:100] or "model"
        for number in range(1, 1000):
            place = f"{stem}{f'-{number}' if number > 1 else ''}.tflite"
            file = self._folder.path / place
            if not file.exists() or file.read_bytes() == content:
                return place
        raise FerError(f"{self._folder.path} holds a thousand models called {stem}: remove some")

    def _put_on_trial(self, held: Held, received: bool = False) -> Held:
        def used(state: DeploymentState) -> DeploymentState:
            self._require_no_trial(state)
            return state.using(held, received)

        before = self._folder.state()
        after = self._folder.change(used)
        for place in set(before.received) - set(after.received):
            with suppress(OSError):
                (self._folder.path / place).unlink()
        return held


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(MOST_MODEL_BYTES + 1)
    except OSError as error:
        raise FerError(f"cannot read {file}: {error.strerror}") from error
