"""`fer-train folds --on ray` on a real cluster of processes. `make cluster-test` runs it."""

from __future__ import annotations

import csv
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray", reason="make cluster-test has it")
pytest.importorskip("keras", reason="make cluster-test has it")

from commands import call, command_path
from drawn_faces import drawn_dataset, save_npz
from fer_core.errors import FerError
from fer_core.pools import Place
from fer_train.jobs.pools import Where, make_pool
from ray_nodes import busy_workers, exchange_busy_node, kill_one, ray_nodes, until

EPOCHS, PATIENCE = 12, 1200.0
OPTIONS = ("--data", "drawn.npz", "--arch", "b", "--epochs", str(EPOCHS), "--batch-size", "8")
THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with ray_nodes(2) as nodes:
        yield nodes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_npz(tmp_path / "drawn.npz", drawn_dataset((6, 3, 2)))
    return tmp_path


def epochs_of(fold: Path) -> int:
    """Return how many epochs a fold has so far."""
    file = fold / "history.csv"
    return len(file.read_text().splitlines()) - 1 if file.exists() else 0


def test_a_worker_a_node_and_the_driver_are_killed(cluster: Any, folder: Path) -> None:
    calm = call(
        *("fer-train", "--folds", 2, *OPTIONS, "--out", "local"),
        cwd=folder,
        **dict.fromkeys(THREADS, "1"),
    )
    folds = [folder / "ray" / f"fold-{number}" for number in (1, 2)]
    env = {**os.environ, "RAY_ADDRESS": cluster.address}
    words = [command_path("fer-train"), "folds", "2", *OPTIONS, "--on", "ray", "--out", "ray"]
    with subprocess.Popen(words, cwd=folder, env=env, stderr=subprocess.PIPE, text=True) as driver:
        assert driver.stderr
        until(lambda: any(epochs_of(fold) > 1 for fold in folds), PATIENCE)
        until(lambda: kill_one(cluster), PATIENCE)
        lines = iter(driver.stderr.readline, "")
        assert any("it continues from" in line for line in lines)
        exchange_busy_node(cluster, PATIENCE)
        assert any("it continues from" in line for line in lines)
        until(lambda: bool(busy_workers(cluster)), PATIENCE)
        driver.kill()
    assert not all((fold / "metrics.json").exists() for fold in folds), "it was done before"
    again = call("fer-train", "folds", "--out", "ray", "--on", "ray", "--resume", cwd=folder, **env)
    assert again.stdout == calm.stdout.replace("local", "ray")
    for fold in folds:
        assert epochs_of(fold) == EPOCHS
    facts = [(folder / out / "cross_validation.json").read_text() for out in ("local", "ray")]
    assert facts[0] == facts[1]


def test_a_sweep_is_tried_on_the_cluster(cluster: Any, folder: Path) -> None:
    (folder / "space.toml").write_text(
        'arch = "b"\ndata = "drawn.npz"\nepochs = 2\nbatch_size = 8\n'
        "[learning_rate]\nlow = 0.001\nhigh = 0.01\nlog = true\n"
    )
    words = ("sweep", "space.toml", "--out", "tried", "--budget", "2", "--on", "ray")
    done = call("fer-train", *words, cwd=folder, RAY_ADDRESS=cluster.address)
    assert "Ray: 2 jobs at a time now, each with 1 core, 2 GB of memory" in done.stderr
    with (folder / "tried" / "trials.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["state"] for row in rows] == ["complete", "complete"]
    metrics = json.loads((folder / "tried" / "trials" / "0001" / "metrics.json").read_text())
    assert metrics["computed_on"] == "CPU with tensorflow"


def test_an_ensemble_is_trained_on_the_cluster(cluster: Any, folder: Path) -> None:
    words = ("ensemble", "2", *OPTIONS, "--epochs", "1", "--out", "seeds", "--on", "ray")
    done = call("fer-train", *words, cwd=folder, RAY_ADDRESS=cluster.address)
    assert "2 networks on the validation split" in done.stdout
    assert json.loads((folder / "seeds" / "ensemble.json").read_text())["seeds"] == [1, 2]


def test_a_job_that_no_node_bears_is_named(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    monkeypatch.setattr("fer_core.ray_cluster._FIRST_SECONDS", 3.0)
    where = Where(Place(cluster="ray"), cores=64)
    with pytest.raises(FerError, match=r"a task takes 64 cores.*perhaps all are taken"):
        make_pool(where, tmp_path, 1, print, print)
