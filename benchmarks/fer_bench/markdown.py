"""results.json as Markdown, for a README or a lesson."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fer_bench.conditions import noise_reason
from fer_bench.side_by_side import under, yardstick_of

_APART = {
    "accuracy_without_twins": "without pictures that lie in Training too",
    "accuracy_ten_crop": "over ten crops",
}


def markdown_report(results: dict[str, Any]) -> str:
    """Return a table of the models and, below it, on what and by which command it was measured.

    `epochs` are those trained, of those in the recipe where that is more; `times` is the latency
    in that of mini-xception, else of fer-nano, else of the first model.
    """
    models = results["models"]
    yardstick = models[yardstick_of([model["name"] for model in models])]
    table = _table([_cells(model, yardstick) for model in models])
    where = results["environment"]
    board = "" if where["on_a_pi"] else " Not measured on a Pi."
    notes = [
        f"`{results['command']}`",
        "",
        f"{where['runtime']}, {where['kernels']} kernels, one thread, median of "
        f"{yardstick['latency_ms']['runs']} faces; {where['cpu']}, {where['cores']} cores.{board}",
        f"Test: {results['data'] or 'no data'}. `times`: latency in that of {yardstick['name']}.",
    ]
    apart = [
        *_failed(results),
        *_apart(models),
        *_costs(models),
        *_recalls(models),
        *_robustness(models),
        *_clips(results),
    ]
    return "\n".join([*table, "", *apart, *notes, ""])


def _failed(results: dict[str, Any]) -> list[str]:
    """Return a line for each model that could not be measured, and for each bad moment."""
    lines = [f"- {m['name']}: not measured: {m['error']}" for m in results.get("failed", [])]
    lines += [f"- {m['name']}: {m['unjudged']}" for m in results["models"] if m.get("unjudged")]
    if results.get("quick"):
        lines.append("- `--quick`: a tenth of the timed runs")
    lines += [
        f"- {m['name']}: latency taken in a bad moment: "
        f"{noise_reason(m['conditions'], m['latency_ms'].get('spread', 0.0))}"
        for m in results["models"]
        if m.get("conditions", {}).get("noisy")
    ]
    if results["environment"].get("busy"):
        lines.append("- other programs were at work before the measurement")
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


def _costs(models: list[dict[str, Any]]) -> list[str]:
    """Return the tails of the latency, other threads and kernels, and a fresh process."""
    rows = []
    for model in models:
        latency = model["latency_ms"]
        row = {"model": model["name"], "p50 ms": f"{latency['p50']:.3f}"}
        row |= {name: _ms(latency.get(name)) for name in ("p90", "p95", "p99")}
        others = model.get("latency_by_threads_ms", {})
        row |= {f"{n} threads": _ms(each["p50"]) for n, each in others.items() if n != "1"}
        row["no XNNPACK"] = _ms(model.get("latency_without_xnnpack_ms", {}).get("p50"))
        row["load ms"] = _ms(model.get("load_ms"), 1)
        row["first face ms"] = _ms(model.get("first_ms"), 1)
        peak = model.get("peak_rss_bytes")
        row["peak MB"] = f"{peak / 1e6:.0f}" if peak else "-"
        rows.append(row)
    return [*_table(rows), ""]


def _ms(value: float | None, places: int = 3) -> str:
    return "-" if value is None else f"{value:.{places}f}"


def _recalls(models: list[dict[str, Any]]) -> list[str]:
    """Return the share of every class that is found, of the models that know the same classes."""
    models = [model for model in models if model.get("per_class")]
    rows = []
    for label in models[0]["per_class"] if models else ():
        cells = {
            model["name"]: f"{100 * model['per_class'][label]['recall']:.1f}"
            for model in models
            if label in model["per_class"]
        }
        rows.append({"recall": label, **cells})
    return [*_table(rows), ""] if rows else []


def _robustness(models: list[dict[str, Any]]) -> list[str]:
    """Return the accuracy under every distortion, the change from plain in brackets."""
    models = [model for model in models if model.get("robustness")]
    rows = []
    for kind in models[0]["robustness"] if models else ():
        rows.append({"distortion": kind, **{m["name"]: under(kind, m) for m in models}})
    return [*_table(rows), ""] if rows else []


def _clips(results: dict[str, Any]) -> list[str]:
    """Return speed, finds and the share of every stage, of every loop on every clip."""
    rows = []
    for clip in results.get("clips", []):
        for loop in clip["loops"]:
            known = clip["frames_with_face"] is not None
            row = {"clip": clip["clip"], "loop": loop["name"]}
            row["frames/s"] = f"{loop['frames_per_second']:.0f}"
            row["found of frames"] = f"{loop['found']} of {clip['frames_with_face']}"
            row["false boxes"] = str(loop["false_boxes"])
            if not known:
                row |= {"found of frames": "-", "false boxes": "-"}
            if loop.get("dropped") is not None:
                row["a camera's frames dropped"] = f"{loop['dropped']} of {clip['frames']}"
            whole = sum(loop["stages_ms"].values())
            stages = loop["stages_ms"].items()
            row["ms a frame"] = f"{1e3 / loop['frames_per_second']:.2f}"
            row["share of stages"] = ", ".join(f"{name} {ms / whole:.0%}" for name, ms in stages)
            rows.append(row)
    return [*_table(rows), ""] if rows else []


def _table(rows: Sequence[dict[str, str]]) -> list[str]:
    """Return rows of cells by column as a table, without the columns in which nobody has any."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    names = [name for name in names if any(row.get(name, "-") != "-" for row in rows)]
    lines = [names, ["---" if i == 0 else "---:" for i in range(len(names))]]
    lines += [[row.get(name, "-") for name in names] for row in rows]
    return ["| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines]


def _cells(model: dict[str, Any], yardstick: dict[str, Any]) -> dict[str, str]:
    ratio = model["latency_ms"]["p50"] / yardstick["latency_ms"]["p50"]
    test = macro_f1 = "-"
    if "accuracy" in model:
        low, high = (100 * bound for bound in model["accuracy_interval95"])
        test = f"{100 * model['accuracy']:.1f} ({low:.1f}-{high:.1f})"
        macro_f1 = f"{100 * model['macro_f1']:.1f}"
    flips, validation = model.get("label_flips"), model.get("validation_accuracy")
    activations = model.get("activation_bytes")
    return {
        "model": model["name"],
        "test (95 %)": test,
        "times": f"{ratio:.2f}",
        "ms a face": f"{model['latency_ms']['p50']:.3f}",
        "KiB": f"{model['file_bytes'] / 1024:,.0f}",
        "macro-F1": macro_f1,
        "ECE": f"{100 * model['ece']:.1f}" if model.get("ece") is not None else "-",
        "flips": "-" if flips is None else str(flips),
        "parameters": f"{model['parameters']:,}" if model["parameters"] else "-",
        "MMACs": f"{model['mmacs']:.1f}" if model["mmacs"] else "-",
        "activations KiB": f"{activations / 1024:.0f}" if activations else "-",
        "validation": f"{100 * validation:.1f}" if validation else "-",
        "epochs": _epochs(model),
    }


def _epochs(model: dict[str, Any]) -> str:
    done, planned = model.get("epochs"), model.get("recipe_epochs")
    if not done:
        return "-"
    return f"{done} of {planned}" if planned and done < planned else str(done)
