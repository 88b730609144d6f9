"""The results as a table to read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from fer_bench.conditions import noise_reason
from fer_bench.records import BenchmarkRecord, Results
from fer_bench.side_by_side import yardstick_of

_COLUMNS = (
    ("model", "<"),
    ("KiB", ">"),
    ("accuracy", ">"),
    ("95 % interval", ">"),
    ("macro-F1", ">"),
    ("ECE", ">"),
    ("flips", ">"),
    ("p50 ms", ">"),
    ("p90", ">"),
    ("p99", ">"),
    ("times", ">"),
    ("p50 all", ">"),
    ("load ms", ">"),
    ("peak MB", ">"),
)


def results_table(results: Results) -> str:
    """Return the table with the lines that say where and on what it was measured."""
    rows = [tuple(name for name, _ in _COLUMNS)]
    if results.models:
        yardstick = results.models[yardstick_of([each.name for each in results.models])]
        rows += [_cells(record, yardstick.latency.p50) for record in results.models]
    rows += [(model.name, "failed", *["-"] * (len(_COLUMNS) - 2)) for model in results.failed]
    lines = aligned(rows, [side for _, side in _COLUMNS])
    return "\n".join([*lines, "", *_robustness(results), *_clips(results), *_footnotes(results)])


def aligned(rows: Sequence[Sequence[str]], sides: Sequence[str]) -> list[str]:
    """Return rows of cells as lines whose columns stand below each other, `<` left or `>` right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(f"{c:{side}{width}}" for c, side, width in zip(row, sides, widths, strict=True))
        for row in rows
    ]


def _robustness(results: Results) -> list[str]:
    """Return accuracy under every distortion, a row each, the change from plain in brackets."""
    models = [record for record in results.models if record.robustness and record.accuracy]
    if not models:
        return []
    names = list(models[0].robustness)
    first = max(map(len, names))
    lines = [" ".join(["distortion".ljust(first), *(f"{m.name:>20}" for m in models)])]
    for name in names:
        cells = [
            f"{m.robustness[name]:>11.2%} ({100 * (m.robustness[name] - plain):+5.1f})"
            for m in models
            for plain in [m.accuracy.report.accuracy if m.accuracy else 0.0]
        ]
        lines.append(" ".join([name.ljust(first), *cells]))
    return [*lines, ""]


def _clips(results: Results) -> list[str]:
    """Return a row for each clip and loop, and how much faster the first loop is than others."""
    if not results.clips:
        return []
    loop_width = 2 + max(len(loop.name) for loop in results.clips[0].loops)
    clip_width = 2 + max(len(clip.clip) for clip in results.clips)
    heads = "frames/s  ms a frame  found of frames  false boxes  dropped  stages"
    lines = [f"{'clip':<{clip_width}}{'loop':<{loop_width}}{heads}"]
    for clip in results.clips:
        known = clip.frames_with_face is not None
        for loop in clip.loops:
            found = f"{loop.found} of {clip.frames_with_face}" if known else "-"
            false = str(loop.false_boxes) if known else "-"
            whole = sum(loop.stages_ms.values())
            stages = " ".join(f"{name} {ms / whole:.0%}" for name, ms in loop.stages_ms.items())
            speed, took = clip.frames / loop.seconds, 1e3 * loop.seconds / clip.frames
            lines.append(
                f"{clip.clip:<{clip_width}}{loop.name:<{loop_width}}{speed:8.1f}{took:12.3f}"
                f"{found:>17}{false:>13}{loop.dropped:>9}  {stages}"
            )
    first, *others = (
        [clip.loops[i] for clip in results.clips] for i in range(len(results.clips[0].loops))
    )
    for other in others:
        ratios = [b.seconds / a.seconds for a, b in zip(first, other, strict=True)]
        lines.append(
            f"{first[0].name}: {min(ratios):.1f} to {max(ratios):.1f} times the frames a second of "
            f"{other[0].name}, {sum(b.seconds for b in other) / sum(a.seconds for a in first):.1f} "
            "over all clips"
        )
    return [*lines, "one thread, decoding not counted", ""]


def _cells(record: BenchmarkRecord, yardstick_ms: float) -> tuple[str, ...]:
    peak = record.cost.peak_rss_bytes
    measured = record.accuracy
    if measured:
        report = measured.report
        low, high = report.accuracy_interval95
        judged = (
            f"{report.accuracy:.2%}",
            f"{100 * low:.1f}-{100 * high:.1f}",
            f"{report.macro_f1:.2%}",
            f"{report.ece:.2%}",
        )
    else:
        judged = ("-", "-", "-", "-")
    return (
        record.name,
        f"{record.file_bytes / 1024:.0f}",
        *judged,
        "-" if record.label_flips is None else str(record.label_flips),
        f"{record.latency.p50:.3f}",
        f"{record.latency.p90:.3f}",
        f"{record.latency.p99:.3f}",
        f"{record.latency.p50 / yardstick_ms:.2f}",
        f"{record.latencies[max(record.latencies)].p50:.3f}",
        f"{record.cost.load_ms:.1f}",
        "-" if peak is None else f"{peak / 1e6:.1f}",
    )


def _footnotes(results: Results) -> list[str]:
    where = results.environment
    lines = [
        "one face, pixels to probabilities; p50 p90 p99 on one thread, 'all' on "
        f"{max(2, where.cores)}; load and peak memory in a fresh process; times: p50 in that of "
        "mini-xception, else of fer-nano, else of the first",
        f"{where.runtime}, {where.kernels} kernels, Python {where.python}, numpy {where.numpy}, "
        f"OpenCV {where.opencv}",
        f"{where.board}, {where.cpu}, {where.cores} cores, governor {where.governor}",
        f"accuracy: {results.data}, single crop"
        if results.data
        else "no data: accuracy not measured",
    ]
    if results.quick:
        lines.append("--quick: a tenth of the timed runs")
    if where.was_busy:
        lines.append(
            f"NOISY: other programs were at work before ({where.load_before:.1f} on average, on "
            f"{where.cores} cores); measure the latencies anew"
        )
    lines += [f"{model.name}: not measured: {model.error}" for model in results.failed]
    for record in results.models:
        lines += [f"{record.name}: {line}" for line in _apart(record)]
    if not any(record.endurance for record in results.models):
        lines.append("energy and the effect of heat: not measured (--steady SECONDS)")
    if not where.on_a_pi:
        lines.append("not measured on a Pi")
    return lines


def _apart(record: BenchmarkRecord) -> list[str]:
    """Return the figures that are no headline: without twins, ten-crop, against the parent."""
    lines = []
    if record.is_noisy:
        reason = noise_reason(asdict(record.conditions), record.latency.spread)
        lines.append(f"NOISY: {reason}; measure the latency anew")
    if record.unjudged:
        lines.append(record.unjudged)
    if record.endurance:
        lines.append(record.endurance.text())
    if record.accuracy and record.accuracy.without_twins is not None:
        lines.append(
            f"{record.accuracy.without_twins:.2%} without the pictures that have an exact twin "
            "in the training split"
        )
    if record.ten_crop is not None:
        lines.append(f"{record.ten_crop:.2%} as the mean over ten crops")
    if record.accuracy_change:
        change, (low, high) = record.accuracy_change
        lines.append(
            f"{100 * change:+.2f} points against its parent "
            f"(95 % interval {100 * low:+.2f} to {100 * high:+.2f}, paired; McNemar's exact "
            f"p = {record.mcnemar_p:.2g})"
        )
    return lines
