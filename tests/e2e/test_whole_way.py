"""From drawn faces to a benchmark, through the four installed commands."""

import csv
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import tomllib

from commands import call, call_here, command_path
from drawn_faces import draw_scene, drawn_dataset, save_npz, save_video
from fer_core.bundle import ModelBundle

pytestmark = pytest.mark.slow

RUN_FILES = {
    "checkpoint.npz",
    "config.toml",
    "model.keras",
    "model.h5",
    "history.csv",
    "metrics.json",
    "report.txt",
    "curves.png",
    "confusion.png",
    "feature_maps.png",
    "mistakes.png",
    "tensorboard",
}

THREADED = {"TF_NUM_INTRAOP_THREADS": "0", "TF_NUM_INTEROP_THREADS": "0"}
"""As many threads as there are cores, as users have them: their order must change no sum."""


def test_train_convert_edge_bench(tmp_path: Path) -> None:
    data = save_npz(tmp_path / "drawn.npz", drawn_dataset((20, 10, 10)))
    trained = call(
        "fer-train", "--data", data, "--arch", "fer-nano", "--epochs", 2, "--batch-size", 16,
        "--out", "runs/drawn", cwd=tmp_path,
    )  # fmt: skip
    run = tmp_path / "runs" / "drawn"
    assert {path.name for path in run.iterdir()} == RUN_FILES
    assert "epoch   2/2" in trained.stderr
    assert "augmentation" in trained.stderr
    assert "run folder: " in trained.stdout
    history = list(csv.DictReader((run / "history.csv").read_text().splitlines()))
    assert [row["epoch"] for row in history] == ["1", "2"]
    assert float(history[1]["augmentation_share"]) < 0.5
    assert tomllib.loads((run / "config.toml").read_text())["epochs"] == 2

    converted = call(
        "fer-convert",
        "--int8",
        "--float32",
        "--calibration-samples",
        70,
        "--max-drop",
        100,
        "--layer-errors",
        cwd=tmp_path,
    )
    assert "SQNR dB" in converted.stdout
    assert (run / "drawn-int8-layers.png").exists()
    assert converted.stdout.splitlines()[-1].endswith("drawn-int8.tflite")
    bundle = ModelBundle.load(run / "drawn-int8.tflite")
    assert len(bundle.manifest.provenance["calibration_rows"]) == 70
    signed = call_here("fer-edge", "models", "verify", bundle.path, cwd=tmp_path)
    assert f"{bundle.path}: signed by you " in signed.stdout
    verified = call_here(
        "fer-convert", "--verify", bundle.path, "--data", data, "--max-drop", 100, cwd=tmp_path
    )
    assert "flips (recorded: " in verified.stdout
    assert "1 RESHAPE" in call_here("fer-convert", bundle.path, cwd=tmp_path).stdout

    clip = save_video(tmp_path / "clip.mp4", [draw_scene("happy")] * 5)
    seen = call("fer-edge", "--video", clip, "--model", bundle.path, "--json", "-", cwd=tmp_path)
    assert len(seen.stdout.splitlines()) == 5

    call_here(
        "fer-bench", bundle.path, "--data", data, "--quick", "--out", "results/drawn", cwd=tmp_path
    )
    results = json.loads((tmp_path / "results" / "drawn" / "results.json").read_text())
    (model,) = results["models"]
    assert model["count"] == 70
    assert isinstance(model["label_flips"], int)  # the float32 bundle lies beside it


@pytest.mark.skipif(os.name == "nt", reason="kill -9 is POSIX")
def test_a_killed_run_resumes_bit_equal(tmp_path: Path) -> None:
    data = save_npz(tmp_path / "drawn.npz", drawn_dataset((20, 4, 1)))
    options = ("--data", data, "--arch", "fer-nano", "--epochs", 3, "--batch-size", 20)
    call("fer-train", *options, "--out", "whole", cwd=tmp_path, **THREADED)
    command = [command_path("fer-train"), *map(str, options), "--out", "killed"]
    running = subprocess.Popen(
        command, cwd=tmp_path, env={**os.environ, **THREADED}, stdout=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 300
    while not (tmp_path / "killed" / "checkpoint.npz").exists():
        assert running.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    call("fer-train", "--out", "killed", "--resume", cwd=tmp_path, **THREADED)
    whole, killed = (np.load(tmp_path / run / "checkpoint.npz") for run in ("whole", "killed"))
    with whole, killed:
        assert whole.files == killed.files
        for name in whole.files:
            assert name == "facts" or np.array_equal(whole[name], killed[name]), name
    assert (tmp_path / "whole/model.h5").read_bytes() == (tmp_path / "killed/model.h5").read_bytes()


def test_wrong_inputs_get_a_clear_error_and_exit_1(tmp_path: Path) -> None:
    def error(name: str, *arguments: object, code: int = 1) -> str:
        return call_here(name, *arguments, cwd=tmp_path, code=code, FER2013="").stderr

    save_npz(tmp_path / "drawn.npz", drawn_dataset((2, 1, 1)))
    (tmp_path / "bad.toml").write_text("epoch = 3\n")
    (tmp_path / "runs" / "old").mkdir(parents=True)
    (tmp_path / "runs" / "old" / "checkpoint.npz").write_bytes(b"")
    assert "no data set: give --data PATH" in error("fer-train")
    assert "there are a-regularised" in error(
        "fer-train", "--data", "drawn.npz", "--arch", "lenet", code=2
    )
    assert "the nearest known one is 'epochs'" in error("fer-train", "--config", "bad.toml")
    assert "holds a run already" in error("fer-train", "--out", "runs/old")
    assert "no checkpoint to resume" in error("fer-train", "--out", "new", "--resume")
    assert "continues with its own settings" in error(
        "fer-train", "--out", "runs/old", "--resume", "--epochs", 3, code=2
    )
    assert "no finished run in runs" in error("fer-convert", "--int8")
    assert "there is no model at absent.keras" in error("fer-convert", "absent.keras")
    assert "absent.tflite: No such file" in error("fer-bench", "absent.tflite")
    assert not (tmp_path / "results").exists()
