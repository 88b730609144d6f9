"""Two results.json against each other: what changed beyond the noise, and what got worse."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from fer_bench.report import aligned
from fer_core.errors import FerError


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How much worse is still well: `points` of accuracy and F1, `percent` of all else."""

    points: float = 0.5
    percent: float = 10.0


@dataclass(frozen=True, slots=True)
class Change:
    """One figure of one model, before and after, as text, and what that means.

    `verdict` is same, better, worse (within the tolerance), REGRESSION or noisy (not judged).
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
    same when it moved less than the repeats of either run lie apart.
    """
    old = {model["name"]: model for model in before["models"]}
    shared = [(old[model["name"]], model) for model in after["models"] if model["name"] in old]
    failed = {model["name"]: model["error"] for model in after.get("failed", [])}
    if not (shared or failed.keys() & old.keys()):
        raise FerError(
            f"the two results share no model: {', '.join(old)} and "
            f"{', '.join(model['name'] for model in after['models'])}"
        )
    same_pictures = before["data"] == after["data"]
    changes = [
        Change(name, "measured", "yes", "no", failed[name], "REGRESSION")
        for name in old
        if name in failed
    ]
    for one, other in shared:
        if same_pictures:
            changes += _shares(one, other, tolerance)
        changes += _costs(one, other, tolerance)
    return changes


def changes_table(changes: Sequence[Change]) -> str:
    """Return a line a figure."""
    head = Change("model", "figure", "before", "after", "change", "verdict")
    rows = [(c.model, c.figure, c.before, c.after, c.change, c.verdict) for c in (head, *changes)]
    return "\n".join(aligned(rows, "<<>>><"))


def require_no_regression(changes: Sequence[Change]) -> None:
    """Raise FerError that names the figures which got worse past the tolerance."""
    worse = [f"{c.figure} of {c.model} {c.change}" for c in changes if c.verdict == "REGRESSION"]
    if worse:
        raise FerError(f"worse than tolerated: {'; '.join(worse)}")


def _shares(one: dict[str, Any], other: dict[str, Any], tolerance: Tolerance) -> Iterator[Change]:
    for key, figure in (("accuracy", "accuracy"), ("macro_f1", "macro-F1")):
        if key not in one or key not in other:
            continue
        points = 100 * (other[key] - one[key])
        verdict = _verdict(-points, 0.0, tolerance.points)
        cells = f"{one[key]:.2%}", f"{other[key]:.2%}", f"{points:+.2f} points"
        yield Change(other["name"], figure, *cells, verdict)


def _costs(one: dict[str, Any], other: dict[str, Any], tolerance: Tolerance) -> Iterator[Change]:
    before, after = one["latency_ms"], other["latency_ms"]
    noise = 100 * max(before.get("spread", 0.0), after.get("spread", 0.0))
    noisy = any(each.get("conditions", {}).get("noisy") for each in (one, other))
    figures = [("latency, p50 ms", before["p50"], after["p50"], "8.3f", noise)]
    figures.append(("file, KiB", one["file_bytes"] / 1024, other["file_bytes"] / 1024, ".0f", 0.0))
    if one.get("peak_rss_bytes") and other.get("peak_rss_bytes"):
        peaks = (one["peak_rss_bytes"] / 1e6, other["peak_rss_bytes"] / 1e6)
        figures.append(("peak memory, MB", *peaks, ".1f", 2.0))
    for figure, was, now, form, spread in figures:
        percent = 100 * (now / was - 1)
        verdict = _verdict(percent, spread, tolerance.percent)
        if noisy and figure.startswith("latency"):
            verdict = "noisy"
        cells = f"{was:{form}}".strip(), f"{now:{form}}".strip(), f"{percent:+.1f} %"
        yield Change(other["name"], figure, *cells, verdict)


def _verdict(worse_by: float, noise: float, tolerated: float) -> str:
    """Return what a change means that is worse by so much, negative when it is better."""
    if abs(worse_by) <= max(noise, 1e-9):
        return "same"
    if worse_by < 0:
        return "better"
    return "REGRESSION" if worse_by > tolerated else "worse"
