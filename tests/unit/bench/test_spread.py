"""Accuracy on a cluster that a stand-in plays, against that on this computer."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench_results import bare_model, evaluated_model, stored
from commands import call_here
from drawn_faces import drawn_dataset, save_npz
from fer_bench import spread
from fer_bench.accuracy import TestPictures
from fer_bench.bench import run_benchmark
from fer_bench.compare import Tolerance, compare_results
from fer_bench.contribute import reference_folder
from fer_bench.judging import Extent
from fer_bench.markdown import markdown_report
from fer_bench.report import results_table
from fer_bench.results import Results
from fer_bench.spread import TestData, judge_on_node, spread_accuracy
from fer_core.errors import FerError
from fer_core.ray_cluster import Lost
from fer_edge.inference.models import shipped_models
from stand_in_cluster import StandInCluster

EXTENT = Extent(quick=True, robustness=True)


class FakeCluster(StandInCluster):
    """Runs each task as it is waited for, unless its worker is to die first."""

    def __init__(self, deaths: dict[str, int]) -> None:
        super().__init__()
        self.deaths, self.begun = Counter(deaths), Counter[str]()

    def require_worker(self, how: Any, task: None) -> None:
        judge_on_node(how, task)

    def places(self) -> int:
        return 2

    def submit(self, task: Any, how: Any, same: Any) -> None:
        assert same is task
        self.flying.append((task, how))

    def ended(self, seconds: float) -> list[tuple[Any, Any]]:
        task, how = self.flying.pop(0)
        self.begun[task.path.stem] += 1
        if self.deaths[task.path.stem]:
            self.deaths[task.path.stem] -= 1
            return [(task, Lost("its worker died"))]
        return [(task, judge_on_node(how, task))]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    spread._pictures.cache_clear()
    return save_npz(tmp_path / "drawn.npz", drawn_dataset((2, 1, 3)))


def spread_over(
    cluster: FakeCluster, data: Path, monkeypatch: pytest.MonkeyPatch, *paths: Path
) -> Results:
    monkeypatch.setattr(spread, "Cluster", cluster)
    return spread_accuracy(
        paths, TestPictures(data), None, EXTENT, "ray", "fer-bench", lambda line: None
    )


def test_a_cluster_comes_to_the_figures_of_this_computer(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker dies twice; no latency, load time or memory is among the figures."""
    nano = shipped_models()["fer-nano"]
    cluster = FakeCluster({nano.stem: 2})
    there = spread_over(cluster, data, monkeypatch, nano)
    here = run_benchmark([nano], TestPictures(data), None, EXTENT, "", lambda line: None).results
    (ours,), (theirs,) = here.models, there.models
    timeless = dict.fromkeys(("latency_ms", "conditions", "process"))
    bare = replace(ours, latency_by_threads_ms={}, latency_without_xnnpack_ms=None, **timeless)
    assert theirs == bare
    assert theirs.evaluation
    assert (there.data, there.data_fingerprint) == (here.data, here.data_fingerprint)
    assert cluster.begun[nano.stem] == 3
    assert cluster.closed
    text = results_table(there)
    assert "latency, load time and memory: not measured" in text
    assert "p50" not in text
    assert "NOISY" not in text
    assert Results.from_json(there.to_json()) == there
    changes = {
        change.figure: change.verdict for change in compare_results(here, there, Tolerance())
    }
    assert changes["accuracy"] == "same"
    assert changes["latency, p50 ms"] == "not judged"


def test_a_model_whose_worker_dies_each_time_has_failed(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nano, small = (shipped_models()[name] for name in ("fer-nano", "fer-small"))
    results = spread_over(FakeCluster({nano.stem: 9}), data, monkeypatch, nano, small)
    assert [(each.name, each.error) for each in results.failed] == [
        ("fer-nano-int8", "its worker died")
    ]
    assert [model.name for model in results.models] == ["fer-small-int8"]
    with pytest.raises(FerError, match="no model could be measured: fer-nano-int8: its worker"):
        spread_over(FakeCluster({nano.stem: 9}), data, monkeypatch, nano)


def test_a_node_that_would_judge_otherwise_is_named(data: Path, tmp_path: Path) -> None:
    right = TestData.of(TestPictures(data))
    other = save_npz(tmp_path / "other.npz", drawn_dataset((2, 1, 2)))
    for wrong, words in (
        (replace(right, runtime="LiteRT 1"), "and this computer LiteRT 1: another runtime"),
        (replace(right, data=tmp_path / "gone.npz"), r"does not see .*gone\.npz"),
        (replace(right, votes=tmp_path / "votes.csv"), r"does not see .*votes\.csv"),
        (replace(right, data=other), r"has other pictures or labels at .*other\.npz"),
    ):
        with pytest.raises(FerError, match=f"the node .* {words}" if "see" in words else words):
            judge_on_node((wrong, EXTENT), None)
    assert judge_on_node((right, EXTENT), None) == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--on", "ray", "--steady", "5"), "--steady measures times, and others share the nodes"),
        (("--on", "ray", "--video", "a.avi"), "--video measures times"),
        (("--on", "ray://head", "--rival", "fer"), "--rival measures times"),
        (("--on", "local:2"), "one model is measured after another"),
        (("--on", "ray"), "--on goes with the pictures of --data"),
        (("--on", "cloud"), "--on must be local, local:N, ray or ray://HEAD:PORT"),
    ],
)
def test_what_a_shared_node_does_not_measure_is_refused(
    words: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FER2013", raising=False)
    done = call_here("fer-bench", *words, cwd=tmp_path, code=2)
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_results_without_latency_are_shown_beside_others() -> None:
    mixed = stored(evaluated_model(latency_ms=None), bare_model())
    text = markdown_report(mixed)
    assert "latency, load time and memory: not measured" in text
    with pytest.raises(FerError, match="has no latency"):
        reference_folder(mixed, Path("reference"))
