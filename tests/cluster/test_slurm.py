"""examples/slurm/score.sh on a Slurm of three nodes, each a network namespace of this computer.

Needs root and Slurm (tests/slurm_nodes.py). `make cluster-test` runs it.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import pytest

pytest.importorskip("pyarrow", reason="make cluster-test has it")
pytest.importorskip("ray", reason="make cluster-test has it")

from pyarrow import parquet

from drawn_faces import draw_scene
from fer_edge.score.manifest import FinishedPieces
from slurm_nodes import Slurm, missing, slurm_nodes

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())
SCRIPT = Path(__file__).parents[2] / "examples" / "slurm" / "score.sh"
COUNT, ENDED = 60, ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL")


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a folder with pictures; its name is short, for sockets, and Slurm hands PATH on."""
    programs = str(Path(sys.executable).parent)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder:
        pictures = Path(folder, "in")
        pictures.mkdir()
        for index in range(COUNT):
            scene = draw_scene("happy", seed=index)
            cv2.imwrite(str(pictures / f"{index:02d}.png"), scene)
        yield Path(folder)


def submit(slurm: Slurm, nodes: int) -> str:
    words = ["sbatch", "--parsable", f"--nodes={nodes}", "--cpus-per-task=1"]
    out = slurm.place / "FACES"
    return slurm.run(*words, SCRIPT, slurm.place / "in", "--out", out, "--piece", "1").strip()


def until(true: Callable[[], bool], seconds: float = 200.0) -> None:
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends, "it does not come"
        time.sleep(0.1)


def test_a_node_and_then_the_job_are_killed_and_the_next_job_goes_on(place: Path) -> None:
    out = place / "FACES"
    with slurm_nodes(place, 3) as slurm:
        job = submit(slurm, 3)
        until(lambda: FinishedPieces(out).sources > 2)
        os.kill(slurm.nodes["n3"], signal.SIGKILL)
        there = FinishedPieces(out).sources
        until(lambda: FinishedPieces(out).sources > there + 2)
        slurm.run("scancel", "--signal=KILL", "--full", job)
        assert slurm.wait(job, 60, ENDED) != "COMPLETED", "it was done before it was killed"
        assert FinishedPieces(out).sources < COUNT
        job = submit(slurm, 2)
        log = place / f"fer-score-{job}.log"
        assert slurm.wait(job, 300, ENDED) == "COMPLETED", log.read_text()
        assert log.read_text().endswith(f"{COUNT} sources: {COUNT} faces\n")
    sources = [row["source"] for row in parquet.read_table(out / "faces").to_pylist()]
    assert sorted(sources) == sorted(map(str, (place / "in").iterdir()))
