"""The study of ideas with seeds: it trains, continues, and says mean and deviation."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from screens import table

from drawn_faces import drawn_dataset, save_npz

STUDY = Path(__file__).parents[2] / "train" / "studies" / "screens.py"


def screens(folder: Path, *options: object) -> subprocess.CompletedProcess[str]:
    """Run the study on the drawn faces of a folder."""
    files = ("--data", "drawn.npz", "--elsewhere", "drawn.npz", "--out", "figures.json")
    call = [sys.executable, STUDY, "runs", *files, "--epochs", 1, *options]
    words = [str(word) for word in call]
    return subprocess.run(
        words, cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.mark.slow
def test_ideas_are_trained_once_and_tabled(tmp_path: Path) -> None:
    save_npz(tmp_path / "drawn.npz", drawn_dataset())
    ideas = ("--only", "baseline", "squeeze-excite")
    done = screens(tmp_path, *ideas)
    assert done.returncode == 0, done.stderr
    assert "squeeze-excite: 63,529 parameters, 1 epoch" in done.stdout
    rows = json.loads((tmp_path / "figures.json").read_text())
    assert [(row["idea"], row["seed"], row["epochs"]) for row in rows] == [
        ("baseline", 1, 1),
        ("squeeze-excite", 1, 1),
    ]
    assert all(set(row["figures"]) == {"PublicTest", "drawn"} for row in rows)

    shutil.rmtree(tmp_path / "runs")
    again = screens(tmp_path, *ideas)
    assert again.stdout.strip() == table(rows)
    assert json.loads((tmp_path / "figures.json").read_text()) == rows


@pytest.mark.slow
def test_a_run_folder_of_other_settings_is_refused(tmp_path: Path) -> None:
    save_npz(tmp_path / "drawn.npz", drawn_dataset())
    run = tmp_path / "runs" / "mixup-1"
    run.mkdir(parents=True)
    (run / "config.toml").write_text('arch = "fer-nano"\nmixup = 0.4\n')
    refused = screens(tmp_path, "--only", "mixup")
    assert refused.returncode != 0
    assert "holds the training of another sweep" in refused.stderr


def test_the_table_says_mean_and_deviation_in_percent() -> None:
    rows = [
        {"idea": "mixup", "figures": {"PublicTest": 0.64, "ck48": 0.7}},
        {"idea": "baseline", "figures": {"PublicTest": 0.62, "ck48": 0.71}},
        {"idea": "mixup", "figures": {"PublicTest": 0.66, "ck48": 0.76}},
    ]
    assert table(rows).splitlines() == [
        "| idea | seeds | PublicTest | ck48 |",
        "|---|---:|---:|---:|",
        "| baseline | 1 | 62.0 | 71.0 |",
        "| mixup | 2 | 65.0 ± 1.4 | 73.0 ± 4.2 |",
    ]
