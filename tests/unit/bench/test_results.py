import json
from pathlib import Path
from typing import Any

import pytest

from bench_results import CHANGE, bare_model, evaluated_model, results_values, stored
from fer_bench import results as results_module
from fer_bench.evaluation import ReliabilityBin
from fer_bench.records import Latency
from fer_bench.results import Results, read_results, write_results
from fer_core.errors import FerError

MODEL = evaluated_model()
GOOD = results_values(MODEL)
LOOP = {
    "name": "fer-nano-int8", "seconds": 0.1, "frames_per_second": 90.0, "found": 3,
    "false_boxes": 1, "dropped": 2, "stages_ms": {"search": 3.0, "classify": 1.0},
}  # fmt: skip
WINDOW = {"at_s": 0.0, "faces": 500, "p50_ms": 2.0, "temperature_celsius": 50.0, "throttled": ""}
ENDURANCE = {
    "seconds": 2.0, "faces": 1000, "first_ms": 2.0, "last_ms": 2.1, "throttled_share": 0.5,
    "throttled_ms": 2.1, "idle_watts": 3.0, "busy_watts": 5.0, "millijoules_a_face": 10.0,
    "windows": [WINDOW, WINDOW],
}  # fmt: skip
WHOLE = {
    **MODEL, **CHANGE, "mcnemar_p": 0.5, "sha256": "ab", "label_flips": 3, "endurance": ENDURANCE,
    "latency_by_threads_ms": {"1": {"p50": 0.1, "runs": 9}, "2": {"p50": 0.07, "runs": 9}},
    "latency_without_xnnpack_ms": {"p50": 0.3, "runs": 9, "percentiles": [0.2, 0.3, 0.4]},
    "conditions": {"slowdown": 1.3, "throttled": "hot", "noisy": True},
    "reliability": [{"confidence": 0.5, "accuracy": 0.4, "count": 9}],
    "robustness": {"blur": 0.5}, "accuracy_without_duplicates": 0.6,
    "accuracy_test_time_augmentation": 0.7,
}  # fmt: skip
CLIPS = [{"clip": "a.mp4", "frames": 9, "frames_with_face": 3, "loops": [LOOP]}]
FAILED = [{"name": "broken-int8", "error": "it crashed"}]
REFERENCE = Path(__file__).parents[3] / "benchmarks" / "reference"
STARTING_POINTS = REFERENCE.parents[1] / "train" / "results" / "starting-points" / "results.json"


def whole_results() -> Results:
    unjudged = bare_model("own-int8", evaluation_error="it knows other labels")
    facts = {"clips": CLIPS, "failed": FAILED, "quick": True, "data_fingerprint": "1a2b"}
    return stored(WHOLE, unjudged, **facts)


def test_what_is_written_is_read_as_an_equal_value(tmp_path: Path) -> None:
    results = whole_results()
    assert Results.from_json(results.to_json()) == results
    write_results(tmp_path / "results.json", results)
    assert read_results(tmp_path / "results.json") == results
    first, unjudged = results.models
    assert first.evaluation is not None
    assert first.evaluation.reliability == (ReliabilityBin(confidence=0.5, accuracy=0.4, count=9),)
    assert first.latency_by_threads_ms["2"] == Latency(p50=0.07, runs=9)
    assert (first.is_noisy, unjudged.is_noisy) == (True, False)
    assert (unjudged.evaluation, unjudged.parity, unjudged.process) == (None, None, None)


def test_the_file_has_the_keys_of_a_section_among_those_of_the_model() -> None:
    values = whole_results().to_json()
    first, unjudged = values["models"]
    assert (first["accuracy"], first["load_ms"], first["mcnemar_p"]) == (0.6659, 2.5, 0.5)
    assert not {"evaluation", "process", "parity"} & set(first)
    assert "accuracy" not in unjudged
    assert unjudged["label_flips"] is None
    assert values["schema_version"] == 2


OF_SCHEMA_1 = [
    path
    for path in [*REFERENCE.glob("*/*/**/results.json"), STARTING_POINTS]
    if json.loads(path.read_text())["schema_version"] == 1
]


@pytest.mark.parametrize("path", OF_SCHEMA_1, ids=str)
def test_results_of_schema_1_are_upgraded(path: Path) -> None:
    old, results = json.loads(path.read_text()), read_results(path)
    assert len(OF_SCHEMA_1) > 2
    assert results.data_fingerprint == ""  # nobody knows it
    assert Results.from_json(results.to_json()) == results
    for was, model in zip(old["models"], results.models, strict=True):
        found, threads = model.evaluation, model.latency_by_threads_ms
        assert (found.accuracy if found else None) == was.get("accuracy")
        assert (found.accuracy_without_duplicates if found else None) == (
            was.get("accuracy_without_twins")
        )
        assert (found.accuracy_test_time_augmentation if found else None) == (
            was.get("accuracy_ten_crop")
        )
        assert threads["1"] == model.latency_ms
        in_two = was.get("latency_all_threads_ms") or was["latency_by_threads_ms"]["2"]
        assert threads["2"].p50 == in_two["p50"]


def test_a_reason_of_schema_1_is_kept() -> None:
    old = {**GOOD, "schema_version": 1, "models": [bare_model(unjudged="other labels")]}
    assert Results.from_json(old).models[0].evaluation_error == "other labels"
    with pytest.raises(FerError, match=r"unknown key, models\[0\]\.unjudged"):
        Results.from_json({**old, "schema_version": 2})


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"speed": 3}, "speed"),
        ({"models": [MODEL, {**MODEL, "latency_ms": {"p50": 1, "runs": 1, "p42": 1}}]},
         r"models\[1\]\.latency_ms\.p42"),
        ({"models": [{**MODEL, "evaluation": {}}]}, r"models\[0\]\.evaluation"),
        ({"models": [{**WHOLE, "reliability": [
            {"confidence": 0.5, "accuracy": 0.4, "count": 9, "width": 1}]}]},
         r"models\[0\]\.reliability\[0\]\.width"),
        ({"clips": [{**CLIPS[0], "loops": [{**LOOP, "colour": "red"}]}]},
         r"clips\[0\]\.loops\[0\]\.colour"),
    ],
)  # fmt: skip
def test_an_unknown_key_is_refused_with_a_way_out(
    changed: dict[str, Any], key: str, tmp_path: Path
) -> None:
    (tmp_path / "a.json").write_text(json.dumps({**GOOD, **changed}))
    said = rf"a\.json holds an unknown key, {key}: read it with the fer-edge-kit that wrote it, or"
    with pytest.raises(FerError, match=said):
        read_results(tmp_path / "a.json")


def test_clips_of_other_loops_are_refused() -> None:
    clips = [*CLIPS, {**CLIPS[0], "loops": [LOOP, {**LOOP, "name": "fer"}]}]
    with pytest.raises(FerError, match="its clips were watched by other loops each"):
        stored(MODEL, clips=clips)


def test_figures_that_do_not_belong_together_are_refused() -> None:
    for changed, lacking in (
        ({"accuracy": 0.9}, "an interval around its accuracy"),
        ({"confusion": [[1, 2], [3]]}, "a square confusion matrix"),
        ({"confusion": [[1]]}, "a row of the confusion matrix for each class"),
        ({"endurance": {**ENDURANCE, "throttled_ms": None}}, "throttled_ms"),
        ({"endurance": {**ENDURANCE, "busy_watts": None}}, "busy_watts"),
    ):
        with pytest.raises(FerError, match=f"fer-nano-int8 lacks .*{lacking}"):
            stored({**WHOLE, **changed})


def test_untyped_json_stays_in_the_module_that_reads_and_writes_it() -> None:
    home = Path(results_module.__file__)
    untyped = {
        path.name for path in home.parent.glob("*.py") if "dict[str, Any]" in path.read_text()
    }
    assert untyped == {home.name}


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FerError, match=r"cannot read .*absent.json: No such file"):
        read_results(tmp_path / "absent.json")
    (tmp_path / "a.json").write_text("[]")
    with pytest.raises(FerError, match="is no results"):
        read_results(tmp_path / "a.json")
    (tmp_path / "a.json").write_text(json.dumps({**GOOD, "models": [{"name": "x"}]}))
    with pytest.raises(FerError, match=r"required field `file_bytes` - at `\$\.models\[0\]`"):
        read_results(tmp_path / "a.json")
    (tmp_path / "a.json").write_text(
        json.dumps({**GOOD, "environment": {}, "models": [{**MODEL, "latency_ms": {}}]})
    )
    with pytest.raises(FerError, match=r"missing required field `cpu` - at `\$\.environment`"):
        read_results(tmp_path / "a.json")
    for broken in (
        {"environment": None},
        {"models": None},
        {"models": ["x"]},
        {"models": [{**MODEL, "latency_ms": 3}]},
        {"models": [{**MODEL, "latency_ms": {"p50": 0, "runs": 1}}]},
        {"models": [{**MODEL, "accuracy": None}]},
        {"models": [MODEL], "failed": [{"name": "x"}]},
    ):
        (tmp_path / "a.json").write_text(json.dumps({**GOOD, **broken}))
        with pytest.raises(FerError, match=r"is no results\.json of fer-bench; it cannot"):
            read_results(tmp_path / "a.json")
    (tmp_path / "b.json").write_text(json.dumps({**GOOD, "schema_version": 9}))
    with pytest.raises(FerError, match="has schema 9, this fer-bench reads 1 and 2: read it with"):
        read_results(tmp_path / "b.json")


def test_results_without_a_model_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(results_values()))
    with pytest.raises(FerError, match="holds no model that was measured"):
        read_results(tmp_path / "a.json")
