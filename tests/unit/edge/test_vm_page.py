"""The page with the results of tests/vm; the tests themselves need a whole computer."""

from pathlib import Path

from vm.write_page import table

FAILED = '<testcase name="test_a_boot" time="60"><failure/></testcase>'
CASES = '<testcase name="test_a_cut[0]" time="60"/><testcase name="test_a_cut[1]" time="30"/>'
NOTED = """<testcase name="test_a_boot" time="6">
<properties><property name="exposure" value="1.8"/></properties></testcase>"""


def report(path: Path, cases: str) -> Path:
    path.write_text(f"<testsuites><testsuite>{cases}</testsuite></testsuites>")
    return path


def test_a_row_counts_the_cases_of_a_test(tmp_path: Path) -> None:
    lines = table([report(tmp_path / "vm.xml", CASES + FAILED)]).splitlines()
    assert lines == ["| a cut | 2 passed | 1.5 |", "| a boot | 1 **failed** | 1.0 |"]


def test_a_test_that_was_run_again_has_both_results(tmp_path: Path) -> None:
    first, again = tmp_path / "vm.xml", tmp_path / "again.xml"
    lines = table([report(first, CASES + FAILED), report(again, NOTED)]).splitlines()
    assert lines == [
        "| a cut | 2 passed in run 1 | 1.5 |",
        "| a boot | 1 passed, exposure 1.8 in run 2; 1 **failed** in run 1 | 0.1 |",
    ]
