"""Two results.json against each other: what changed beyond the noise, and what got worse."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import hypot
from statistics import mean

from fer_bench import cells
from fer_bench.limits import NOISE_OF_SPREAD
from fer_bench.records import ModelRecord
from fer_bench.report import aligned
from fer_bench.results import Results
from fer_core.errors import FerError
from fer_core.tolerance import exceeds

_SAME = ("board", "cpu", "cores", "governor", "runtime", "kernels")
REGRESSION, TOO_FAST, NOISY, NOT_JUDGED = "REGRESSION", "TOO FAST", "noisy", "not judged"
ROUNDED_PERCENT, ROUNDED_POINTS = 0.05, 0.005
"""Changes up to these are shown as 0.0 % and 0.00 points."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How much worse is still well.

    Attributes:
        points: The tolerance of all shares, in percentage points.
        percent: That of latency and sizes, a ratio in both directions: a latency may not fall by
            more either.
    """

    points: float = 0.5
    percent: float = 10.0


@dataclass(frozen=True, slots=True)
class Change:
    """One figure of one model, before and after, as text, and what that means.

    Attributes:
        verdict: same, better, worse (within the tolerance), REGRESSION, TOO FAST, noisy or
            not judged.
    """

    model: str
    figure: str
    before: str
    after: str
    change: str
    verdict: str


def compare_results(before: Results, after: Results, tolerance: Tolerance) -> list[Change]:
    """Return the changes of the models that both results hold.

    Accuracy on the same pictures has no noise: every change is real for those. A latency is the
    same when it moved less than the rounds of either run let expect.

    Raises:
        FerError: They share no model.
    """
    old = {model.name: model for model in before.models}
    shared = [(old[model.name], model) for model in after.models if model.name in old]
    failed = {model.name: model.error for model in after.failed}
    if not (shared or failed.keys() & old.keys()):
        raise FerError(
            f"the two results share no model: {', '.join(old)} and "
            f"{', '.join(model.name for model in after.models)}"
        )
    lost = [name for name in old if name in failed]
    changes = [Change(name, "measured", "yes", "no", failed[name], REGRESSION) for name in lost]
    for one, other in shared:
        if not _other_pictures(before, after):
            changes += _shares(one, other, tolerance)
        costs = _costs(one, other, tolerance)
        if _other_machine(before, after):
            costs = (replace(c, verdict=NOT_JUDGED) if _of_machine(c) else c for c in costs)
        changes += costs
    return changes


def _of_machine(change: Change) -> bool:
    return change.figure.startswith(("latency", "peak memory"))


def _other_machine(before: Results, after: Results) -> list[str]:
    """Return a line for each thing that makes latency and memory another machine's."""
    one, other = before.environment, after.environment
    both_name_instructions = one.instructions and other.instructions  # old files do not
    same = [*_SAME, "instructions"] if both_name_instructions else _SAME
    pairs = [(key, getattr(one, key), getattr(other, key)) for key in same]
    return [f"different {key}: {was} before, {now} after" for key, was, now in pairs if was != now]


def _other_pictures(before: Results, after: Results) -> str:
    """Return why accuracies cannot be compared, nothing when the test pictures are the same."""
    if before.data != after.data:
        return f"judged on {before.data or 'nothing'} before, on {after.data or 'nothing'} after"
    if not before.data:
        return ""
    prints = {"before": before.data_fingerprint, "after": after.data_fingerprint}
    if unknown := [when for when, known in prints.items() if not known]:
        return (
            f"no fingerprint of the test pictures {' and '.join(unknown)}, so nobody knows whether "
            "they are the same: measure again"
        )
    if prints["before"] != prints["after"]:
        return (
            "other pictures or labels, though of one name and number (fingerprint "
            f"{prints['before'][:8]} before, {prints['after'][:8]} after)"
        )
    return ""


def not_compared(before: Results, after: Results) -> list[str]:
    """Return what the comparison leaves out or what makes it unfair, a line each."""
    lines = []
    for results, other, where in ((before, after, "before"), (after, before, "after")):
        others = {model.name for model in other.models} | {model.name for model in other.failed}
        names = [model.name for model in results.models if model.name not in others]
        lines += [f"{name}: only measured {where}" for name in names]
        if results.quick:
            lines.append(f"latency: {where} was --quick, a tenth of the timed runs")
    if reason := _other_pictures(before, after):
        lines.append(f"accuracy: {reason}")
    machine = _other_machine(before, after)
    told = {bool(each.environment.instructions) for each in (before, after)}
    if not machine and len(told) > 1:
        machine = [
            "one result is old and does not name the processor's instructions: make sure that it "
            "is the same processor"
        ]
    return [*lines, *(f"latency and memory: {line}" for line in machine)]


def changes_table(changes: Sequence[Change]) -> str:
    """Return a line a figure."""
    head = Change("model", "figure", "before", "after", "change", "verdict")
    rows = [(c.model, c.figure, c.before, c.after, c.change, c.verdict) for c in (head, *changes)]
    return "\n".join(aligned(rows, "<<>>><"))


def require_no_regression(changes: Sequence[Change]) -> None:
    """Make sure that no figure got worse past the tolerance.

    Raises:
        FerError: One did, or a latency fell further than plausible, or a bad moment hides one, of
            which nobody knows that it held.
    """
    reasons = [
        f"{words}: {'; '.join(found)}"
        for verdict, words in (
            (REGRESSION, "worse than tolerated"),
            (TOO_FAST, "faster than plausible, check threads, kernels and model"),
            (NOISY, "measured in a bad moment, measure again"),
        )
        if (
            found := [
                f"{c.figure} of {c.model} {c.change}" for c in changes if c.verdict == verdict
            ]
        )
    ]
    if reasons:
        raise FerError("; ".join(reasons))


def _shares(one: ModelRecord, other: ModelRecord, tolerance: Tolerance) -> Iterator[Change]:
    """Yield what changed of the shares: more is better, but for the calibration error."""
    was, now = one.evaluation, other.evaluation
    figures = [
        ("accuracy", was.accuracy if was else None, now.accuracy if now else None),
        ("macro-F1", was.macro_f1 if was else None, now.macro_f1 if now else None),
        ("calibration error", was.ece if was else None, now.ece if now else None),
        ("accuracy, distorted", *_mean_distorted(one, other)),
    ]
    for figure, before, after in figures:
        if not (before is None and after is None):
            yield _share_change(other.name, figure, before, after, tolerance)


def _share_change(
    model: str, figure: str, before: float | None, after: float | None, tolerance: Tolerance
) -> Change:
    told = [cells.percent(share, 2, "%") for share in (before, after)]
    if before is None or after is None:
        lost = after is None and figure in ("accuracy", "macro-F1")
        verdict = REGRESSION if lost else NOT_JUDGED
        return Change(model, figure, told[0], told[1], "not measured", verdict)
    points = 100 * (after - before)
    worse = points if figure == "calibration error" else -points
    verdict = _verdict(worse, ROUNDED_POINTS, tolerance.points)
    return Change(model, figure, told[0], told[1], f"{points:+.2f} points", verdict)


def _mean_distorted(
    one: ModelRecord, other: ModelRecord
) -> tuple[float, float] | tuple[None, None]:
    """Return the mean accuracy of both over the distortions that both have seen."""
    before, after = (m.evaluation.robustness if m.evaluation else {} for m in (one, other))
    if not (kinds := before.keys() & after.keys()):
        return None, None
    return mean(before[kind] for kind in kinds), mean(after[kind] for kind in kinds)


def _costs(one: ModelRecord, other: ModelRecord, tolerance: Tolerance) -> Iterator[Change]:
    yield _latency_change(one, other, tolerance)
    figures = [("file, KiB", one.file_bytes / 1024, other.file_bytes / 1024, 0, 0.0)]
    peaks = [each.process.peak_rss_bytes if each.process else None for each in (one, other)]
    if peaks[0] and peaks[1]:
        figures.append(("peak memory, MB", peaks[0] / 1e6, peaks[1] / 1e6, 1, 2.0))
    for figure, was, now, places, noise in figures:
        percent = 100 * (now / was - 1)
        verdict = _verdict(percent, max(noise, ROUNDED_PERCENT), tolerance.percent)
        told = cells.decimal(was, places), cells.decimal(now, places), f"{percent:+.1f} %"
        yield Change(other.name, figure, *told, verdict)


def _latency_change(one: ModelRecord, other: ModelRecord, tolerance: Tolerance) -> Change:
    """Return the change of the latency: noisy, or in a direction and how far."""
    was, now = one.latency_ms, other.latency_ms
    if not (was and now):
        told = cells.median(was), cells.median(now)
        return Change(other.name, "latency, p50 ms", *told, "not measured", NOT_JUDGED)
    percent = 100 * (now.p50 / was.p50 - 1)
    change = f"{percent:+.1f} %"
    noise = 100 * NOISE_OF_SPREAD * hypot(was.spread, now.spread)
    verdict = _verdict(percent, max(noise, ROUNDED_PERCENT), tolerance.percent)
    if verdict == "better" and was.p50 / now.p50 > 1 + tolerance.percent / 100:
        verdict = TOO_FAST
    if noisy := [when for when, each in (("before", one), ("after", other)) if each.is_noisy]:
        verdict, change = NOISY, f"{change} (noisy {' and '.join(noisy)})"
    told = cells.decimal(was.p50), cells.decimal(now.p50)
    return Change(other.name, "latency, p50 ms", *told, change, verdict)


def _verdict(worse_by: float, noise: float, tolerated: float) -> str:
    """Return what a change means that is worse by so much, negative when it is better."""
    if not exceeds(abs(worse_by), noise):
        return "same"
    if worse_by < 0:
        return "better"
    return REGRESSION if exceeds(worse_by, tolerated) else "worse"
