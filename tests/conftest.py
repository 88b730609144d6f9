"""What several tests need."""

from __future__ import annotations

import gc
import os
import platform
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from fer_core.bundle import ModelBundle
from fer_edge.inference.models import load_model

pytest_plugins = ["passed_elsewhere"]

# The workers share the cores: threads of TensorFlow's own would only wait for each other.
for _threads in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(_threads, "1")

# TensorFlow rounds here as in the commands that the tests start (fer_train.backend).
if platform.machine() in ("x86_64", "AMD64"):
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

# A shell's background jobs ignore Ctrl-C, and so would every command that the tests start.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Python searches TensorFlow's many objects for garbage less often: that took a seventh of a run.
gc.set_threshold(50_000, 20, 50)

_SHARED = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session", autouse=True)
def _own_keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the keys and certificates that commands make away from those of the user."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the slow tests, so that no worker has one left when the other is done."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_collection_finish() -> None:
    """Leave what is imported by now out of the searches for garbage that each conversion makes."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def nano() -> ModelBundle:
    """The smallest shipped model."""
    return load_model("fer-nano")


@pytest.fixture
def no_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Load Keras models without the trial in a process of its own, which costs five seconds each.

    tests/unit/train tests the trials, tests/e2e the commands with them.
    """
    from fer_train import transfer

    monkeypatch.setattr(transfer, "try_keras_file", lambda file: None)
    monkeypatch.setattr(transfer, "try_saved_model", lambda folder: None)


@pytest.fixture(scope="session")
def cases() -> Path:
    """Small files of strangers that were handled wrongly once."""
    path = _SHARED.parent / "cases"
    if not path.exists():
        pytest.skip("the files of strangers are not here")
    return path


@pytest.fixture(scope="session")
def real_data() -> Path:
    """FER2013 as .npz or .csv."""
    path = Path(os.environ.get("FER2013") or _SHARED / "fer2013.npz")
    if not path.exists():
        pytest.skip("FER2013 is not here: set FER2013=PATH to run this test")
    return path


@pytest.fixture(scope="session")
def real_frames() -> Path:
    """A folder of photos and clips with faces."""
    return _folder("FER_FRAMES", "frames", "photos and clips")


@pytest.fixture(scope="session")
def hard_faces() -> Path:
    """A folder of photos with faces that detectors miss."""
    return _folder("FER_HARD_FACES", "faces-hard", "photos")


def _folder(variable: str, name: str, what: str) -> Path:
    """Return the folder that a variable names, or the shared one; skip the test without it."""
    path = Path(os.environ.get(variable) or _SHARED / name)
    if not path.is_dir():
        pytest.skip(f"the {what} are not here: set {variable}=FOLDER to run this test")
    return path
