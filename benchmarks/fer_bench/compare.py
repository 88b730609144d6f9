"""Two results.json against each other: what changed beyond the noise, and what got worse."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import hypot
from statistics import mean
from typing import Any

from fer_bench.report import aligned
from fer_bench.timing import TURNS
from fer_core.errors import FerError

_SAME = ("board", "cpu", "cores", "governor", "runtime", "kernels")
NOISE_OF_SPREAD = 1.96 * 1.25 / 2.33 / TURNS**0.5
"""Half a 95 % interval of a latency, in spreads: the medians of five turns lie 2.33 standard
deviations apart, and the median of all has 1.25 / sqrt(5) of one."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How much worse is still well: `points` of all shares, `percent` of latency and sizes."""

    points: float = 0.5
    percent: float = 10.0


@dataclass(frozen=True, slots=True)
class Change:
    """One figure of one model, before and after, as text, and what that means.

    `verdict` is same, better, worse (within the tolerance), REGRESSION, noisy or not judged.
    """

    model: str
    figure: str
    before: str
    after: str
    change: str
    verdict: str


def compare_results(
    before: dict[str, Any], after: dict[str, Any], tolerance: Tolerance
) -> list[Change]:
    """Return the changes of the models that both results hold; raise FerError if they share none.

    Accuracy on the same pictures has no noise: every change is real for those. A latency is the
    same when it moved less than the turns of either run let expect.
    """
    old = {model["name"]: model for model in before["models"]}
    shared = [(old[model["name"]], model) for model in after["models"] if model["name"] in old]
    failed = {model["name"]: model["error"] for model in after.get("failed", [])}
    if not (shared or failed.keys() & old.keys()):
        raise FerError(
            f"the two results share no model: {', '.join(old)} and "
            f"{', '.join(model['name'] for model in after['models'])}"
        )
    changes = [
        Change(name, "measured", "yes", "no", failed[name], "REGRESSION")
        for name in old
        if name in failed
    ]
    for one, other in shared:
        if _same_pictures(before, after):
            changes += _shares(one, other, tolerance)
        costs = _costs(one, other, tolerance)
        if _other_machine(before, after):
            costs = (replace(c, verdict="not judged") if _of_machine(c) else c for c in costs)
        changes += costs
    return changes


def _of_machine(change: Change) -> bool:
    return change.figure.startswith(("latency", "peak memory"))


def _other_machine(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Return a line for each thing that makes latency and memory another machine's."""
    pairs = [(key, before["environment"].get(key), after["environment"].get(key)) for key in _SAME]
    return [f"another {key}: {was} before, {now} after" for key, was, now in pairs if was != now]


def not_compared(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Return what the comparison leaves out or what makes it unfair, a line each."""
    lines = []
    for results, where in ((before, "before"), (after, "after")):
        other = before if results is after else after
        others = {model["name"] for model in (*other["models"], *other.get("failed", []))}
        names = [model["name"] for model in results["models"] if model["name"] not in others]
        lines += [f"{name}: only measured {where}" for name in names]
        if results.get("quick"):
            lines.append(f"latency: {where} was --quick, a tenth of the timed runs")
    if not _same_pictures(before, after):
        lines.append(
            f"accuracy: judged on {before['data'] or 'nothing'} before, on "
            f"{after['data'] or 'nothing'} after"
        )
    machine = _other_machine(before, after)
    return [*lines, *(f"latency and memory: {line}" for line in machine)]


def _same_pictures(before: dict[str, Any], after: dict[str, Any]) -> bool:
    return bool(before["data"] == after["data"])


def changes_table(changes: Sequence[Change]) -> str:
    """Return a line a figure."""
    head = Change("model", "figure", "before", "after", "change", "verdict")
    rows = [(c.model, c.figure, c.before, c.after, c.change, c.verdict) for c in (head, *changes)]
    return "\n".join(aligned(rows, "<<>>><"))


def require_no_regression(changes: Sequence[Change]) -> None:
    """Raise FerError that names the figures which got worse past the tolerance.

    So does a latency that a bad moment hides: nobody knows that it held.
    """
    worse = [f"{c.figure} of {c.model} {c.change}" for c in changes if c.verdict == "REGRESSION"]
    hidden = [f"{c.figure} of {c.model} {c.change}" for c in changes if c.verdict == "noisy"]
    reasons = [f"worse than tolerated: {'; '.join(worse)}"] if worse else []
    if hidden:
        reasons.append(f"measured in a bad moment, measure anew: {'; '.join(hidden)}")
    if reasons:
        raise FerError("; ".join(reasons))


def _shares(one: dict[str, Any], other: dict[str, Any], tolerance: Tolerance) -> Iterator[Change]:
    """Yield what changed of the shares: more is better, but for the calibration error."""
    figures: list[tuple[str, float | None, float | None]] = [
        ("accuracy", one.get("accuracy"), other.get("accuracy")),
        ("macro-F1", one.get("macro_f1"), other.get("macro_f1")),
        ("calibration error", one.get("ece"), other.get("ece")),
        ("accuracy, distorted", *_mean_distorted(one, other)),
    ]
    for figure, was, now in figures:
        if was is None and now is None:
            continue
        if was is None or now is None:
            told = ["-" if share is None else f"{share:.2%}" for share in (was, now)]
            lost = now is None and figure in ("accuracy", "macro-F1")
            verdict = "REGRESSION" if lost else "not judged"
            yield Change(other["name"], figure, told[0], told[1], "not measured", verdict)
            continue
        points = 100 * (now - was)
        worse = points if figure == "calibration error" else -points
        verdict = _verdict(worse, 0.0, tolerance.points)
        cells = f"{was:.2%}", f"{now:.2%}", f"{points:+.2f} points"
        yield Change(other["name"], figure, *cells, verdict)


def _mean_distorted(
    one: dict[str, Any], other: dict[str, Any]
) -> tuple[float, float] | tuple[None, None]:
    """Return the mean accuracy of both over the distortions that both have seen."""
    before, after = one.get("robustness") or {}, other.get("robustness") or {}
    if not (kinds := before.keys() & after.keys()):
        return None, None
    return mean(before[kind] for kind in kinds), mean(after[kind] for kind in kinds)


def _costs(one: dict[str, Any], other: dict[str, Any], tolerance: Tolerance) -> Iterator[Change]:
    before, after = one["latency_ms"], other["latency_ms"]
    noise = 100 * NOISE_OF_SPREAD * hypot(before.get("spread", 0.0), after.get("spread", 0.0))
    noisy = [
        when
        for when, each in (("before", one), ("after", other))
        if each.get("conditions", {}).get("noisy")
    ]
    figures = [("latency, p50 ms", before["p50"], after["p50"], "8.3f", noise)]
    figures.append(("file, KiB", one["file_bytes"] / 1024, other["file_bytes"] / 1024, ".0f", 0.0))
    if one.get("peak_rss_bytes") and other.get("peak_rss_bytes"):
        peaks = (one["peak_rss_bytes"] / 1e6, other["peak_rss_bytes"] / 1e6)
        figures.append(("peak memory, MB", *peaks, ".1f", 2.0))
    for figure, was, now, form, spread in figures:
        percent = 100 * (now / was - 1)
        verdict = _verdict(percent, spread, tolerance.percent)
        change = f"{percent:+.1f} %"
        if noisy and figure.startswith("latency"):
            verdict, change = "noisy", f"{change} (noisy {' and '.join(noisy)})"
        cells = f"{was:{form}}".strip(), f"{now:{form}}".strip(), change
        yield Change(other["name"], figure, *cells, verdict)


def _verdict(worse_by: float, noise: float, tolerated: float) -> str:
    """Return what a change means that is worse by so much, negative when it is better."""
    if abs(worse_by) <= max(noise, 1e-9):
        return "same"
    if worse_by < 0:
        return "better"
    return "REGRESSION" if worse_by > tolerated else "worse"
