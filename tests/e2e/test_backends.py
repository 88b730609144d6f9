"""Keras's other backends train the same: the figures of each epoch are those of TensorFlow."""

import csv
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from drawn_faces import drawn_dataset, save_npz

pytestmark = pytest.mark.slow

TRAIN = "from fer_train.cli import main; main()"
RECIPE = """
precision = "float32"
batch_size = 28
learning_rate = 0.02
warmup_epochs = 0
frozen_epochs = 1
ema_decay = 0.9
class_weights = true
erasing = 0.2
"""


def history(tmp_path: Path, data: Path, backend: str) -> list[dict[str, float]]:
    """Fine-tune fer-nano for four epochs on a backend; return the rows of history.csv."""
    out = tmp_path / backend
    (tmp_path / "recipe.toml").write_text(RECIPE)
    arguments = ["--config", tmp_path / "recipe.toml", "--data", data, "--init", "fer-nano"]
    arguments += ["--epochs", 4, "--out", out]
    done = subprocess.run(
        [sys.executable, "-c", TRAIN, *map(str, arguments)],
        cwd=tmp_path,
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert f'"backend": "{backend}"' in (out / "metrics.json").read_text()
    rows = csv.DictReader((out / "history.csv").read_text().splitlines())
    return [{name: float(value) for name, value in row.items()} for row in rows]


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_another_backend_gives_the_same_curve(backend: str, tmp_path: Path) -> None:
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed: pip install {backend}")
    data = save_npz(tmp_path / "drawn.npz", drawn_dataset((12, 4, 1)))
    usual, other = (history(tmp_path, data, name) for name in ("tensorflow", backend))
    assert usual[-1]["loss"] < 0.5 * usual[0]["loss"]
    for row, same in zip(usual, other, strict=True):
        assert same["loss"] == pytest.approx(row["loss"], abs=0.005)
        assert same["val_loss"] == pytest.approx(row["val_loss"], abs=0.02)
        assert same["accuracy"] == pytest.approx(row["accuracy"], abs=0.04)
