"""Starting Keras's backend: without chatter, and with the same sums every time."""

from __future__ import annotations

import gc
import logging
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from fer_core.errors import FerError

ONEDNN = "TF_ENABLE_ONEDNN_OPTS"
_UNUSED = ("sklearn", "matplotlib", "IPython")
"""What Keras imports where it is installed, for parts of Keras that nothing here uses."""


def need(*packages: str) -> None:
    """Make sure that packages are installed.

    Raises:
        FerError: One is not; the message names the extra to install.
    """
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        raise FerError(
            f"{', '.join(missing)} not installed: pip install '.[train,edge-headless]' in "
            "the folder of fer-edge-kit (Python 3.11 to 3.13)",
            see="train-extra-missing",
        )


def start_quietly() -> None:
    """Import Keras and its backend, hiding what their native code prints on the way.

    TensorFlow's own warnings stay hidden, such as that of the functions that it compiles anew for
    each fold: a user can do nothing about them.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    with native_output_hidden():
        import_keras()
        import keras

        keras.ops.zeros(1)


def start_tensorflow() -> None:
    """Start Keras on TensorFlow, whichever backend a network was trained with."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    start_quietly()


def import_keras() -> None:
    """Import Keras and its backend in half the time: without what nothing here uses.

    For processes that this toolkit starts: there, Keras's wrappers for scikit-learn and its
    galleries of pictures do not work. Does nothing where Keras is imported already.
    """
    if "keras" in sys.modules:
        return
    _ask_for_onednn()
    hidden = [name for name in _UNUSED if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # as if it were not installed
    gc.disable()
    try:
        import keras  # noqa: F401
    finally:
        for name in hidden:
            del sys.modules[name]
        gc.freeze()  # none of these many objects becomes garbage
        gc.enable()


def _ask_for_onednn() -> None:
    """Let TensorFlow use oneDNN on x86-64, unless $TF_ENABLE_ONEDNN_OPTS says otherwise.

    On Linux, TensorFlow does so by itself only where the processor has instructions for neural
    networks, such as AVX-512 VNNI. With AVX2 alone, oneDNN trains our networks 1.2 to 2.6 times as
    fast (docs/decisions/0006-models.md).
    """
    if platform.machine() in ("x86_64", "AMD64"):
        os.environ.setdefault(ONEDNN, "1")


def make_deterministic(seed: int) -> None:
    """Seed every generator, and make TensorFlow give the same sums in the same order."""
    import keras

    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        import tensorflow

        tensorflow.config.experimental.enable_op_determinism()


@contextmanager
def native_output_hidden() -> Iterator[None]:
    """Hide what native code writes to stdout and stderr; show it when the block fails.

    It stays hidden where the failure is one that the user can mend, whose message says it all.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    with tempfile.TemporaryFile() as hidden:
        kept = [(stream, os.dup(stream)) for stream in (1, 2)]
        for stream, _ in kept:
            os.dup2(hidden.fileno(), stream)
        try:
            yield
        except FerError:
            raise
        except BaseException:
            hidden.seek(0)
            os.write(kept[1][1], hidden.read())
            raise
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for stream, copy in kept:
                os.dup2(copy, stream)
                os.close(copy)
