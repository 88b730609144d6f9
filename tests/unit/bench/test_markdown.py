import json
from pathlib import Path

import pytest

from fer_bench.markdown import markdown_report
from fer_bench.results_file import read_results
from fer_core.errors import FerError

MODEL = {
    "name": "mini-xception-int8",
    "parameters": 58_423,
    "mmacs": 5.5,
    "epochs": 12,
    "recipe_epochs": 110,
    "validation_accuracy": 0.64,
    "accuracy": 0.655,
    "accuracy_interval95": [0.6391, 0.6704],
    "macro_f1": 0.6,
    "file_bytes": 97_280,
    "latency_ms": {"p50": 0.1, "runs": 1000},
}
RESULTS = {
    "schema_version": 1,
    "command": "fer-bench a.tflite",
    "environment": {
        "runtime": "litert 2", "kernels": "xnnpack", "cpu": "EPYC", "cores": 2, "on_a_pi": False,
    },
    "data": "fer2013.npz, test split, 3589 pictures",
    "models": [],
}  # fmt: skip


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_every_figure_has_its_column_and_ratios_have_one_yardstick() -> None:
    other = {**MODEL, "name": "x-int8", "epochs": 15, "recipe_epochs": 15}
    other |= {"latency_ms": {"p50": 0.25, "runs": 1000}}
    bare = {key: other[key] for key in ("parameters", "mmacs", "file_bytes", "latency_ms")}
    bare |= {"name": "bare", "parameters": None}
    lines = markdown_report({**RESULTS, "models": [other, MODEL, bare]}).splitlines()
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


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FerError, match=r"cannot read .*absent.json: No such file"):
        read_results(tmp_path / "absent.json")
    (tmp_path / "a.json").write_text("[]")
    with pytest.raises(FerError, match="is no results"):
        read_results(tmp_path / "a.json")
    (tmp_path / "a.json").write_text(json.dumps({**RESULTS, "models": [{"name": "x"}]}))
    with pytest.raises(FerError, match=r"required field `file_bytes` - at `\$\.models\[0\]`"):
        read_results(tmp_path / "a.json")
    (tmp_path / "a.json").write_text(
        json.dumps({**RESULTS, "environment": {}, "models": [{**MODEL, "latency_ms": {}}]})
    )
    with pytest.raises(FerError, match=r"missing required field `runtime` - at `\$\.environment`"):
        read_results(tmp_path / "a.json")
    for broken in (
        {"environment": None},
        {"models": None},
        {"models": ["x"]},
        {"models": [{**MODEL, "latency_ms": None}]},
        {"models": [{**MODEL, "latency_ms": {"p50": 0, "runs": 1}}]},
        {"models": [{**MODEL, "accuracy": None}]},
        {"models": [MODEL], "failed": [{"name": "x"}]},
    ):
        (tmp_path / "a.json").write_text(json.dumps({**RESULTS, **broken}))
        with pytest.raises(FerError, match=r"is no results\.json of fer-bench; it cannot"):
            read_results(tmp_path / "a.json")
    (tmp_path / "b.json").write_text(json.dumps({**RESULTS, "schema_version": 9}))
    with pytest.raises(FerError, match="has schema 9, this fer-bench reads 1"):
        read_results(tmp_path / "b.json")


def test_the_committed_results_can_be_reported() -> None:
    reference = Path(__file__).parents[3] / "benchmarks" / "reference"
    paths = list(reference.rglob("results.json"))
    assert len(paths) >= 2
    for path in paths:
        results = read_results(path)
        report = markdown_report(results)
        assert all(f"| {model['name']} |" in report for model in results["models"])


def test_rows_apart_distortions_and_clips_are_told() -> None:
    whole = {
        **MODEL, "accuracy_without_twins": 0.643, "accuracy_ten_crop": 0.662,
        "accuracy_change": -0.002, "accuracy_change_interval95": [-0.0046, 0.0006],
        "robustness": {"blur": 0.45, "noise": 0.5},
    }  # fmt: skip
    loop = {"name": "x-int8", "frames_per_second": 377.2, "found": 77, "false_boxes": 0}
    loop |= {"stages_ms": {"search": 3.0, "follow": 1.0}, "dropped": 5}
    unjudged = {**loop, "found": None, "false_boxes": None}
    clips = [
        {"clip": "a.mp4", "frames": 80, "frames_with_face": 78, "loops": [loop]},
        {"clip": "b.mp4", "frames": 9, "frames_with_face": None, "loops": [unjudged]},
    ]
    lines = markdown_report({**RESULTS, "models": [whole, MODEL], "clips": clips}).splitlines()
    assert (
        "- mini-xception-int8: 64.3 without pictures that lie in Training too; 66.2 over "
        "ten crops; -0.20 points against its parent (-0.46 to +0.06, paired)"
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


def test_tails_threads_memory_and_recalls_have_their_tables() -> None:
    whole = {
        **MODEL, "load_ms": 2.5, "peak_rss_bytes": 66e6,
        "latency_ms": {"p50": 0.1, "p90": 0.12, "p95": 0.13, "p99": 0.2, "runs": 1000},
        "latency_by_threads_ms": {"1": {"p50": 0.1}, "4": {"p50": 0.05}},
        "latency_without_xnnpack_ms": {"p50": 0.5},
        "per_class": {"happy": {"recall": 0.875}, "sad": {"recall": 0.5}},
    }  # fmt: skip
    lines = markdown_report({**RESULTS, "models": [whole]}).splitlines()
    (head,) = (index for index, line in enumerate(lines) if "| p90 |" in line)
    assert dict(zip(cells(lines[head]), cells(lines[head + 2]), strict=True)) == {
        "model": "mini-xception-int8", "p50 ms": "0.100", "p90": "0.120", "p95": "0.130",
        "p99": "0.200", "4 threads": "0.050", "no XNNPACK": "0.500", "load ms": "2.5",
        "peak MB": "66",
    }  # fmt: skip
    assert cells(lines[lines.index("| recall | mini-xception-int8 |") + 2]) == ["happy", "87.5"]


def test_what_failed_and_what_was_disturbed_is_told() -> None:
    noisy = {**MODEL, "conditions": {"noisy": True, "slowdown": 1.4, "throttled": "under-voltage"}}
    failed = [{"name": "broken-int8", "error": "it crashed"}]
    text = markdown_report({**RESULTS, "models": [noisy], "failed": failed})
    assert "- broken-int8: not measured: it crashed" in text
    assert "- mini-xception-int8: latency taken in a bad moment: under-voltage; a fixed" in text
    assert "1.40 times as long" in text


def test_results_without_a_model_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(RESULTS))
    with pytest.raises(FerError, match="holds no model that was measured"):
        read_results(tmp_path / "a.json")
