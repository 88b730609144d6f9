"""Each figure of the page on what makes a network better is in the section that its row names."""

import re
from pathlib import Path

import pytest
from markdown.extensions.toc import slugify

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "what-helps.md"
TEXT = PAGE.read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (.*) \| \[\d+\]\(([^)#]*)#?([^)]*)\) \|$", TEXT, re.MULTILINE)
FIGURE = re.compile(r"(?<![\d.])-?\d+\.\d+")


def section(decision: str, wanted: str) -> str:
    """Return the text below a heading of a decision; without one, what comes before the second."""
    first, *parts = (PAGE.parent / decision).read_text(encoding="utf-8").split("\n## ")
    if not wanted:
        return first
    (found,) = (part for part in parts if slugify(part.partition("\n")[0], "-") == wanted)
    return found


def test_every_row_names_its_source() -> None:
    assert len(ROWS) == TEXT.count("\n| ") - 2  # the two heads
    assert len(ROWS) > 20


@pytest.mark.parametrize(("row", "decision", "wanted"), ROWS)
def test_the_figures_of_a_row_are_in_its_source(row: str, decision: str, wanted: str) -> None:
    told = section(decision, wanted)
    assert set(FIGURE.findall(row)) - set(FIGURE.findall(told)) == set()
    assert FIGURE.search(row)
