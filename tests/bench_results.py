"""Small results of fer-bench: complete values of schema 2, and the changes that a test wants."""

from __future__ import annotations

from typing import Any

from fer_bench.results import SCHEMA_VERSION, Results

ENVIRONMENT: dict[str, Any] = {
    "board": "x86_64", "cpu": "EPYC", "cores": 2, "runtime": "litert 2", "kernels": "xnnpack",
    "on_a_pi": False,
}  # fmt: skip
EVALUATION: dict[str, Any] = {
    "count": 6, "accuracy": 0.6659, "accuracy_interval95": [0.65, 0.68], "macro_f1": 0.6229,
    "ece": 0.02, "confusion": [[2, 1], [0, 3]],
    "per_class": {
        "glad": {"precision": 0.5, "recall": 0.7, "f1": 0.6, "support": 3},
        "sad": {"precision": 0.75, "recall": 1.0, "f1": 0.8, "support": 3},
    },
}  # fmt: skip
PROCESS = {"load_ms": 2.5, "first_ms": 0.5, "peak_rss_bytes": 66_000_000}
CHANGE = {"accuracy_change": -0.002, "accuracy_change_interval95": [-0.0046, 0.0006]}


def bare_model(name: str = "bare-int8", **changed: Any) -> dict[str, Any]:
    """Return a model that was timed alone."""
    latency = {"p50": 0.1, "runs": 1000}
    return {"name": name, "file_bytes": 94_000, "latency_ms": latency, **changed}


def evaluated_model(name: str = "fer-nano-int8", **changed: Any) -> dict[str, Any]:
    """Return a model of all sections but parity."""
    sizes = {"parameters": 57_783, "mmacs": 19.4}
    return bare_model(name, **{**sizes, **PROCESS, **EVALUATION, **changed})


def results_values(*models: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """Return the JSON values of results."""
    return {
        "schema_version": SCHEMA_VERSION, "command": "fer-bench a.tflite",
        "environment": dict(ENVIRONMENT), "data": "fer2013.npz",
        "data_fingerprint": "1a2b3c4d5e", "models": list(models), **changed,
    }  # fmt: skip


def stored(*models: dict[str, Any], **changed: Any) -> Results:
    """Return results as they are read from a file."""
    return Results.from_json(results_values(*models, **changed))
