import copy
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from commands import call
from fer_bench.compare import (
    Tolerance,
    changes_table,
    compare_results,
    not_compared,
    require_no_regression,
)
from fer_bench.timing import Latency
from fer_core.errors import FerError

BOARD = {"runtime": "litert 2", "kernels": "xnnpack", "cpu": "EPYC", "cores": 2, "on_a_pi": False}


def results(p50: float = 0.08, spread: float = 0.02, **changed: Any) -> dict[str, Any]:
    model = {
        "name": "fer-nano-int8", "accuracy": 0.6659, "accuracy_interval95": [0.65, 0.68],
        "macro_f1": 0.6229, "file_bytes": 94_000, "confusion": [[2, 1], [0, 3]],
        "per_class": {"glad": {"recall": 0.7}, "sad": {"recall": 1.0}},
        "peak_rss_bytes": 66_000_000, "latency_ms": {"p50": p50, "spread": spread, "runs": 1000},
        "conditions": {"noisy": False}, "parameters": 57_783, "mmacs": 19.4, **changed,
    }  # fmt: skip
    return {
        "schema_version": 1, "command": "fer-bench", "environment": dict(BOARD),
        "data": "fer2013.npz",
        "models": [model],
    }  # fmt: skip


def verdicts(before: dict[str, Any], after: dict[str, Any]) -> dict[str, str]:
    changes = compare_results(before, after, Tolerance())
    return {change.figure.partition(",")[0]: change.verdict for change in changes}


def test_nothing_changed_is_the_same() -> None:
    changes = compare_results(results(), results(), Tolerance())
    assert {change.verdict for change in changes} == {"same"}
    require_no_regression(changes)


@pytest.mark.parametrize(
    ("changed", "figure"),
    [
        ({"p50": 0.095}, "latency"),
        ({"accuracy": 0.6600}, "accuracy"),
        ({"macro_f1": 0.61}, "macro-F1"),
        ({"file_bytes": 110_000}, "file"),
        ({"peak_rss_bytes": 80_000_000}, "peak memory"),
    ],
)
def test_a_planted_regression_is_caught(changed: dict[str, Any], figure: str) -> None:
    changes = compare_results(results(), results(**changed), Tolerance())
    worse = [change for change in changes if change.verdict == "REGRESSION"]
    assert [change.figure.partition(",")[0] for change in worse] == [figure]
    with pytest.raises(FerError, match=f"worse than tolerated: {figure}"):
        require_no_regression(changes)
    assert verdicts(results(**changed), results())[figure] == "better"
    assert "REGRESSION" in changes_table(changes)


def two_runs(rng: np.random.Generator, ratio: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return results of a noisy machine: turns differ by 5 %, the second run by `ratio` more."""
    latencies = [
        Latency.of([p50 * rng.normal(rng.normal(1, 0.05), 0.02, 200) for _ in range(5)])
        for p50 in (0.08, 0.08 * ratio)
    ]
    before, after = (results(each.p50, each.spread) for each in latencies)
    return before, after


def test_noise_is_not_a_regression_and_a_slower_model_is() -> None:
    rng = np.random.default_rng(0)
    same = [verdicts(*two_runs(rng, 1.0))["latency"] for _ in range(100)]
    assert same.count("same") >= 90
    assert same.count("REGRESSION") <= 1
    slower = [verdicts(*two_runs(rng, 1.25))["latency"] for _ in range(100)]
    assert slower.count("REGRESSION") >= 90
    assert verdicts(results(), results(0.085))["latency"] == "worse"  # within the tolerance


def test_a_bad_moment_hides_nothing() -> None:
    changes = compare_results(results(), results(0.2, conditions={"noisy": True}), Tolerance())
    with pytest.raises(FerError, match=r"bad moment, measure anew: latency, .* \(noisy after\)"):
        require_no_regression(changes)


def test_what_is_left_out_is_said() -> None:
    before, after = results(), results(accuracy=None)
    before["models"].append({**before["models"][0], "name": "gone"})
    after |= {"data": "", "quick": True, "environment": {**BOARD, "cpu": "Cortex-A76"}}
    assert not_compared(before, after) == [
        "gone: only measured before",
        "latency: after was --quick, a tenth of the timed runs",
        "accuracy: judged on fer2013.npz before, on nothing after",
        "latency and memory: another cpu: EPYC before, Cortex-A76 after",
    ]
    assert not_compared(before, before) == []


def test_calibration_and_distorted_accuracy_are_compared() -> None:
    before = results(ece=0.02, robustness={"blur": 0.6, "noise": 0.5})
    after = results(ece=0.05, robustness={"blur": 0.4, "noise": 0.5})
    assert verdicts(before, after)["calibration error"] == "REGRESSION"
    assert verdicts(after, before)["calibration error"] == "better"
    changes = {c.figure: c.verdict for c in compare_results(before, after, Tolerance())}
    assert changes["accuracy, distorted"] == "REGRESSION"
    more = results(ece=0.02, robustness={"blur": 0.6, "noise": 0.5, "snow": 0.1})
    assert {c.verdict for c in compare_results(before, more, Tolerance())} == {"same"}


def test_only_like_is_compared() -> None:
    other = copy.deepcopy(results(accuracy=0.5))
    other["data"] = "my-faces"
    assert "accuracy" not in verdicts(results(), other)
    with pytest.raises(FerError, match="share no model: fer-nano-int8 and other-int8"):
        compare_results(results(), results(name="other-int8"), Tolerance())
    bare = results()
    del bare["models"][0]["accuracy"], bare["models"][0]["peak_rss_bytes"]
    assert set(verdicts(results(), bare)) == {"accuracy", "macro-F1", "latency", "file"}
    assert verdicts(results(), bare)["accuracy"] == "REGRESSION"
    assert verdicts(bare, results())["accuracy"] == "not judged"


def test_another_machine_is_no_regression() -> None:
    after = {**results(0.4, peak_rss_bytes=99e6), "environment": {**BOARD, "cpu": "Cortex-A76"}}
    assert verdicts(results(), after)["latency"] == "not judged"
    assert verdicts(results(), after)["peak memory"] == "not judged"
    assert verdicts(results(), after)["accuracy"] == "same"


def test_the_command_exits_with_1_on_a_regression(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(results()))
    (tmp_path / "b.json").write_text(json.dumps(results(accuracy=0.66)))
    same = call("fer-bench", "compare", "a.json", "a.json", cwd=tmp_path)
    assert "same" in same.stdout
    worse: subprocess.CompletedProcess[str] = call(
        "fer-bench", "compare", "a.json", "b.json", cwd=tmp_path, code=1
    )
    assert "-0.59 points" in worse.stdout
    assert "worse than tolerated: accuracy of fer-nano-int8" in worse.stderr
    call("fer-bench", "compare", "a.json", "b.json", "--max-drop", 1, cwd=tmp_path)


def test_a_model_that_can_no_longer_be_measured_is_a_regression() -> None:
    after = {**results(name="other-int8"), "failed": [{"name": "fer-nano-int8", "error": "crash"}]}
    (change,) = compare_results(results(), after, Tolerance())
    assert (change.figure, change.verdict, change.change) == ("measured", "REGRESSION", "crash")
