"""Write down what the tests on the whole computer gave.

python tests/vm/write_page.py build/vm.xml docs/vm-check.md        (make vm)
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


def rows(report: Path) -> Iterator[str]:
    """Yield a line of the table for each test function."""
    cases = ET.parse(report).iter("testcase")
    for name, group in groupby(cases, lambda case: re.sub(r"\[.*", "", case.get("name", ""))):
        tests = list(group)
        bad = sum(bool(case.findall("failure") or case.findall("error")) for case in tests)
        skipped = sum(bool(case.findall("skipped")) for case in tests)
        good = len(tests) - bad - skipped
        counts = {"**failed**": bad, "passed": good, "skipped": skipped}
        result = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
        noted = {
            each.get("name"): each.get("value") for case in tests for each in case.iter("property")
        }
        result += "".join(f", {name} {value}" for name, value in noted.items())
        minutes = sum(float(case.get("time", 0)) for case in tests) / 60
        yield f"| {name.removeprefix('test_').replace('_', ' ')} | {result} | {minutes:.1f} |"


def main(report: Path, page: Path) -> None:
    """Write the page."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], stdout=subprocess.PIPE, text=True, check=True
    ).stdout.strip()
    day = datetime.now(timezone.utc).date()
    load = ", ".join(f"{each:.0f}" for each in os.getloadavg())
    where = f"{platform.machine()}, {os.cpu_count()} cores, load at the end {load}"
    page.write_text(HEAD + "\n".join(rows(report)) + f"\n\n{day}, commit {commit}, {where}.\n")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
