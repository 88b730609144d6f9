"""What .ci/run leaves out of the whole suite: tests that passed before, on the same packages."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from passed_elsewhere import NotAgain, Passed, other_versions


def report(name: str, when: str = "call", outcome: str = "passed") -> Any:
    passed, failed = outcome == "passed", outcome == "failed"
    return SimpleNamespace(nodeid=name, when=when, passed=passed, failed=failed)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """What a run wrote of which one test passed, and others did not."""
    run = Passed(tmp_path / "passed.json")
    for each in (
        *(report("good", when) for when in ("setup", "call", "teardown")),
        *(report("skipped", "setup"), report("skipped", "call", "skipped")),
        *(report("bad", "setup"), report("bad", "call", "failed")),
        *(report("untidy", "call"), report("untidy", "teardown", "failed")),
        report("never called", "setup"),
    ):
        run.pytest_runtest_logreport(each)
    run.pytest_sessionfinish()
    return tmp_path / "passed.json"


def left(rule: NotAgain) -> list[str]:
    left_out: list[Any] = []

    def pytest_deselected(items: list[Any]) -> None:
        left_out.extend(items)

    names = ("good", "skipped", "bad", "untidy", "never called", "new")
    items = [SimpleNamespace(nodeid=name) for name in names]
    rule.pytest_collection_modifyitems(
        SimpleNamespace(hook=SimpleNamespace(pytest_deselected=pytest_deselected)), items
    )
    kept = [item.nodeid for item in items]
    assert sorted([*kept, *(item.nodeid for item in left_out)]) == sorted(names)
    return kept


def test_only_what_passed_on_the_same_packages_is_left_out(file: Path) -> None:
    rule = NotAgain(file)
    assert rule.pytest_report_header().startswith("1 tests passed elsewhere")
    assert left(rule) == ["skipped", "bad", "untidy", "never called", "new"]


def test_all_run_where_a_package_differs(file: Path) -> None:
    told = json.loads(file.read_text())
    told["versions"] |= {"numpy": "1.0", "not-here": "2.1"}
    file.write_text(json.dumps(told))
    rule = NotAgain(file)
    assert "not-here 2.1 there, none here" in rule.pytest_report_header()
    assert "numpy 1.0 there" in rule.pytest_report_header()
    assert len(left(rule)) == 6


def test_packages_that_are_only_here_make_no_difference() -> None:
    assert other_versions({"a": "1"}, {"a": "1", "b": "2"}) == []
    assert other_versions({"a": "1", "b": "2"}, {"a": "1"}) == ["b 2 there, none here"]
