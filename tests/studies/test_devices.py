"""One training shared by several devices is the training of one; JAX on virtual CPU devices.

Needs JAX (`make studies-test`). Each test trains in processes of its own: the backend and the
number of virtual devices are chosen before Keras is imported.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("jax", reason="JAX is not installed: make studies-test")

TESTS = Path(__file__).parents[1]
pytestmark = pytest.mark.slow
LEAN = """
import runpy, sys
from fer_train.backend import import_keras
import_keras()
sys.argv.pop(0)
runpy.run_path(sys.argv[0], run_name="__main__")
"""
"""Runs a file with Keras imported as fer-train does, in half the time."""
FEW_PASSES = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
"""XLA compiles in less time to slower code, which a tiny network does not notice."""


def start(devices: int, *runs: object, **env: str) -> subprocess.Popen[str]:
    """Start a process with so many virtual devices; `runs` are FOLDER, DEVICES, EPOCHS each."""
    chosen = {
        "KERAS_BACKEND": "jax",
        "XLA_FLAGS": f"{FEW_PASSES} --xla_force_host_platform_device_count={devices}",
        "PYTHONPATH": str(TESTS),
    }
    return subprocess.Popen(
        [sys.executable, "-c", LEAN, str(TESTS / "shared_training.py"), *map(str, runs)],
        env={**os.environ, **chosen, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> str:
    """Return what a process said in the end; fail with its errors."""
    try:
        said, complained = process.communicate(timeout=300)
    finally:
        process.kill()
    assert process.returncode == 0, complained[-3000:]
    return said


def assert_same(folder: Path, other: Path) -> None:
    """Fail unless two checkpoints hold the same training, but for the rounding of sums."""
    with np.load(folder / "checkpoint.npz") as a, np.load(other / "checkpoint.npz") as b:
        assert sorted(a.files) == sorted(b.files)
        for name in set(a.files) - {"facts"}:
            np.testing.assert_allclose(a[name], b[name], atol=2e-6, err_msg=name)
        histories = [json.loads(str(each["facts"]))["history"] for each in (a, b)]
    for row, same in zip(*histories, strict=True):
        for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
            assert row[name] == pytest.approx(same[name], abs=2e-6), (name, row["epoch"])


def test_two_devices_train_as_one_and_take_each_others_checkpoints(tmp_path: Path) -> None:
    one, two, first_two, first_one = (tmp_path / name for name in ("1", "2", "21", "12"))
    runs = [one, 1, 4, two, "all", 4]
    runs += [first_two, "all", 2, first_two, 1, 4, first_one, 1, 2, first_one, "2", 4]
    said = ended(start(2, *runs))
    assert [line.split("on ")[1] for line in said.splitlines()] == [
        f"{{{count}}} devices" for count in (1, 2, 2, 1, 1, 2)
    ]
    for other in (two, first_two, first_one):
        assert_same(one, other)


def test_two_processes_of_two_devices_train_as_one(tmp_path: Path) -> None:
    """They find each other by Slurm's variables, as two tasks of one step do."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    step = {
        "SLURM_JOB_ID": "1",
        "SLURM_STEP_NODELIST": "127.0.0.1",
        "SLURM_NTASKS": "2",
        "SLURM_STEP_NUM_TASKS": "2",
        "SLURM_STEP_NUM_NODES": "1",
        "JAX_COORDINATOR_PORT": port,
        "JAX_COORDINATOR_BIND_ADDRESS": f"127.0.0.1:{port}",
    }
    runs = [tmp_path / "many", "all", 2, tmp_path / "many", "all", 4]
    tasks = [start(2, *runs, **step, SLURM_PROCID=i, SLURM_LOCALID=i) for i in "01"]
    for said in map(ended, tasks):
        assert said.count("weights on {4} devices") == 2
    ended(start(1, tmp_path / "one", 1, 4))
    assert_same(tmp_path / "one", tmp_path / "many")
