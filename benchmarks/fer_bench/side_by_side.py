"""A few models side by side, a row a figure: the table of a README."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fer_core.errors import ArgumentError

Model = dict[str, Any]


def side_by_side(results: dict[str, Any], names: Sequence[str]) -> str:
    """Return a Markdown table of the named models; raise ArgumentError for a name not there.

    A figure that none of them has is no row, one that some lack is a dash.
    """
    known = {model["name"]: model for model in results["models"]}
    if lacking := [name for name in names if name not in known]:
        raise ArgumentError(f"no {', '.join(lacking)} among {', '.join(known)}")
    models = [known[name] for name in names]
    yardstick = known.get("mini-xception-int8", models[0])
    rows = [(what, [cell(model) for model in models]) for what, cell in _ROWS]
    rows.append((f"the same, in that of {yardstick['name']}", _ratios(models, yardstick)))
    lines = [f"| {results['data'] or 'no data'}, single crop | {' | '.join(names)} |"]
    lines.append("|---|" + "---:|" * len(names))
    lines += [f"| {what} | {' | '.join(cells)} |" for what, cells in rows if set(cells) != {"-"}]
    return "\n".join([*lines, ""])


def _share(key: str) -> Callable[[Model], str]:
    return lambda model: "-" if model.get(key) is None else f"{100 * model[key]:.1f} %"


def _accuracy(model: Model) -> str:
    if "accuracy" not in model:
        return "-"
    low, high = (100 * bound for bound in model["accuracy_interval95"])
    return f"**{100 * model['accuracy']:.1f} %** ({low:.1f} to {high:.1f})"


def _change(model: Model) -> str:
    if model.get("accuracy_change") is None:
        return "-"
    low, high = (100 * bound for bound in model["accuracy_change_interval95"])
    return f"{100 * model['accuracy_change']:+.2f} ({low:+.2f} to {high:+.2f})"


def _distorted(model: Model) -> str:
    shares = list((model.get("robustness") or {}).values())
    return f"{100 * sum(shares) / len(shares):.1f} %" if shares else "-"


def _worst(model: Model) -> str:
    shares = model.get("robustness") or {}
    if not shares:
        return "-"
    worst = min(shares, key=lambda name: shares[name])
    return f"{100 * shares[worst]:.1f} % ({worst})"


def _millions(model: Model) -> str:
    return f"{model['mmacs']:.0f}" if model["mmacs"] else "-"


def _parameters(model: Model) -> str:
    return f"{model['parameters']:,}" if model["parameters"] else "-"


def _memory(model: Model) -> str:
    peak = model.get("peak_rss_bytes")
    return f"{peak / 1e6:.0f} MB" if peak else "-"


def _ratios(models: Sequence[Model], yardstick: Model) -> list[str]:
    return [f"{m['latency_ms']['p50'] / yardstick['latency_ms']['p50']:.2f}" for m in models]


_ROWS: tuple[tuple[str, Callable[[Model], str]], ...] = (
    ("accuracy (95 % interval)", _accuracy),
    ("points against its own float32, paired", _change),
    ("macro-F1", _share("macro_f1")),
    ("expected calibration error", _share("ece")),
    ("without the pictures that have a twin in Training", _share("accuracy_without_twins")),
    ("mean over ten crops", _share("accuracy_ten_crop")),
    ("mean over the distortions", _distorted),
    ("the worst of them", _worst),
    ("file", lambda model: f"{model['file_bytes'] / 1024:,.0f} KiB"),
    ("parameters", _parameters),
    ("million multiply-accumulates a face", _millions),
    ("peak memory of a process", _memory),
    ("one face, one thread", lambda model: f"{model['latency_ms']['p50']:.3f} ms"),
)
