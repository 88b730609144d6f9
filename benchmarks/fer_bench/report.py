"""The results as tables to read in a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fer_bench import notes, tables
from fer_bench.records import Environment
from fer_bench.results import Results

_WORDS = {"model", "detector", "distortion", "clip", "loop", "share of stages"}


def results_table(results: Results) -> str:
    """Return the tables with the lines that say where and on what it was measured."""
    lines = [*aligned_table(_summary(results)), ""]
    distortions = tables.distortion_table(results.models)
    if distortions.rows:
        lines += [*aligned_table(distortions), ""]
    if results.clips:
        clips = tables.clip_table(results.clips)
        lines += [*aligned_table(clips), *tables.loop_ratios(results.clips)]
        lines += ["one thread, decoding not counted", ""]
    return "\n".join([*lines, *_footnotes(results)])


def _summary(results: Results) -> tables.Table:
    """Return the headline figures, of a cluster without the columns of what is timed."""
    table = tables.summary_table(results)
    return table if _is_timed(results) else table.without_empty_columns()


def _is_timed(results: Results) -> bool:
    return any(model.latency_ms for model in results.models)


def aligned(rows: Sequence[Sequence[str]], sides: Sequence[str]) -> list[str]:
    """Return rows of cells as lines whose columns stand below each other, `<` left or `>` right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(f"{c:{side}{width}}" for c, side, width in zip(row, sides, widths, strict=True))
        for row in rows
    ]


def aligned_table(table: tables.Table) -> list[str]:
    """Return a table as lines, words on the left and figures on the right of their columns."""
    sides = ["<" if column in _WORDS else ">" for column in table.columns]
    return [line.rstrip() for line in aligned([table.columns, *table.rows], sides)]


def _footnotes(results: Results) -> list[str]:
    where = results.environment
    lines = [*_setting(where)] if _is_timed(results) else [_versions(where)]
    lines.append(
        f"accuracy: {results.data}, single crop"
        if results.data
        else "no data: accuracy not measured"
    )
    lines += notes.warnings(results)
    for model in results.models:
        lines += [f"{model.name}: {words}" for words in notes.secondary_figures(model)]
    if _is_timed(results) and not any(model.endurance for model in results.models):
        lines.append("energy and the effect of heat: not measured (--steady SECONDS)")
    if not where.on_a_pi:
        lines.append("not measured on a Pi")
    return lines


def _setting(where: Environment) -> Iterator[str]:
    yield (
        "one face, pixels to probabilities; p50 p90 p99 on one thread, 'all' on "
        f"{max(2, where.cores)}; load and peak memory in a fresh process; times: p50 in that of "
        "mini-xception, else of fer-nano, else of the first"
    )
    yield _versions(where)
    yield f"{where.board}, {where.processor}, {where.cores} cores, governor {where.governor}"


def _versions(where: Environment) -> str:
    return (
        f"{where.runtime}, {where.kernels} kernels, Python {where.python}, numpy {where.numpy}, "
        f"OpenCV {where.opencv}"
    )
