"""Keras files that a trial in a process of its own refuses."""

from __future__ import annotations

import zipfile
from pathlib import Path

import keras
import pytest

from fer_core.errors import FerError
from fer_train import keras_trial
from fer_train.keras_trial import try_keras_file
from fer_train.transfer import load_keras_model


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A .keras file of no run."""
    layers = [keras.Input((48, 48, 1)), keras.layers.Flatten(), keras.layers.Dense(7)]
    keras.Sequential(layers).save(tmp_path / "model.keras")
    return tmp_path / "model.keras"


def test_a_model_that_declares_more_memory_than_there_is_is_refused(
    file: Path, tmp_path: Path
) -> None:
    huge = tmp_path / "huge.keras"
    with zipfile.ZipFile(file) as held, zipfile.ZipFile(huge, "w") as written:
        for name in held.namelist():
            written.writestr(name, held.read(name).replace(b'"units": 7', b'"units": 7000000'))
        written.writestr("assets/more.txt", "Keras unpacks files of more than three parts")
    with pytest.raises(FerError, match=r"huge.keras declares a model of more than 4 GB"):
        load_keras_model(huge)


def test_a_file_that_takes_too_long_is_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras_trial, "WAIT_SECONDS", 0.2)
    with pytest.raises(FerError, match=r"loading .*model.keras does not answer within 0.2 seconds"):
        load_keras_model(file)


def test_a_whole_file_passes(file: Path) -> None:
    try_keras_file(file)
