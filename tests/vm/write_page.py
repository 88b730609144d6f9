"""Write down what the tests on the whole computer gave.

python tests/vm/write_page.py build/vm.xml docs/vm-check.md        (make vm)
python tests/vm/write_page.py build/vm.xml build/again.xml docs/vm-check.md

Of a test that is in two reports, the later one counts, and the page says so.
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


def rows(report: Path) -> Iterator[tuple[str, str]]:
    """Yield the name and the line of the table of each test function."""
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
        title = name.removeprefix("test_").replace("_", " ")
        yield name, f"| {title} | {result} | {minutes:.1f} |"


def table(reports: list[Path]) -> str:
    """Return the lines of all reports, and what was run alone."""
    found = dict(rows(reports[0]))
    for report in reports[1:]:
        again = dict(rows(report))
        titles = (name.removeprefix("test_").replace("_", " ") for name in again)
        found |= again
        found[str(report)] = "\nRun alone after the others: " + "; ".join(titles) + "."
    return "\n".join(found.values())


def main(*paths: Path) -> None:
    """Write the page, the last of the paths, from the reports before it."""
    *reports, page = paths
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], stdout=subprocess.PIPE, text=True, check=True
    ).stdout.strip()
    day = datetime.now(timezone.utc).date()
    load = ", ".join(f"{each:.0f}" for each in os.getloadavg())
    where = f"{platform.machine()}, {os.cpu_count()} cores, load at the end {load}"
    page.write_text(HEAD + table(reports) + f"\n\n{day}, commit {commit}, {where}.\n")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
