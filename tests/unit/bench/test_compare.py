import copy
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from commands import call
from fer_bench.compare import Tolerance, changes_table, compare_results, require_no_regression
from fer_bench.timing import Latency
from fer_core.errors import FerError


def results(p50: float = 0.08, spread: float = 0.02, **changed: Any) -> dict[str, Any]:
    model = {
        "name": "fer-nano-int8", "accuracy": 0.6659, "macro_f1": 0.6229, "file_bytes": 94_000,
        "peak_rss_bytes": 66_000_000, "latency_ms": {"p50": p50, "spread": spread, "runs": 1000},
        "conditions": {"noisy": False}, "parameters": 57_783, "mmacs": 19.4, **changed,
    }  # fmt: skip
    return {
        "schema_version": 1, "command": "fer-bench", "environment": {}, "data": "fer2013.npz",
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


def test_noise_is_not_a_regression() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        both = [
            Latency.of([0.08 * rng.normal(1 + rng.normal(0, 0.1), 0.02, 200) for _ in range(5)])
            for _ in range(2)
        ]
        before, after = (results(each.p50, each.spread) for each in both)
        if abs(both[1].p50 / both[0].p50 - 1) < max(each.spread for each in both):
            assert verdicts(before, after)["latency"] == "same"
    assert verdicts(results(), results(0.2, conditions={"noisy": True}))["latency"] == "noisy"
    assert verdicts(results(), results(0.085))["latency"] == "worse"  # within the tolerance


def test_only_like_is_compared() -> None:
    other = copy.deepcopy(results(accuracy=0.5))
    other["data"] = "my-faces"
    assert "accuracy" not in verdicts(results(), other)
    with pytest.raises(FerError, match="share no model: fer-nano-int8 and other-int8"):
        compare_results(results(), results(name="other-int8"), Tolerance())
    bare = results()
    del bare["models"][0]["accuracy"], bare["models"][0]["peak_rss_bytes"]
    assert set(verdicts(results(), bare)) == {"macro-F1", "latency", "file"}


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
