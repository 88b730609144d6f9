"""The folder of the models that a device has: bundles, and the state of which one is in use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from fer_core.bundle import ModelBundle
from fer_core.errors import FerError
from fer_core.files import make_folder, write_text
from fer_core.locks import alone_in, is_held
from fer_edge.deployment.state import DeploymentState, Held
from fer_edge.inference.models import load_model

STATE_FILE = "state.json"
_RUN, _CHANGE = ".fer-run", ".fer-change"
"""Locks: of the run that has the folder, of a change of the state."""
_CHANGE_SECONDS = 2.0


class ModelFolder:
    """Bundles, and which of them is in use. Processes may share it; one of them is a run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def held_by_this_run(self) -> Iterator[None]:
        """Make the folder, and keep other runs out of it.

        Raises:
            FerError: Another run has it, or nobody can write there.
        """
        advice = "wait for it, or give each run a separate folder"
        with alone_in(make_folder(self.path), "fer-edge", advice, _RUN, _CHANGE_SECONDS):
            yield

    @property
    def is_run(self) -> bool:
        """Whether a run has it."""
        return is_held(self.path, _RUN)

    @property
    def was_used(self) -> bool:
        """Whether a run has it or had it, or it has a state of models."""
        return (self.path / STATE_FILE).exists() or (self.path / _RUN).exists()

    def signature(self) -> tuple[int, ...]:
        """Return what changes when the state does; it costs one look at the file's entry."""
        try:
            entry = (self.path / STATE_FILE).stat()
        except OSError:
            return ()
        return entry.st_mtime_ns, entry.st_ino, entry.st_size

    def state(self) -> DeploymentState:
        """Return the state as it is now.

        Raises:
            FerError: The file cannot be read.
        """
        file = self.path / STATE_FILE
        try:
            text = file.read_text(encoding="utf-8")
        except FileNotFoundError:
            return DeploymentState()
        except (OSError, ValueError) as error:
            raise FerError(f"cannot read {file}: {error}") from error
        return DeploymentState.from_json(text, f"{file}, which says what model is in use,")

    def put_state_aside(self) -> Path:
        """Let a state that cannot be read be none; return where it lies then."""
        aside = self.path / f"{STATE_FILE}.damaged"
        (self.path / STATE_FILE).replace(aside)
        return aside

    def change(self, change: Callable[[DeploymentState], DeploymentState]) -> DeploymentState:
        """Change the state; return what it is then.

        Raises:
            FerError: It cannot be read or written.
        """
        with alone_in(
            self.path, "fer-edge", "wait for it, then try again", _CHANGE, _CHANGE_SECONDS
        ):
            before = self.state()
            after = change(before)
            if after != before:
                write_text(self.path / STATE_FILE, after.to_json())
            return after

    def files(self) -> list[Path]:
        """Return the bundles here, by name."""
        return sorted(self.path.glob("*.tflite"))

    def load(self, held: Held, otherwise: str) -> ModelBundle:
        """Return the bundle of a model.

        Args:
            held: The model.
            otherwise: The name or the path of the one whose place is "".

        Raises:
            FerError: It is gone, damaged, or does not run.
        """
        is_file = held.place.endswith(".tflite")
        return load_model(str(self.path / held.place) if is_file else held.place or otherwise)


def existing_folder(path: Path) -> ModelFolder:
    """Return a folder that is there: a command may have been typed in the wrong place.

    Raises:
        FerError: There is none.
    """
    if not path.is_dir():
        raise FerError(
            f"there is no folder {path}: say which one fer-edge runs with, --models FOLDER (that "
            "of a service is /var/lib/fer-edge/models)"
        )
    return ModelFolder(path)


def now_in_words() -> str:
    """Return the time of day as RFC 3339."""
    return datetime.now().astimezone().isoformat(timespec="seconds")
