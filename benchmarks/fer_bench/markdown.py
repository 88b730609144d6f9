"""results.json as Markdown, for a README or a lesson."""

from __future__ import annotations

from fer_bench.document import Block, Bullets, Command, report_blocks
from fer_bench.results import Results
from fer_bench.tables import Table


def markdown_report(results: Results) -> str:
    """Return a table of the models and, below it, on what and by which command it was measured."""
    return "\n\n".join("\n".join(_lines(block)) for block in report_blocks(results)) + "\n"


def _lines(block: Block) -> list[str]:
    if isinstance(block, Table):
        return markdown_table(block)
    if isinstance(block, Bullets):
        return [f"- {line}" for line in block.lines]
    return [f"`{block.text}`"] if isinstance(block, Command) else list(block.lines)


def markdown_table(table: Table) -> list[str]:
    """Return a table as lines; the first column is left-aligned, the others right."""
    sides = ["---", *["---:"] * (len(table.columns) - 1)]
    lines = [table.columns, sides, *table.rows]
    return ["| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines]
