import json
from pathlib import Path

import pytest

from fer_bench.markdown import markdown_report, read_results
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
    assert cells(lines[4])[1:6] == ["-", "-", "5.5", "-", "-"]
    assert "Not measured on a Pi" in lines[-2]
    assert "in that of mini-xception-int8" in lines[-1]
    assert third[0] == "bare"


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FerError, match="is no results"):
        read_results(tmp_path / "absent.json")
    (tmp_path / "a.json").write_text("[]")
    with pytest.raises(FerError, match="is no results"):
        read_results(tmp_path / "a.json")
    (tmp_path / "a.json").write_text(json.dumps({**RESULTS, "models": [{"name": "x"}]}))
    with pytest.raises(FerError, match="no file_bytes, latency_ms, mmacs, parameters"):
        read_results(tmp_path / "a.json")
    (tmp_path / "b.json").write_text(json.dumps({**RESULTS, "schema_version": 9}))
    with pytest.raises(FerError, match="has schema 9, this fer-bench reads 1"):
        read_results(tmp_path / "b.json")


def test_the_committed_results_can_be_reported() -> None:
    reference = Path(__file__).parents[3] / "benchmarks" / "reference"
    for path in reference.glob("*/results.json"):
        assert "| fer-nano-int8 |" in markdown_report(read_results(path))
