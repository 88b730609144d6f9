"""A few models side by side, a row a figure: the table of a README."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from fer_core.errors import ArgumentError

Model = dict[str, Any]
_YARDSTICKS = ("mini-xception", "fer-nano")


def side_by_side(results: dict[str, Any], names: Sequence[str], detail: bool = False) -> str:
    """Return a Markdown table of the named models; raise ArgumentError for a name not there.

    A figure that none of them has is no row, one that some lack is a dash. `detail` adds every
    class and every distortion.
    """
    known = {model["name"]: model for model in results["models"]}
    if lacking := [name for name in names if name not in known]:
        raise ArgumentError(f"no {', '.join(lacking)} among {', '.join(known)}")
    models = [known[name] for name in names]
    yardstick = results["models"][yardstick_of([model["name"] for model in results["models"]])]
    in_that = partial(_ratio, yardstick["latency_ms"]["p50"])
    figures: list[tuple[str, Callable[[Model], str]]]
    figures = [*_ROWS, (f"times the latency of {yardstick['name']}", in_that)]
    figures += _details(models) if detail else []
    rows = [(what, [cell(model) for model in models]) for what, cell in figures]
    lines = [f"| {results['data'] or 'no data'}, single crop | {' | '.join(names)} |"]
    lines.append("|---|" + "---:|" * len(names))
    lines += [f"| {what} | {' | '.join(cells)} |" for what, cells in rows if set(cells) != {"-"}]
    return "\n".join([*lines, ""])


def yardstick_of(names: Sequence[str]) -> int:
    """Return which model latencies are told in: mini-xception, else fer-nano, else the first."""
    found = [i for start in _YARDSTICKS for i, name in enumerate(names) if name.startswith(start)]
    return (found or [0])[0]


def _details(models: Sequence[Model]) -> list[tuple[str, Callable[[Model], str]]]:
    """Return a row for every class and every distortion that one of the models has."""
    labels = dict.fromkeys(label for model in models for label in model.get("per_class", {}))
    kinds = dict.fromkeys(kind for model in models for kind in model.get("robustness", {}))
    return [
        *((f"{label}: precision, recall, F1", partial(_of_class, label)) for label in labels),
        *((kind, partial(under, kind)) for kind in kinds),
    ]


def _of_class(label: str, model: Model) -> str:
    found = model.get("per_class", {}).get(label)
    if not found:
        return "-"
    return ", ".join(f"{100 * found[key]:.1f}" for key in ("precision", "recall", "f1"))


def under(kind: str, model: Model) -> str:
    """Return the accuracy under a distortion and the points lost, as text."""
    share = model.get("robustness", {}).get(kind)
    return "-" if share is None else f"{100 * share:.1f} ({100 * (share - model['accuracy']):+.1f})"


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


def _flips(model: Model) -> str:
    return f"{model['label_flips']}" if model.get("label_flips") is not None else "-"


def _activations(model: Model) -> str:
    held = model.get("activation_bytes")
    return f"{held / 1024:,.0f} KiB" if held else "-"


def _memory(model: Model) -> str:
    peak = model.get("peak_rss_bytes")
    return f"{peak / 1e6:.0f} MB" if peak else "-"


def _latency(model: Model) -> str:
    noisy = " (noisy)" if model.get("conditions", {}).get("noisy") else ""
    return f"{model['latency_ms']['p50']:.3f} ms{noisy}"


def _ratio(yardstick_ms: float, model: Model) -> str:
    return f"{model['latency_ms']['p50'] / yardstick_ms:.2f}"


_ROWS: tuple[tuple[str, Callable[[Model], str]], ...] = (
    ("accuracy (95 % interval)", _accuracy),
    ("points against its own float32, paired", _change),
    ("labels that differ from its own float32's", _flips),
    ("macro-F1", _share("macro_f1")),
    ("expected calibration error", _share("ece")),
    ("accuracy without pictures that lie in Training too", _share("accuracy_without_twins")),
    ("accuracy of the mean over ten crops", _share("accuracy_ten_crop")),
    ("accuracy, mean over the distortions", _distorted),
    ("the worst of these", _worst),
    ("file", lambda model: f"{model['file_bytes'] / 1024:,.0f} KiB"),
    ("parameters", _parameters),
    ("million multiply-accumulates a face", _millions),
    ("activations held at once", _activations),
    ("peak memory of a process", _memory),
    ("latency of a face, one thread", _latency),
)
