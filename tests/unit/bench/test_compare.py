import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench_results import ENVIRONMENT, bare_model, evaluated_model, stored
from commands import call
from fer_bench.compare import (
    Tolerance,
    changes_table,
    compare_results,
    not_compared,
    require_no_regression,
)
from fer_bench.results import Results, write_results
from fer_bench.timing import latency_of
from fer_core.errors import FerError

PI = {**ENVIRONMENT, "cpu": "Cortex-A76"}


def results(p50: float = 0.08, spread: float = 0.02, **changed: Any) -> Results:
    """Return results of one model with some of its values changed."""
    latency = {"p50": p50, "spread": spread, "runs": 1000}
    return stored(evaluated_model(latency_ms=latency, **changed))


def timed_only(**changed: Any) -> Results:
    return stored(bare_model("fer-nano-int8", latency_ms={"p50": 0.08, "runs": 1000}, **changed))


def verdicts(before: Results, after: Results) -> dict[str, str]:
    changes = compare_results(before, after, Tolerance())
    return {change.figure.partition(",")[0]: change.verdict for change in changes}


def test_nothing_changed_is_the_same() -> None:
    changes = compare_results(results(), results(), Tolerance())
    assert {change.verdict for change in changes} == {"same"}
    require_no_regression(changes)


def test_what_rounds_to_nothing_is_the_same() -> None:
    still = verdicts(results(file_bytes=1_000_000), results(file_bytes=1_000_400))
    assert still["file"] == "same"
    assert verdicts(results(spread=0.0), results(p50=0.08003, spread=0.0))["latency"] == "same"
    assert verdicts(results(accuracy=0.66004), results(accuracy=0.66))["accuracy"] == "same"
    moved = verdicts(results(file_bytes=1_000_000), results(file_bytes=1_002_000))
    assert moved["file"] == "worse"


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
    better = "TOO FAST" if figure == "latency" else "better"
    assert verdicts(results(**changed), results())[figure] == better
    assert "REGRESSION" in changes_table(changes)


def two_runs(rng: np.random.Generator, ratio: float) -> tuple[Results, Results]:
    """Return results of a noisy machine: rounds differ by 5 %, the second run by `ratio` more."""
    latencies = [
        latency_of([p50 * rng.normal(rng.normal(1, 0.05), 0.02, 200) for _ in range(5)])
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
    faster = [verdicts(*two_runs(rng, 1 / 1.25))["latency"] for _ in range(100)]
    assert faster.count("TOO FAST") >= 90
    assert same.count("TOO FAST") <= 1
    assert verdicts(results(), results(0.085))["latency"] == "worse"  # within the tolerance
    assert verdicts(results(), results(0.075))["latency"] == "better"


def test_a_model_that_is_implausibly_faster_is_flagged() -> None:
    changes = compare_results(results(0.08), results(0.07), Tolerance())
    said = (
        "faster than plausible, check threads, kernels and model: latency, p50 ms of fer-nano-int8"
    )
    with pytest.raises(FerError, match=f"{said} -12.5 %"):
        require_no_regression(changes)
    require_no_regression(compare_results(results(0.08), results(0.073), Tolerance()))
    require_no_regression(compare_results(results(0.08), results(0.07), Tolerance(percent=20)))


def test_a_bad_moment_hides_nothing() -> None:
    changes = compare_results(results(), results(0.2, conditions={"noisy": True}), Tolerance())
    with pytest.raises(FerError, match=r"bad moment, measure again: latency, .* \(noisy after\)"):
        require_no_regression(changes)


def test_what_is_left_out_is_said() -> None:
    before = stored(evaluated_model(), evaluated_model("gone"))
    after = stored(evaluated_model(), data="", quick=True, environment=PI)
    assert not_compared(before, after) == [
        "gone: only measured before",
        "latency: after was --quick, a tenth of the timed runs",
        "accuracy: judged on fer2013.npz before, on nothing after",
        "latency and memory: different cpu: EPYC before, Cortex-A76 after",
    ]
    assert not_compared(before, before) == []


def test_other_pictures_of_one_name_and_number_are_not_compared() -> None:
    before = results()
    after = replace(results(accuracy=0.655), data_fingerprint="ffffffffff")
    assert set(verdicts(before, after)) == {"latency", "file", "peak memory"}
    assert not_compared(before, after) == [
        "accuracy: other pictures or labels, though of one name and number (fingerprint 1a2b3c4d "
        "before, ffffffff after)"
    ]
    same = replace(after, data_fingerprint=before.data_fingerprint)
    assert verdicts(before, same)["accuracy"] == "REGRESSION"
    assert not_compared(before, same) == []


def test_without_a_fingerprint_accuracy_is_not_compared() -> None:
    before, after = replace(results(), data_fingerprint=""), results(accuracy=0.655)
    assert set(verdicts(before, after)) == {"latency", "file", "peak memory"}
    (line,) = not_compared(before, after)
    assert line.startswith("accuracy: no fingerprint of the test pictures before, so nobody knows")
    (line,) = not_compared(before, before)
    assert "before and after" in line


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
    other = replace(results(accuracy=0.655), data="my-faces")
    assert "accuracy" not in verdicts(results(), other)
    with pytest.raises(FerError, match="share no model: fer-nano-int8 and other-int8"):
        compare_results(results(), results(name="other-int8"), Tolerance())
    kept = {"accuracy", "macro-F1", "calibration error", "latency", "file"}
    assert set(verdicts(results(), timed_only())) == kept
    assert verdicts(results(), timed_only())["accuracy"] == "REGRESSION"
    assert verdicts(timed_only(), results())["accuracy"] == "not judged"


def test_another_machine_is_no_regression() -> None:
    model = evaluated_model(latency_ms={"p50": 0.4, "runs": 9}, peak_rss_bytes=99_000_000)
    after = stored(model, environment=PI)
    assert verdicts(results(), after)["latency"] == "not judged"
    assert verdicts(results(), after)["peak memory"] == "not judged"
    assert verdicts(results(), after)["accuracy"] == "same"
    assert verdicts(after, results())["latency"] == "not judged"


def test_a_processor_of_the_same_name_with_other_instructions_is_another_machine() -> None:
    def on(instructions: str, p50: float) -> Results:
        model = evaluated_model(latency_ms={"p50": p50, "runs": 9})
        return stored(model, environment={**ENVIRONMENT, "instructions": instructions})

    older, newer = on("avx2", 0.4), on("avx2 avx512_vnni", 0.08)
    assert verdicts(newer, older)["latency"] == "not judged"
    (line,) = not_compared(newer, older)
    assert line.endswith("different instructions: avx2 avx512_vnni before, avx2 after")
    assert verdicts(on("", 0.08), older)["latency"] == "REGRESSION"  # an old file does not tell
    (line,) = not_compared(on("", 0.08), older)
    assert "make sure that it is the same processor" in line
    assert not not_compared(on("", 0.08), on("", 0.4))


def test_the_command_exits_with_1_on_a_regression(tmp_path: Path) -> None:
    write_results(tmp_path / "a.json", results())
    write_results(tmp_path / "b.json", results(accuracy=0.66))
    same = call("fer-bench", "compare", "a.json", "a.json", cwd=tmp_path)
    assert "same" in same.stdout
    assert "not compared" not in same.stdout
    worse: subprocess.CompletedProcess[str] = call(
        "fer-bench", "compare", "a.json", "b.json", cwd=tmp_path, code=1
    )
    assert "-0.59 points" in worse.stdout
    assert "worse than tolerated: accuracy of fer-nano-int8" in worse.stderr
    call("fer-bench", "compare", "a.json", "b.json", "--max-drop", 1, cwd=tmp_path)


def test_a_model_that_can_no_longer_be_measured_is_a_regression() -> None:
    crash = {"name": "fer-nano-int8", "error": "crash"}
    after = stored(evaluated_model("other-int8"), failed=[crash])
    (change,) = compare_results(results(), after, Tolerance())
    assert (change.figure, change.verdict, change.change) == ("measured", "REGRESSION", "crash")
