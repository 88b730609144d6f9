"""`fer-edge score --on ray` on a real cluster of processes. `make cluster-test` runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest

pytest.importorskip("pyarrow", reason="make cluster-test has it")
pytest.importorskip("ray", reason="make cluster-test has it")

from pyarrow import parquet

from commands import call_here, command_path
from drawn_faces import draw_scene
from fer_core.errors import FerError
from fer_edge.score.ray_pool import RayPool
from fer_edge.score.worker import Scoring
from ray_nodes import exchange_busy_node, kill_one, ray_nodes, until
from score_works import Nothing

pytestmark = pytest.mark.ray
TESTS = Path(__file__).parents[1]
COUNT = 120


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    before = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = f"{TESTS}{os.pathsep}{before}"  # workers load stand-ins from there
    try:
        with ray_nodes(2) as nodes:
            yield nodes
    finally:
        os.environ["PYTHONPATH"] = before


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("in")
    for index in range(COUNT):
        label = ("happy", "sad", "surprise", "neutral")[index % 4]
        cv2.imwrite(str(folder / f"{index:03d}.png"), draw_scene(label, seed=index // 4))
    (folder / "bad.jpg").write_text("no picture")
    return folder


def rows(out: Path) -> list[dict[str, Any]]:
    return sorted(
        parquet.read_table(out / "faces").to_pylist(),
        key=lambda row: (row["source"], row["frame"], str(row["box"])),
    )


def covered(out: Path) -> Counter[int]:
    lines = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]
    return Counter(n for line in lines for n in range(line["first"], line["first"] + line["count"]))


def test_workers_a_node_and_the_driver_are_killed(
    cluster: Any, place: Path, tmp_path: Path
) -> None:
    call_here("fer-edge", "score", place, "--out", "whole", "--on", "local:1", cwd=tmp_path)
    out, env = tmp_path / "out", {**os.environ, "RAY_ADDRESS": cluster.address}
    command = [command_path("fer-edge"), "score", str(place), "--out", str(out)]
    command += ["--on", "ray", "--piece", "3"]
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True) as driver:
        until((out / "faces").exists)
        until(lambda: kill_one(cluster))
        exchange_busy_node(cluster)
        written = sum(covered(out).values())
        until(lambda: sum(covered(out).values()) > written)
        driver.kill()
    assert sum(covered(out).values()) < COUNT + 1, "it was done before it was killed"
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=200, check=True)
    assert done.stdout == f"{COUNT + 1} sources: {COUNT} faces, 1 error ({out}/errors.parquet)\n"
    assert rows(out) == rows(tmp_path / "whole")
    assert covered(out) == Counter(range(COUNT + 1))


def pool_on(cluster: Any, monkeypatch: pytest.MonkeyPatch, work: Any) -> None:
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    pool = RayPool(work, "ray")
    pool.close()


def test_a_folder_that_nodes_do_not_see_is_named(
    cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(FerError, match="--out must be a folder that all nodes share"):
        pool_on(cluster, monkeypatch, Scoring("/not/shared", "haar", 1.0))


def test_workers_without_the_package_are_told_how_to_get_it(
    cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A class that only this process can import stands for the package."""
    module = type(sys)("only_here")
    monkeypatch.setitem(sys.modules, "only_here", module)
    kind = type("Work", (Nothing,), {"__module__": "only_here"})
    module.Work = kind
    with pytest.raises(FerError, match=r"cannot load this package.*ray job submit --runtime-env"):
        pool_on(cluster, monkeypatch, kind())


def test_an_unreachable_head_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    for address, code, said in (
        ("ray://127.0.0.1:9", 1, "no Ray answers at 127.0.0.1:9"),
        ("ray://", 2, "--on must be local, local:N, ray or ray://HEAD:PORT"),
        ("ray://host:port", 2, "--on must be local, local:N, ray or ray://HEAD:PORT"),
    ):
        words = ("score", "a.jpg", "--out", "F", "--on", address)
        assert said in call_here("fer-edge", *words, cwd=tmp_path, code=code).stderr
    words = ("score", "a.jpg", "--out", "F", "--on", "ray")
    done = call_here("fer-edge", *words, cwd=tmp_path, code=1, RAY_ADDRESS="127.0.0.1:9")
    assert "no Ray answers at 127.0.0.1:9" in done.stderr


def test_another_ray_at_the_head_is_named(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ray.__version__", "2.1.0")
    with pytest.raises(FerError, match=r"cannot join the cluster .*2\.1\.0"):
        pool_on(cluster, monkeypatch, Nothing())
