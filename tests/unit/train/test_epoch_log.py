from pathlib import Path

import pytest

pytest.importorskip("tensorboard")
from fer_train.epoch_log import EpochLog

ROW = {
    "epoch": 1,
    **{f"{part}{name}": 0.5 for part in ("", "val_") for name in ("loss", "accuracy")},
    **{f"{part}{name}": 0.5 for part in ("", "val_") for name in ("precision", "recall")},
}


def test_logs_of_a_run_that_has_nothing_left_to_do_stay(tmp_path: Path) -> None:
    with EpochLog(tmp_path) as log:
        log.write([ROW])
    (written,) = tmp_path.glob("events.out.tfevents.*")
    held = written.read_bytes()
    with EpochLog(tmp_path):
        pass
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [held]
