"""`fer-bench --on ray` on a real cluster of processes. `make cluster-test` runs it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray", reason="make cluster-test has it")

from commands import call
from drawn_faces import drawn_dataset, save_npz
from fer_edge.inference.models import shipped_models
from ray_nodes import ray_nodes


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with ray_nodes(2) as nodes:
        yield nodes


def test_a_cluster_judges_as_this_computer_does(cluster: Any, tmp_path: Path) -> None:
    save_npz(tmp_path / "drawn.npz", drawn_dataset((2, 1, 6)))
    models = [shipped_models()[name] for name in ("fer-nano", "fer-small")]
    words = ("fer-bench", *models, "--data", "drawn.npz", "--robustness", "--out")
    there = call(*words, "there", "--on", "ray", cwd=tmp_path, RAY_ADDRESS=cluster.address)
    assert "evaluated fer-small-int8.tflite" in there.stderr
    assert "latency, load time and memory: not measured" in there.stdout
    call(*words, "here", "--quick", cwd=tmp_path)
    found = [json.loads((tmp_path / out / "results.json").read_text()) for out in ("there", "here")]
    assert found[0]["data_fingerprint"] == found[1]["data_fingerprint"]
    for ours, theirs in zip(found[1]["models"], found[0]["models"], strict=True):
        assert theirs["latency_ms"] is None
        assert "load_ms" not in theirs
        for key in ("name", "accuracy", "ece", "confusion", "robustness", "per_class"):
            assert theirs[key] == ours[key]
        assert theirs["accuracy_test_time_augmentation"] is not None  # here --quick leaves it out
