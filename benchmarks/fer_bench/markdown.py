"""results.json as Markdown, for a README or a lesson."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fer_bench.records import SCHEMA_VERSION
from fer_core.errors import FerError

_NEEDED = {"schema_version", "command", "environment", "data", "models"}
_NEEDED_OF_A_MODEL = {"name", "file_bytes", "parameters", "mmacs", "latency_ms"}
_APART = {
    "accuracy_without_twins": "without the pictures that have a twin in Training",
    "accuracy_ten_crop": "over ten crops",
}
_YARDSTICKS = ("mini-xception", "fer-nano")
_HEAD = (
    "model",
    "epochs",
    "parameters",
    "MMACs",
    "validation",
    "test (95 %)",
    "macro-F1",
    "KiB",
    "activations KiB",
    "flips",
    "ms a face",
    "times",
)


def read_results(path: Path) -> dict[str, Any]:
    """Return the content of a results.json; raise FerError for another file or schema."""
    try:
        results = dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise FerError(f"{path} is no results.json of fer-bench: {error!r}") from error
    version = results.get("schema_version")
    if version not in (None, SCHEMA_VERSION):
        raise FerError(f"{path} has schema {version}, this fer-bench reads {SCHEMA_VERSION}")
    lacking = _NEEDED - set(results) or {
        key for model in results["models"] for key in _NEEDED_OF_A_MODEL - set(model)
    }
    if not lacking and not results["models"]:
        raise FerError(f"{path} holds no model that was measured")
    if lacking:
        raise FerError(f"{path} is no results.json of fer-bench: no {', '.join(sorted(lacking))}")
    return results


def markdown_report(results: dict[str, Any]) -> str:
    """Return a table of the models and, below it, on what and by which command it was measured.

    `epochs` are those trained, of those in the recipe where that is more; `times` is the latency
    in that of mini-xception, else of fer-nano, else of the first model.
    """
    models = results["models"]
    yardstick = _yardstick(models)
    rows = [_HEAD, tuple("---" if i == 0 else "---:" for i in range(len(_HEAD)))]
    rows += [_cells(model, yardstick) for model in models]
    table = _table(rows)
    where = results["environment"]
    board = "" if where["on_a_pi"] else " Not measured on a Pi."
    notes = [
        f"`{results['command']}`",
        "",
        f"{where['runtime']}, {where['kernels']} kernels, one thread, median of "
        f"{yardstick['latency_ms']['runs']} faces; {where['cpu']}, {where['cores']} cores.{board}",
        f"Test: {results['data'] or 'no data'}. `times`: latency in that of {yardstick['name']}.",
    ]
    apart = [*_failed(results), *_apart(models), *_robustness(models), *_clips(results)]
    return "\n".join([*table, "", *apart, *notes, ""])


def _failed(results: dict[str, Any]) -> list[str]:
    """Return a line for each model that could not be measured, and for each bad moment."""
    lines = [f"- {m['name']}: not measured: {m['error']}" for m in results.get("failed", [])]
    lines += [
        f"- {m['name']}: latency taken in a bad moment, when a fixed piece of work took "
        f"{m['conditions']['slowdown']:.2f} times as long as at its best, and the medians of its "
        f"turns lay {m['latency_ms'].get('spread', 0):.0%} apart"
        for m in results["models"]
        if m.get("conditions", {}).get("noisy")
    ]
    return [*lines, ""] if lines else []


def _apart(models: list[dict[str, Any]]) -> list[str]:
    """Return the figures that are no headline, a line a model that has them."""
    lines = []
    for model in models:
        told = [
            f"{100 * model[key]:.1f} {words}"
            for key, words in _APART.items()
            if model.get(key) is not None
        ]
        if "accuracy_change" in model:
            low, high = (100 * bound for bound in model["accuracy_change_interval95"])
            told.append(
                f"{100 * model['accuracy_change']:+.2f} points against its parent "
                f"({low:+.2f} to {high:+.2f}, paired)"
            )
        if held := model.get("endurance"):
            told.append(_endurance(held))
        if told:
            lines.append(f"- {model['name']}: {'; '.join(told)}")
    return [*lines, ""] if lines else []


def _endurance(held: dict[str, Any]) -> str:
    """Return the run without a pause in words."""
    words = f"{held['first_ms']:.3f} ms at first and {held['last_ms']:.3f} after "
    words += f"{held['seconds']:.0f} s without a pause"
    if held["throttled_share"]:
        words += (
            f", slowed {held['throttled_share']:.0%} of it ({held['throttled_ms']:.3f} ms then)"
        )
    if held["millijoules_a_face"] is None:
        return f"{words}; energy not measured"
    return f"{words}; {held['millijoules_a_face']:.2f} mJ a face at {held['busy_watts']:.1f} W"


def _robustness(models: list[dict[str, Any]]) -> list[str]:
    """Return the accuracy under every distortion, the change from plain in brackets."""
    models = [model for model in models if model.get("robustness")]
    if not models:
        return []
    rows = [
        ("distortion", *(model["name"] for model in models)),
        ("---",) + ("---:",) * len(models),
    ]
    for name in models[0]["robustness"]:
        shares = [(model["robustness"][name], model["accuracy"]) for model in models]
        cells = [f"{100 * share:.1f} ({100 * (share - plain):+.1f})" for share, plain in shares]
        rows.append((name, *cells))
    return [*_table(rows), ""]


def _clips(results: dict[str, Any]) -> list[str]:
    """Return speed and finds of every loop on every clip."""
    rows: list[tuple[str, ...]] = [
        ("clip", "loop", "frames/s", "found of frames", "false boxes"),
        ("---", "---", "---:", "---:", "---:"),
    ]
    for clip in results.get("clips", []):
        for loop in clip["loops"]:
            known = clip["frames_with_face"] is not None
            found = f"{loop['found']} of {clip['frames_with_face']}" if known else "-"
            false = str(loop["false_boxes"]) if known else "-"
            speed = f"{loop['frames_per_second']:.0f}"
            rows.append((clip["clip"], loop["name"], speed, found, false))
    return [*_table(rows), ""] if len(rows) > 2 else []


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    return ["| " + " | ".join(row) + " |" for row in rows]


def _yardstick(models: list[dict[str, Any]]) -> dict[str, Any]:
    named = [m for start in _YARDSTICKS for m in models if m["name"].startswith(start)]
    return (named or models)[0]


def _cells(model: dict[str, Any], yardstick: dict[str, Any]) -> tuple[str, ...]:
    ratio = model["latency_ms"]["p50"] / yardstick["latency_ms"]["p50"]
    test = macro_f1 = "-"
    if "accuracy" in model:
        low, high = (100 * bound for bound in model["accuracy_interval95"])
        test = f"{100 * model['accuracy']:.1f} ({low:.1f}-{high:.1f})"
        macro_f1 = f"{100 * model['macro_f1']:.1f}"
    validation = model.get("validation_accuracy")
    return (
        model["name"],
        _epochs(model),
        f"{model['parameters']:,}" if model["parameters"] else "-",
        f"{model['mmacs']:.1f}" if model["mmacs"] else "-",
        f"{100 * validation:.1f}" if validation else "-",
        test,
        macro_f1,
        f"{model['file_bytes'] / 1024:,.0f}",
        f"{model['activation_bytes'] / 1024:.0f}" if model.get("activation_bytes") else "-",
        str(model["label_flips"]) if model.get("label_flips") is not None else "-",
        f"{model['latency_ms']['p50']:.3f}",
        f"{ratio:.2f}",
    )


def _epochs(model: dict[str, Any]) -> str:
    done, planned = model.get("epochs"), model.get("recipe_epochs")
    if not done:
        return "-"
    return f"{done} of {planned}" if planned and done < planned else str(done)
