"""Jobs on a real cluster of processes whose workers, a node and the driver die, without Keras."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray", reason="make cluster-test has it")
pytest.importorskip("keras", reason="make cluster-test has it")

from fer_train.run_facts import accuracies
from ray_nodes import busy_workers, exchange_busy_node, kill_one, ray_nodes, until
from stepping_jobs import EPOCHS, jobs_in

TESTS = Path(__file__).parents[1]
PATIENCE = 600.0


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    before = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = f"{TESTS}{os.pathsep}{before}"  # workers load the jobs from there
    try:
        with ray_nodes(2) as nodes:
            yield nodes
    finally:
        os.environ["PYTHONPATH"] = before


def test_jobs_go_on_from_their_last_epoch(cluster: Any, tmp_path: Path) -> None:
    start = "import stepping_jobs; stepping_jobs.main()"  # so that workers import it, too
    command = [sys.executable, "-c", start, str(tmp_path)]
    env, jobs = {**os.environ, "RAY_ADDRESS": cluster.address}, jobs_in(tmp_path)
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout
        lines = iter(driver.stdout.readline, "")
        assert next(lines).startswith("Ray: 2 jobs at a time now, each with 1 core")
        assert any(": epoch" in line for line in lines)
        until(lambda: kill_one(cluster), PATIENCE)
        assert any("it continues from" in line for line in lines)
        exchange_busy_node(cluster, PATIENCE)
        assert any("it continues from" in line for line in lines)
        until(lambda: bool(busy_workers(cluster)), PATIENCE)
        driver.kill()
    before = [accuracies(job.out) for job in jobs]
    assert not all(len(curve) == EPOCHS for curve in before), "it was done before it was killed"
    assert any(before)
    again = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    for job, curve in zip(jobs, before, strict=True):
        assert accuracies(job.out) == [index / 1000 for index in range(EPOCHS)]
        assert curve == [index / 1000 for index in range(len(curve))]
        assert not (job.out / ".fer-job-lock").exists()
    assert not list(tmp_path.glob(".fer-jobs-*"))
