"""A try of a network from elsewhere, in a process of its own: some crash the runtime.

The process may not write files, and its memory and time are limited where the system has such
limits (POSIX); elsewhere only the clock ends it.
"""

from __future__ import annotations

import hashlib
import math
import os
import platform
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec

from fer_core.bundle import ModelBundle
from fer_core.errors import FerError
from fer_core.own_process import last_words, limit_this_process, run_module
from fer_core.typed_json import read_json
from fer_edge.inference.interpreter import INTEGERS, Interpreter, Tensor, runtime_name
from fer_edge.inference.temporary import temporary_model

LIMIT_SECONDS = 60
LIMIT_BYTES = 4 * 2**30
"""Of address space, of which the runtime and numpy alone take one gigabyte."""
LOOKS = 8
MOST_CLASSES, MOST_TENSORS = 10_000, 100


@dataclass(frozen=True, slots=True)
class Trial:
    """The tensors of a network, and what it gave for LOOKS inputs of noise, (looks, classes).

    The answers are dequantized; they are empty unless it has one input, one output, and both are
    of a type that a bundle may have.
    """

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    answers: tuple[tuple[float, ...], ...]


def load_tried(path: Path) -> ModelBundle:
    """Return the bundle in a file after a trial of its network.

    A network that has run once on this computer, with this runtime, is not tried again.

    Raises:
        FerError: There is no bundle, or it does not run.
    """
    bundle = ModelBundle.load(path)
    if not _is_noted(bundle.manifest.sha256):
        try_model(bundle.model, str(path))
        _note(bundle.manifest.sha256)
    return bundle


def note_tried(model: bytes) -> None:
    """Remember that a network has run on this computer, so that it is not tried again.

    Args:
        model: The flatbuffer.
    """
    _note(hashlib.sha256(model).hexdigest())


def _note(sha256: str) -> None:
    mark = _mark_of(sha256)
    with suppress(OSError):  # nowhere to write: it is tried every time
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()


def _is_noted(sha256: str) -> bool:
    try:
        return _mark_of(sha256).exists()
    except OSError:  # a folder that this user may not look into: it is tried every time
        return False


def _mark_of(sha256: str) -> Path:
    """Return the empty file that is there once a network has run with this runtime.

    It lies where systemd lets a service write, else in the user's cache. Computers with other
    processors may share that, as a home on NFS.
    """
    name = f"{sha256}-{runtime_name().replace(' ', '-')}-{platform.machine()}"
    if state := os.environ.get("STATE_DIRECTORY"):
        return Path(state.partition(":")[0]) / "tried" / name
    try:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    except RuntimeError:  # a user without a home
        cache = Path(os.devnull)
    return cache / "fer-edge-kit" / "tried" / name


def try_model(model: bytes, name: str) -> Trial:
    """Load a flatbuffer, which messages call `name`, and let it answer, in a process of its own.

    Raises:
        FerError: It does not run, or no temporary file can be written.
    """
    with temporary_model(model) as file:
        done = run_module("fer_edge.inference.trial", str(file), seconds=LIMIT_SECONDS, what=name)
    if done.returncode:
        raise FerError(f"{name} does not run: {last_words(done)}", see="model-does-not-run")
    return read_json(done.stdout, Trial, f"the trial of {name}")


def _look(file: Path) -> Trial:
    import numpy as np

    interpreter = Interpreter(file.read_bytes(), "it")
    inputs, outputs = tuple(interpreter.inputs), tuple(interpreter.outputs)
    values = [math.prod(tensor.shape) for tensor in outputs]
    if len(inputs) + len(outputs) > MOST_TENSORS or max(values, default=0) > MOST_CLASSES:
        raise FerError(f"it gives more than {MOST_CLASSES:,} values: that is no classifier")
    kinds = {tensor.dtype for tensor in (*inputs, *outputs)}
    if len(inputs) != 1 or len(outputs) != 1 or not kinds <= {*INTEGERS, "float32"}:
        return Trial(inputs, outputs, ())
    rng = np.random.default_rng(0)
    taken, given = inputs[0], outputs[0]
    answers = []
    for _ in range(LOOKS):
        if taken.dtype in INTEGERS:
            limits = np.iinfo(taken.dtype)
            noise = rng.integers(limits.min, limits.max + 1, taken.shape).astype(taken.dtype)
        else:
            noise = rng.uniform(0, 1, taken.shape).astype(np.float32)
        answer = given.real(interpreter.invoke(taken, noise, given)).astype(np.float64)
        if not np.isfinite(answer).all():
            raise FerError("it answers with values that are no numbers")
        answers.append(tuple(answer.ravel().tolist()))
    return Trial(inputs, outputs, tuple(answers))


if __name__ == "__main__":
    try:
        limit_this_process(LIMIT_SECONDS, LIMIT_BYTES)
        content = msgspec.json.encode(asdict(_look(Path(sys.argv[1]))))
    except FerError as error:
        sys.exit(str(error).replace("\n", " "))
    except MemoryError:
        sys.exit(f"it needs more than {LIMIT_BYTES / 2**30:.0f} GiB of memory")
    os.write(1, content)
