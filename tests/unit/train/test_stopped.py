"""What fer-train says when Ctrl-C stops it."""

from pathlib import Path

import pytest

from fer_train import cli, run
from fer_train.config import TrainConfig
from fer_train.reported import reported
from fer_train.run_folder import CHECKPOINT


@pytest.mark.parametrize("epochs", [0, 1])
def test_ctrl_c_tells_how_to_go_on_once_there_is_something_to_go_on_with(
    epochs: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def stopped(settings: TrainConfig, folder: Path, *_: object, **__: object) -> None:
        for _epoch in range(epochs):
            (folder / CHECKPOINT).touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "run_training", stopped)
    with pytest.raises(KeyboardInterrupt):
        cli._train(TrainConfig(), tmp_path, resume=False, devices="1", quiet=False)
    line = f"stopped; to continue: fer-train --out {tmp_path} --resume\n"
    assert capsys.readouterr().err == line * epochs


@pytest.mark.parametrize("part", ["", "fold-1", "seed-3"])
def test_ctrl_c_before_the_first_of_many_trainings_names_no_command(
    part: str, tmp_path: Path
) -> None:
    said: list[str] = []
    with pytest.raises(KeyboardInterrupt), reported(tmp_path, "fer-train again", said.append):
        (tmp_path / part).mkdir(exist_ok=True)
        raise KeyboardInterrupt
    assert said == (["stopped; to continue: fer-train again"] if part else [])
