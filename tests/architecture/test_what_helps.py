"""The page of what makes a network better has the figures of the decisions that it leads to."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "what-helps.md"
ROWS = re.findall(
    r"^\| (.*) \| \[\d+\]\(([^)#]*)#?[^)]*\) \|$", PAGE.read_text("utf-8"), re.MULTILINE
)


def test_every_row_leads_to_a_decision() -> None:
    rows = PAGE.read_text("utf-8").count("\n| ") - 2  # the two heads
    assert len(ROWS) == rows > 15


@pytest.mark.parametrize(("row", "decision"), ROWS)
def test_the_figures_of_a_row_are_in_its_decision(row: str, decision: str) -> None:
    figures = set(re.findall(r"\d+\.\d+", row))
    told = set(re.findall(r"\d+\.\d+", (PAGE.parent / decision).read_text("utf-8")))
    assert figures - told == set()
