from pathlib import Path

import pytest

from fer_train.config import TrainConfig
from fer_train.run_folder import settled


def test_paths_of_a_settings_file_are_relative_to_it(tmp_path: Path) -> None:
    config = settled(TrainConfig(data="faces", teacher="soft.npz"), tmp_path)
    assert config.data == str(tmp_path / "faces")
    assert config.teacher == str(tmp_path / "soft.npz")


def test_the_usual_place_is_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FER2013", str(tmp_path / "fer2013.npz"))
    assert settled(TrainConfig(), Path()).data == str(tmp_path / "fer2013.npz")
    assert settled(TrainConfig(), Path()).teacher == ""
