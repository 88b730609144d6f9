"""results.json as one page that needs nothing else: for a screen, a telephone, or paper."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape

from fer_bench import figures
from fer_bench.document import Block, Bullets, Command, report_blocks
from fer_bench.results import Results
from fer_bench.tables import Table

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark;
  --ink: #1c2128; --paper: #ffffff; --line: #d5d9e0; --soft: #f4f6f9; }}
@media (prefers-color-scheme: dark) {{
  :root {{ --ink: #e4e7ec; --paper: #14171c; --line: #363c46; --soft: #1d2128; }}
}}
body {{ margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 72rem;
  color: var(--ink); background: var(--paper); font: 16px/1.5 system-ui, sans-serif; }}
h1 {{ font-size: 1.5rem; margin: 0 0 .25rem; }} h2 {{ font-size: 1.1rem; margin: 2.5rem 0 .5rem; }}
.scroll, figure {{ overflow-x: auto; margin: 1rem 0; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; }}
th, td {{ padding: .3rem .5rem; text-align: right; white-space: nowrap;
  border-bottom: 1px solid var(--line); }}
th {{ background: var(--soft); }} th:first-child, td:first-child {{ text-align: left; }}
figure svg {{ max-width: 100%; min-width: 26rem; height: auto; }}
.side {{ display: flex; flex-wrap: wrap; gap: 1rem; }} .side figure {{ flex: 1 1 26rem; }}
code {{ overflow-wrap: anywhere; font-size: .85rem; }} .note {{ font-size: .9rem; }}
@media print {{
  :root {{ --ink: #000; --paper: #fff; --line: #bbb; --soft: #fff; }}
  body {{ max-width: none; font-size: 12px; }}
  .scroll {{ overflow: visible; }} table {{ font-size: 8px; }} th, td {{ padding: .15rem .3rem; }}
  figure, tr {{ break-inside: avoid; }}
}}
</style>
</head>
<body>
{body}
</body>
</html>
"""


def html_report(results: Results) -> str:
    """Return the page; it holds its plots and asks nothing of the network."""
    title = escape(f"fer-bench: {results.data or 'no data'}")
    return _PAGE.format(title=title, body="\n".join(_parts(results)))


def _parts(results: Results) -> Iterator[str]:
    yield "<h1>Which one to ship, and how sure</h1>"
    yield from map(_laid_out, report_blocks(results))
    evaluated = [model for model in results.models if model.evaluation]
    if timed := [model for model in evaluated if model.latency_ms]:
        yield _section("Accuracy against latency", figures.accuracy_against_latency(timed))
    binned = [m for m in evaluated if m.evaluation and m.evaluation.reliability]
    if binned:
        yield _section("Is it as sure as it is right?", figures.reliability(binned))
    if evaluated:
        yield _section("What is taken for what", *map(figures.confusion, evaluated))
    distorted = [m for m in evaluated if m.evaluation and m.evaluation.robustness]
    if distorted:
        yield _section("What cameras do to it", figures.robustness(distorted))
    timed = [m for m in results.models if m.latency_ms and m.latency_ms.percentiles]
    if timed:
        yield _section("How long a face takes", figures.latency_distribution(timed))
    if results.clips:
        yield _section("Where a frame's time goes", figures.stages(results.clips))


def _section(title: str, *plots: str) -> str:
    drawn = "".join(f"<figure>{plot}</figure>" for plot in plots)
    return f'<h2>{escape(title)}</h2><div class="side">{drawn}</div>'


def _laid_out(block: Block) -> str:
    if isinstance(block, Table):
        return _table(block)
    if isinstance(block, Bullets):
        items = "".join(f"<li>{escape(line)}</li>" for line in block.lines)
        return f'<ul class="note">{items}</ul>'
    if isinstance(block, Command):
        return f"<p><code>{escape(block.text)}</code></p>"
    words = re.sub("`([^`]+)`", r"<code>\1</code>", escape("\n".join(block.lines)))
    return f'<p class="note">{words}</p>'


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in table.columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows
    )
    laid = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="scroll">{laid}</div>'
