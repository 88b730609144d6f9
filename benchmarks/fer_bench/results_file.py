"""results.json read again, its keys checked before anybody counts on them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fer_bench.records import SCHEMA_VERSION
from fer_core.errors import FerError

_NEEDED = {"schema_version", "command", "environment", "data", "models"}
_NEEDED_OF_A_MODEL = {"name", "file_bytes", "parameters", "mmacs", "latency_ms"}
_NEEDED_OF_A_LATENCY = {"p50", "runs"}
_NEEDED_OF_AN_ACCURACY = {"accuracy_interval95", "macro_f1"}
_NEEDED_OF_THE_BOARD = {"runtime", "kernels", "cpu", "cores", "on_a_pi"}


def read_results(path: Path) -> dict[str, Any]:
    """Return the content of a results.json; raise FerError for another file or schema."""
    try:
        results = dict(json.loads(path.read_text(encoding="utf-8")))
        version = results.get("schema_version")
        if version not in (None, SCHEMA_VERSION):
            raise FerError(f"{path} has schema {version}, this fer-bench reads {SCHEMA_VERSION}")
        lacking = _lacking(results)
    except OSError as error:
        raise FerError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise FerError(f"{path} is no results.json of fer-bench: {error}") from error
    if lacking:
        raise FerError(f"{path} is no results.json of fer-bench: no {', '.join(sorted(lacking))}")
    if not results["models"]:
        raise FerError(f"{path} holds no model that was measured")
    return results


def _lacking(results: dict[str, Any]) -> set[str]:
    """Return the keys that are not there; raise TypeError or the like for values of no use."""
    lacking = _NEEDED - set(results)
    if lacking:
        return lacking
    lacking = _NEEDED_OF_THE_BOARD - set(results["environment"])
    for model in results["models"]:
        lacking |= _NEEDED_OF_A_MODEL - set(model)
        latency = model.get("latency_ms", dict.fromkeys(_NEEDED_OF_A_LATENCY, 1.0))
        lacking |= _NEEDED_OF_A_LATENCY - set(latency)
        if not latency.get("p50", 1.0) > 0:
            raise ValueError("a latency of nothing")
        if "accuracy" in model:
            lacking |= _NEEDED_OF_AN_ACCURACY - set(model)
            float(model["accuracy"])
    for failed in results.get("failed", []):
        lacking |= {"name", "error"} - set(failed)
    return lacking
