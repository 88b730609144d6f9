"""One training on many devices: each takes a part of every batch, the step is that of the whole.

Keras's DataParallel on JAX does it. The copy that is trained is on all devices; judging it is left
to one.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from fer_core.errors import ArgumentError, FerError
from fer_train.device import BACKEND

ALL = "all"
_TASKS = "SLURM_STEP_NUM_TASKS"
"""How many processes `srun` has started; it sets this itself."""


@dataclass(frozen=True, slots=True)
class Devices:
    """The devices that share every batch, and the processes that they belong to.

    Attributes:
        names: As JAX calls them, "gpu:0"; none for the one device that Keras takes by itself.
        processes: How many processes train together.
        process: Which of them this is; 0 writes the run folder.
    """

    names: tuple[str, ...] = ()
    processes: int = 1
    process: int = 0

    @property
    def count(self) -> int:
        """How many they are."""
        return max(1, len(self.names))

    @property
    def leads(self) -> bool:
        """Whether this process writes and talks."""
        return self.process == 0

    def require_parts(self, pictures: int) -> None:
        """Make sure that a batch can be divided into equal parts.

        Args:
            pictures: How many the batch has.

        Raises:
            ArgumentError: It cannot be; the message names what can.
        """
        if pictures % self.count == 0:
            return
        below = pictures - pictures % self.count
        sizes = [str(size) for size in (below, below + self.count) if size]
        counts = [str(n) for n in range(1, self.count) if pictures % n == 0]
        raise ArgumentError(
            f"a batch of {pictures} pictures cannot be divided equally among {self.count} devices: "
            f"--batch-size {' or '.join(sizes)} can, or --devices {' or '.join(counts)}"
        )

    def scope(self) -> AbstractContextManager[None]:
        """Return a context in which Keras puts variables on all devices and divides batches."""
        if not self.names:
            return nullcontext()
        import keras

        scope: AbstractContextManager[None] = keras.distribution.DataParallel(
            devices=list(self.names)
        ).scope()
        return scope

    def rows(self, pictures: int) -> slice:
        """Return which pictures of a batch the devices of this process take."""
        each = pictures // self.processes
        return slice(self.process * each, (self.process + 1) * each)

    def agreed(self, answer: bool) -> bool:
        """Return what the first process answers, so that all of them stop together."""
        if self.processes == 1:
            return answer
        from jax.experimental.multihost_utils import broadcast_one_to_all

        return bool(broadcast_one_to_all(answer))

    @contextmanager
    def folder(self, out: Path) -> Iterator[Path]:
        """Give the run folder to the first process, to others a temporary one to resume from."""
        if self.leads:
            yield out
            return
        with tempfile.TemporaryDirectory(prefix="fer-train-") as own:
            for checkpoint in out.glob("*.npz"):
                shutil.copy(checkpoint, own)
            yield Path(own)


ONE_DEVICE = Devices()


def prepare_devices(asked: str, folds: int, say: Callable[[str], None]) -> None:
    """Choose JAX and join the other processes, if there are any; before Keras is imported.

    Args:
        asked: What --devices says: "all" or a number, "1" without it.
        folds: How many folds the run has, 0 for a single training.
        say: What gets a line while it waits for the others.

    Raises:
        ArgumentError: It is neither, or there are folds.
        FerError: JAX is not installed, another backend was asked for, or the other processes
            cannot be reached.
    """
    if asked != ALL and not (asked.isdecimal() and int(asked) >= 1):
        raise ArgumentError(f"--devices takes {ALL} or a number from 1, got {asked!r}")
    if asked == "1":
        return
    if folds:
        raise ArgumentError("--devices is for a single training: leave it out with --folds")
    if find_spec("jax") is None:
        raise FerError(
            f"--devices {asked} needs JAX, which is not installed: "
            "pip install '.[train-gpu,edge-headless]' in the folder of fer-edge-kit (Linux)"
        )
    chosen = os.environ.get(BACKEND, "jax")
    if chosen != "jax":
        raise FerError(
            f"--devices {asked} needs JAX, and ${BACKEND} says {chosen}: unset {BACKEND}"
        )
    os.environ[BACKEND] = "jax"
    if int(os.environ.get(_TASKS, "1")) > 1:
        _join(asked, say)


def _join(asked: str, say: Callable[[str], None]) -> None:
    """Join the processes that `srun` has started; JAX finds them by Slurm's variables."""
    if asked != ALL:
        raise ArgumentError(f"several processes train on all their devices: --devices {ALL}")
    import jax

    say(f"waiting for all {os.environ[_TASKS]} processes of this Slurm step, five minutes at most")
    try:
        jax.distributed.initialize()
    except (RuntimeError, ValueError) as error:
        raise FerError(
            f"the other processes of the Slurm step cannot be reached ({error}); "
            "see docs/devices.md"
        ) from error


def chosen_devices(asked: str, say: Callable[[str], None]) -> Devices:
    """Return the devices that --devices asks for; Keras is started.

    Raises:
        ArgumentError: There are not so many.
    """
    if asked == "1":
        return ONE_DEVICE
    import jax
    import keras

    names = tuple(keras.distribution.list_devices())
    if len(names) == 1 and asked == ALL:
        say(f"--devices {ALL}: there is only one device ({names[0]}), so it trains alone")
        return ONE_DEVICE
    count = len(names) if asked == ALL else int(asked)
    if count > len(names):
        raise ArgumentError(f"--devices {asked}: there are only {len(names)}, {', '.join(names)}")
    return Devices(names[:count], jax.process_count(), jax.process_index())
