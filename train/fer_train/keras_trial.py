"""A trial of a Keras file of unknown origin, in a process of its own.

A damaged HDF5 file can keep its library in a loop for ever, and a file of a few bytes can declare
layers of many gigabytes. The trial builds the model within limits of time and memory. What else is
wrong with a file is left to be said by who loads it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from fer_core.errors import FerError
from fer_core.own_process import limit_this_process, run_module
from fer_train.backend import import_keras

LIMIT_SECONDS, LIMIT_BYTES = 60, 4 * 2**30
WAIT_SECONDS = 300
"""How long it may take in all: on a busy computer, importing TensorFlow takes over a minute."""
TOO_LARGE = 3
"""The exit code for a model that needs more memory than that."""


def try_keras_file(file: Path) -> None:
    """Build the model of a .keras or .h5 file once, in a process of its own.

    Raises:
        FerError: That does not end, crashes, or takes too much memory.
    """
    module, words = "fer_train.keras_trial", str(file.resolve())
    done = run_module(module, words, seconds=WAIT_SECONDS, what=f"loading {file}")
    if done.returncode == TOO_LARGE:
        raise FerError(f"{file} declares a model of more than {LIMIT_BYTES / 2**30:g} GB")


def _build(file: Path) -> None:
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # a GPU takes address space without end
    import_keras()
    from fer_train.keras_file import as_keras_loads_it

    # Keras unpacks some files beside the temporary ones.
    limit_this_process(LIMIT_SECONDS, LIMIT_BYTES + _address_space(), file_bytes=LIMIT_BYTES)
    as_keras_loads_it(file)


def _address_space() -> int:
    """Return the bytes of address space taken so far; a guess where the system does not say."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return 24 * 2**30  # more than TensorFlow reserves
    (kilobytes,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmSize"))
    return 1024 * int(kilobytes)


def _took_too_much(error: Exception) -> bool:
    return isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError"


if __name__ == "__main__":
    try:
        _build(Path(sys.argv[1]))
    except Exception as error:  # noqa: BLE001  # what else fails is said where the model is loaded
        sys.exit(TOO_LARGE if _took_too_much(error) else 0)
