"""The page of the release check says at which commit each row ran, and keeps the others."""

import subprocess
from pathlib import Path

import pytest

import release_check

ROW = "| what | `true {}` | 1 passed | {} | 0.1 |"


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(release_check, "CHECKS", (("a", "true a"), ("b", "true b")))
    return tmp_path / "page.md"


def test_rows_that_did_not_run_stay(page: Path) -> None:
    page.write_text(ROW.format("a", "old") + "\n")
    assert release_check.main(page, "true b") == 0
    text = page.read_text()
    assert ROW.format("a", "old") in text
    head = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
    )
    assert f"| b | `true b` |  | {head.stdout.strip()} | 0.0 |" in text
    assert "**Not everything ran at one commit**" in text


def test_one_commit_is_said_when_all_ran_at_it(page: Path) -> None:
    rows = {f"true {name}": ROW.format(name, "abc") for name in "ab"}
    assert "Everything ran at abc." in release_check.page_text(rows, "abc")
    assert "**Not everything" in release_check.page_text({"true a": rows["true a"]}, "abc")
    assert "| b | `true b` | not run | | |" in release_check.page_text({}, "abc")


def test_a_check_that_fails_is_said(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release_check, "CHECKS", (("a", "false"),))
    assert release_check.main(page) == 1
    assert "**failed**" in page.read_text()
