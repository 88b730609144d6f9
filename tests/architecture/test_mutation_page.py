"""The page with the results of tests/mutation, of which most groups did not run at its writing."""

import json
from pathlib import Path
from typing import Any

import pytest

from mutation import write_page
from mutation.write_page import page_of, section_of, sections_on, share

SAME = {("fer_core/a.py", "a = 1", "a = 2")}


def mutant(outcome: str, removed: str = "", added: str = "") -> dict[str, str]:
    return {"name": "x", "outcome": outcome, "removed": removed, "added": added}


def result(group: str, module: str, at_first: int, *tried: dict[str, str]) -> dict[str, Any]:
    return {
        "group": group,
        "noticed_at_first": at_first,
        "most": 30,
        "seed": 1,
        "minutes": 0.5,
        "date": "2026-11-28",
        "commit": "abc1234",
        "load": 2.5,
        "modules": [{"name": module, "mutants": 1200, "tried": list(tried)}],
    }


FIRST = result(
    "first",
    "fer_core/a.py",
    1,
    *(mutant("killed") for _ in range(3)),
    mutant("survived", "a = 1", "a = 2"),
    mutant("survived", "b = (\n  1\n)", "b = None"),
)
SECOND = result("second", "fer_core/b.py", 1, mutant("killed"), mutant("no tests", "c", "d"))


def test_the_page_leads_with_both_shares_and_what_did_not_run() -> None:
    sections = {"first": section_of(FIRST, SAME)}
    page = page_of(["first", "second", "third"], sections)
    lead = " ".join(page.split("\n\n")[1].split())
    assert lead == (
        "Of 1,200 possible changes of the modules below, 5 were drawn and tried. The tests noticed "
        "25% of them at first, and 75% after tests were added for those that survived. "
        "Not run: second, third."
    )
    assert "| **first** | 1,200 | 5 | 1 | 3 | 1 | 1 | 75% |" in page
    assert "| `fer_core/a.py` | 1,200 | 5 |  | 3 | 1 | 1 | 75% |" in page
    assert "| second | not run | | | | | | |" in page
    assert "# fer_core/a.py\n- b = (\n-   1\n- )\n+ b = None\n```" in page


def test_only_what_left_no_change_has_all_of_a_hundred() -> None:
    most = [mutant("killed") for _ in range(999)]
    counts = section_of(result("c", "m", 999, *most, mutant("survived", "x", "y")), SAME).counts
    assert share(counts, "killed") == "99%"
    counts = section_of(result("c", "m", 999, *most), SAME).counts
    assert share(counts, "killed") == "100%"


def test_what_a_page_says_of_a_group_is_read_as_it_was_written() -> None:
    sections = {each["group"]: section_of(each, SAME) for each in (FIRST, SECOND)}
    page = page_of(["first", "between", "second"], sections)
    assert sections_on(page) == sections
    assert page_of(["first", "between", "second"], sections_on(page)) == page


def test_groups_that_do_not_run_now_stay_as_the_page_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_page, "HERE", tmp_path)
    monkeypatch.setattr(write_page, "BUILD", tmp_path)
    (tmp_path / "groups.toml").write_text("[first]\n[second]\n")
    (tmp_path / "same.toml").write_text('[[same]]\nmodule = "m"\nremoved = "r"\nadded = "a"\n')
    page = tmp_path / "mutation.md"
    (tmp_path / "first.json").write_text(json.dumps(FIRST))
    write_page.main(page)
    before = sections_on(page.read_text())
    assert [*before] == ["first"]
    (tmp_path / "first.json").unlink()
    (tmp_path / "second.json").write_text(json.dumps(SECOND))
    write_page.main(page)
    after = sections_on(page.read_text())
    assert [*after] == ["first", "second"]
    assert after["first"] == before["first"]
    assert "All groups of code have run." in " ".join(page.read_text().split())
    assert "| **together** | 2,400 | 7 | 2 | 4 | 3 | 0 | 57% |" in page.read_text()


def test_the_page_of_the_project_is_one_that_can_be_kept() -> None:
    page = Path(__file__).parents[2] / "docs" / "mutation.md"
    text = page.read_text(encoding="utf-8")
    groups = [*write_page.tomllib.loads((write_page.HERE / "groups.toml").read_text())]
    assert page_of(groups, sections_on(text)) == text
