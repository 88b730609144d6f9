"""A report as blocks in their order, which Markdown and HTML lay out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fer_bench import notes, tables
from fer_bench.records import ModelRecord
from fer_bench.results import Results


@dataclass(frozen=True, slots=True)
class Bullets:
    """Lines of a list."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Command:
    """A command as it was typed."""

    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Lines of prose, in which a word between backticks is code."""

    lines: tuple[str, ...]


Block = tables.Table | Bullets | Command | Paragraph


def report_blocks(results: Results) -> Iterator[Block]:
    """Yield the tables of the models and below them on what and how it was measured.

    A table without a row, a column without a figure and a list without a line are left out.
    """
    models = results.models
    yield from _filled(tables.overview_table(results))
    if warnings := tuple(notes.warnings(results)):
        yield Bullets(warnings)
    if lines := tuple(_secondary(models)):
        yield Bullets(lines)
    yield from _filled(
        tables.cost_table(models),
        tables.recall_table(models),
        tables.distortion_table(models),
        tables.clip_table(results.clips),
    )
    yield Command(results.command)
    yield Paragraph((_place(results), _test(results)))


def _filled(*each: tables.Table) -> Iterator[tables.Table]:
    return (table.without_empty_columns() for table in each if table.rows)


def _secondary(models: Sequence[ModelRecord]) -> Iterator[str]:
    for model in models:
        if words := list(notes.secondary_figures(model)):
            yield f"{model.name}: {'; '.join(words)}"


def _place(results: Results) -> str:
    where, latency = results.environment, tables.reference_model(results.models).latency_ms
    if not latency:
        return f"{where.runtime}, {where.kernels} kernels."
    board = "" if where.on_a_pi else " Not measured on a Pi."
    return (
        f"{where.runtime}, {where.kernels} kernels, one thread, median of {latency.runs} faces; "
        f"{where.processor}, {where.cores} cores.{board}"
    )


def _test(results: Results) -> str:
    reference, test = tables.reference_model(results.models), results.data or "no data"
    times = f" `times`: latency in that of {reference.name}." if reference.latency_ms else ""
    return f"Test: {test}.{times}"
