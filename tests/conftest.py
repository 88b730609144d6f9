"""What several tests need."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fer_core.bundle import ModelBundle
from fer_edge.inference.models import load_model

_SHARED = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def nano() -> ModelBundle:
    """The smallest shipped model."""
    return load_model("fer-nano")


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
