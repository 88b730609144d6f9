"""Write down what the tests on the whole computer gave.

python tests/vm/write_page.py build/vm.xml docs/vm-check.md        (make vm)
python tests/vm/write_page.py build/vm.xml build/again.xml docs/vm-check.md

A test that is in two reports has the results of both in its row, the later one first.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from datetime import datetime, timezone
from itertools import groupby
from pathlib import Path

HEAD = """# Check on a whole computer

`make vm` runs `tests/vm` on a Debian 12 with a kernel and systemd of its own, and writes this page.
The tests of cameras run under QEMU, the others under User-mode Linux.
[What the rows mean](reliability.md#a-whole-computer). Times say nothing of a Pi.

| what | result | minutes |
|---|---|---:|
"""


def results(report: Path) -> Iterator[tuple[str, str, float]]:
    """Yield of each test function its title, its result and how many minutes it took."""
    cases = [case for case in ET.parse(report).iter("testcase") if case.get("name")]
    for name, group in groupby(cases, lambda case: re.sub(r"\[.*", "", case.get("name", ""))):
        tests = list(group)
        bad = sum(bool(case.findall("failure") or case.findall("error")) for case in tests)
        skipped = sum(bool(case.findall("skipped")) for case in tests)
        good = len(tests) - bad - skipped
        counts = {"**failed**": bad, "passed": good, "skipped": skipped}
        noted = [(fact.get("name"), fact.get("value")) for fact in tests[0].iter("property")]
        told = [f"{count} {what}" for what, count in counts.items() if count]
        result = ", ".join([*told, *(f"{what} {value}" for what, value in noted)])
        minutes = sum(float(case.get("time", 0)) for case in tests) / 60
        yield name.removeprefix("test_").replace("_", " "), result, minutes


def table(reports: list[Path]) -> str:
    """Return a row for each test function, with the newest of its results first."""
    told: dict[str, str] = {}
    took: dict[str, float] = {}
    for run, report in enumerate(reports, 1):
        where = f" in run {run}" if len(reports) > 1 else ""
        for title, result, minutes in results(report):
            before = f"; {told[title]}" if title in told else ""
            told[title] = result + where + before
            took[title] = minutes
    return "\n".join(f"| {title} | {told[title]} | {took[title]:.1f} |" for title in told)


def _rest(reports: list[Path]) -> str:
    """Return, as the end of a sentence, how many rows the first run did not come to."""
    first, *later = ({title for title, *_ in results(report)} for report in reports)
    missing = len(set().union(*later) - first)
    return f", {missing} of which run 1 did not come to." if missing else "."


def main(*paths: Path) -> None:
    """Write the page, the last of the paths, from the reports before it."""
    *reports, page = paths
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], stdout=subprocess.PIPE, text=True, check=True
    ).stdout.strip()
    day = datetime.now(timezone.utc).date()
    load = ", ".join(f"{each:.0f}" for each in os.getloadavg())
    where = f"{platform.machine()}, {os.cpu_count()} cores, load at the end {load}"
    lines = [table(reports), f"{day}, commit {commit}, {where}."]
    if len(reports) > 1:
        lines.insert(1, "Run 1 was `make vm`. Later runs were of some tests alone" + _rest(reports))
    page.write_text(HEAD + "\n\n".join(lines) + "\n")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
