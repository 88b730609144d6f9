"""What a command prints when its training is done."""

from pathlib import Path

import pytest

from fer_core.files import write_text
from fer_core.text import forgive_names_on_paper
from fer_train import cli, run
from fer_train.config import TrainConfig
from fer_train.reported import reported

NAME = "fr\udcf6hlich"
"""A class folder of Latin-1, as Python names it."""


def test_a_class_may_have_a_name_that_is_not_utf8(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def done(settings: TrainConfig, folder: Path, *_: object, **__: object) -> None:
        write_text(folder / "report.txt", f"{NAME} 0.5\n")

    forgive_names_on_paper()  # as every command does
    monkeypatch.setattr(run, "run_training", done)
    cli._train(TrainConfig(), tmp_path, resume=False, devices="1", quiet=False)
    line = f"fr?hlich 0.5\nrun folder: {tmp_path}\n"
    assert capsys.readouterr().out == line
    with reported(tmp_path, "again", lambda line: None):
        pass
    assert capsys.readouterr().out == line
