import re
from pathlib import Path

from bench_results import CHANGE, bare_model, evaluated_model, stored
from fer_bench.markdown import markdown_report
from fer_bench.report import results_table
from fer_bench.results import read_results

MODEL = evaluated_model(
    "mini-xception-int8",
    parameters=58_423,
    mmacs=5.5,
    epochs=12,
    recipe_epochs=110,
    validation_accuracy=0.64,
    accuracy=0.655,
    accuracy_interval95=[0.6391, 0.6704],
    macro_f1=0.6,
    file_bytes=97_280,
    latency_ms={"p50": 0.1, "runs": 1000},
)


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_every_figure_has_its_column_and_ratios_have_one_reference() -> None:
    other = {**MODEL, "name": "x-int8", "epochs": 15, "recipe_epochs": 15}
    other |= {"latency_ms": {"p50": 0.25, "runs": 1000}}
    lines = markdown_report(stored(other, MODEL, bare_model("bare"))).splitlines()
    head, _, first, second, third = (cells(line) for line in lines[:5])
    row = dict(zip(head, first, strict=True))
    assert (row["epochs"], row["times"], row["ms a face"]) == ("15", "2.50", "0.250")
    assert row["test (95 %)"] == "65.5 (63.9-67.0)"
    row = dict(zip(head, second, strict=True))
    assert (row["epochs"], row["times"], row["KiB"]) == ("12 of 110", "1.00", "95")
    assert (row["parameters"], row["validation"]) == ("58,423", "64.0")
    assert dict(zip(head, third, strict=True))["test (95 %)"] == "-"
    assert "Not measured on a Pi" in lines[-2]
    assert "in that of mini-xception-int8" in lines[-1]
    assert third[0] == "bare"


def test_the_committed_results_can_be_reported() -> None:
    reference = Path(__file__).parents[3] / "benchmarks" / "reference"
    paths = list(reference.rglob("results.json"))
    assert len(paths) >= 2
    for path in paths:
        results = read_results(path)
        report = markdown_report(results)
        assert all(f"| {model.name} |" in report for model in results.models)


def test_secondary_figures_distortions_and_clips_are_told() -> None:
    whole = {
        **MODEL, **CHANGE, "mcnemar_p": 0.25, "accuracy_without_duplicates": 0.643,
        "accuracy_test_time_augmentation": 0.662, "robustness": {"blur": 0.45, "noise": 0.5},
    }  # fmt: skip
    loop = {"name": "x-int8", "seconds": 0.212, "frames_per_second": 377.2, "found": 77}
    loop |= {"false_boxes": 0, "stages_ms": {"search": 3.0, "follow": 1.0}, "dropped": 5}
    unjudged = {**loop, "found": None, "false_boxes": None}
    clips = [
        {"clip": "a.mp4", "frames": 80, "frames_with_face": 78, "loops": [loop]},
        {"clip": "b.mp4", "frames": 9, "frames_with_face": None, "loops": [unjudged]},
    ]
    results = stored(whole, bare_model(), clips=clips)
    lines = markdown_report(results).splitlines()
    assert (
        "- mini-xception-int8: 64.3 % without duplicates of training pictures; 66.2 % with "
        "test-time augmentation (ten crops); -0.20 points against its parent (95 % interval -0.46 "
        "to +0.06, paired; McNemar's exact p = 0.25)"
    ) in lines
    assert cells(lines[lines.index("| distortion | mini-xception-int8 |") + 2]) == [
        "blur", "45.0 (-20.5)",
    ]  # fmt: skip
    (head,) = (index for index, line in enumerate(lines) if line.startswith("| clip |"))
    names = cells(lines[head])
    first, second = (dict(zip(names, cells(lines[head + n]), strict=True)) for n in (2, 3))
    assert (first["clip"], first["frames/s"], first["found of frames"]) == (
        "a.mp4", "377", "77 of 78",
    )  # fmt: skip
    assert (first["ms a frame"], first["share of stages"]) == ("2.65", "search 75%, follow 25%")
    assert first["a camera's frames dropped"] == "5 of 80"
    assert (second["found of frames"], second["false boxes"]) == ("-", "-")
    table = results_table(results)  # the same cells, in a terminal
    assert re.search(
        r"^a.mp4 +x-int8 +377 +77 of 78 +0 +5 of 80 +2.65 +search 75%, fol", table, re.M
    )
    assert re.search(r"^blur +45.0 \(-20.5\)$", table, re.M)
    assert "mini-xception-int8: 64.3 % without duplicates of training pictures\n" in table


def test_tails_threads_memory_and_recalls_have_their_tables() -> None:
    whole = {
        **MODEL,
        "latency_ms": {"p50": 0.1, "p90": 0.12, "p95": 0.13, "p99": 0.2, "runs": 1000},
        "latency_by_threads_ms": {"1": {"p50": 0.1, "runs": 9}, "4": {"p50": 0.05, "runs": 9}},
        "latency_without_xnnpack_ms": {"p50": 0.5, "runs": 9},
        "per_class": {
            "happy": {"precision": 0.7, "recall": 0.875, "f1": 0.78, "support": 8},
            "sad": {"precision": 0.6, "recall": 0.5, "f1": 0.55, "support": 8},
        },
    }  # fmt: skip
    lines = markdown_report(stored(whole)).splitlines()
    (head,) = (index for index, line in enumerate(lines) if "| p90 |" in line)
    assert dict(zip(cells(lines[head]), cells(lines[head + 2]), strict=True)) == {
        "model": "mini-xception-int8", "p50 ms": "0.100", "p90": "0.120", "p95": "0.130",
        "p99": "0.200", "4 threads": "0.050", "no XNNPACK": "0.500", "load ms": "2.5",
        "first face ms": "0.5", "peak MB": "66",
    }  # fmt: skip
    assert cells(lines[lines.index("| recall | mini-xception-int8 |") + 2]) == ["happy", "87.5"]


def test_what_failed_and_what_was_disturbed_is_told() -> None:
    noisy = {**MODEL, "conditions": {"noisy": True, "slowdown": 1.4, "throttled": "under-voltage"}}
    failed = [{"name": "broken-int8", "error": "it crashed"}]
    results = stored(noisy, failed=failed)
    for text in (markdown_report(results), results_table(results)):
        assert "broken-int8: not measured: it crashed\n" in text
        assert "mini-xception-int8: NOISY: under-voltage; a fixed" in text
        assert "1.40 times as long" in text


def test_a_class_without_a_picture_has_no_recall() -> None:
    per_class = MODEL["per_class"]
    absent = {**per_class["sad"], "support": 0, "recall": 0.0}
    results = stored({**MODEL, "per_class": {**per_class, "sad": absent}})
    rows = [line for line in markdown_report(results).splitlines() if line.startswith("| sad")]
    assert rows
    assert [cells(row)[1] for row in rows] == ["-"] * len(rows)
