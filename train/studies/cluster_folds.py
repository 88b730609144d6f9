"""Folds on a Ray cluster of processes, in which workers, a node and the driver are killed.

    PYTHONPATH=core:edge:train:tests .venv-cluster/bin/python train/studies/cluster_folds.py

The folds are trained on a head and three nodes of one core: workers die by SIGKILL, then a node
with what runs there, another one comes, and then the driver dies. The same command with `--resume`
finishes. Then this computer trains them calmly, one after another with one thread. All figures and
every answer have to be equal. Linux only (/proc); about ten minutes of two free cores.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from drawn_faces import drawn_dataset, save_npz
from ray_nodes import exchange_busy_node, kill_one, ray_nodes, until

FER_TRAIN = "import sys; sys.argv[0] = 'fer-train'; import fer_train.start; fer_train.start.main()"
THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
NODES, PATIENCE = 3, 1800.0
"""How many nodes, and how many seconds anything may take."""


def epochs_of(out: Path) -> int:
    """Return how many epochs all folds have so far."""
    files = [file.read_text().splitlines() for file in out.glob("fold-*/history.csv")]
    return sum(len(lines) - 1 for lines in files)


class Driver:
    """A `fer-train folds` that runs, and the lines that it prints."""

    def __init__(self, words: list[str], work: Path, env: dict[str, str]) -> None:
        """Start it."""
        command = [sys.executable, "-c", FER_TRAIN, *words]
        self.process = subprocess.Popen(
            command,
            cwd=work,
            env={**os.environ, **env},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: list[str] = []
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        assert self.process.stderr
        self.lines += list(self.process.stderr)

    def end(self) -> None:
        """Wait for it, and fail unless it did all."""
        self.process.wait()
        self._reading.join()
        assert self.process.returncode == 0, "".join(self.lines)

    def kill(self) -> None:
        """End it by SIGKILL."""
        self.process.kill()
        self.process.wait()
        self._reading.join()


def struck(cluster: Any, driver: Driver, out: Path, kills: int, seconds: float) -> Counter[str]:
    """Kill workers, a node and the driver while folds are trained; return how many."""
    killed, chance = Counter[str](), random.Random(0)
    until(lambda: epochs_of(out) > 0, PATIENCE)
    for _ in range(kills):
        until(lambda: kill_one(cluster, chance), PATIENCE)
        killed["workers"] += 1
        time.sleep(seconds * chance.uniform(0.5, 1.5))
    exchange_busy_node(cluster, PATIENCE)
    killed["nodes"] += 1
    before = epochs_of(out)
    until(lambda: epochs_of(out) > before + 2, PATIENCE)
    assert driver.process.poll() is None, "the folds were done before the driver was killed"
    driver.kill()
    killed["drivers"] += 1
    return killed


def equal(one: Path, other: Path, folds: int) -> bool:
    """Return whether two cross-validations have the same figures and the same answers."""
    texts = [(out / "cross_validation.json").read_text() for out in (one, other)]
    answers = [
        [
            np.load(out / f"fold-{n}" / "out_of_fold.npz")["probabilities"]
            for n in range(1, folds + 1)
        ]
        for out in (one, other)
    ]
    pairs = zip(*answers, strict=True)
    return texts[0] == texts[1] and all(np.array_equal(a, b) for a, b in pairs)


def study(work: Path, asked: argparse.Namespace) -> None:
    """Train twice and compare."""
    save_npz(work / "drawn.npz", drawn_dataset((asked.folds + 4, 3, 2)))
    words = ["--data", "drawn.npz", "--arch", asked.arch, "--epochs", str(asked.epochs)]
    folds, one_thread, out = str(asked.folds), dict.fromkeys(THREADS, "1"), work / "ray"
    with ray_nodes(NODES) as cluster:
        begun, env = time.monotonic(), {"RAY_ADDRESS": cluster.address}
        driver = Driver(["folds", folds, *words, "--on", "ray", "--out", "ray"], work, env)
        try:
            killed = struck(cluster, driver, out, asked.kills, asked.seconds)
        finally:
            driver.kill()
        print(f"killed: {dict(killed)}; {epochs_of(out)} epochs are there", flush=True)
        again = Driver(["folds", "--out", "ray", "--on", "ray", "--resume"], work, env)
        again.end()
    load = os.getloadavg()[0]
    print(f"Ray: {time.monotonic() - begun:.0f} s, load {load:.1f}", flush=True)
    begun = time.monotonic()
    Driver([*words, "--folds", folds, "--out", "local"], work, one_thread).end()
    print(f"local: {time.monotonic() - begun:.0f} s, load {os.getloadavg()[0]:.1f}")
    began_again = [line for line in driver.lines if "it goes on from" in line]
    print(f"jobs that began again in the first call: {len(began_again)}")
    print(f"folds: {asked.folds}, all epochs: {epochs_of(out) == asked.folds * asked.epochs}")
    print(f"figures and answers equal: {equal(work / 'local', out, asked.folds)}")


def main() -> None:
    """Run the study in a temporary folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folds", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--arch", default="fer-nano")
    parser.add_argument("--kills", type=int, default=3, help="Workers that die.")
    parser.add_argument("--seconds", type=float, default=3.0, help="From one to the next.")
    with tempfile.TemporaryDirectory() as folder:
        study(Path(folder), parser.parse_args())


if __name__ == "__main__":
    main()
