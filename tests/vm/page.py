"""The commands of a page of the documentation, as a reader would type them."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

_HERE = re.compile(r"<<'(\w+)'$")


def commands(page: Path) -> list[str]:
    """Return the commands of a page's first part in turn; a here-document is one of them."""
    text = page.read_text().split("\n## ")[0]
    found: list[str] = []
    for block in _blocks(text):
        lines = iter(block.splitlines())
        for line in lines:
            command = line.removeprefix("$ ")
            if end := _HERE.search(line):
                for inner in lines:
                    command += f"\n{inner}"
                    if inner == end[1]:
                        break
            found.append(command)
    return [re.sub(r"\s+# .*", "", line) if "\n" not in line else line for line in found]


def _blocks(text: str) -> list[str]:
    """Return the indented blocks: those deeper than the text of a list's item around them."""
    blocks: list[str] = []
    current: list[str] = []
    inside = 0
    for line in [*text.splitlines(), "end"]:
        indent = len(line) - len(line.lstrip())
        if re.match(r"\d+\. ", line):
            inside = 3
        elif line and not indent:
            inside = 0
        if line.strip() and indent >= inside + 4:
            current.append(line)
        elif line.strip() and current:
            blocks.append(textwrap.dedent("\n".join(current)))
            current = []
        elif current:
            current.append("")
    return [block.strip("\n") for block in blocks]
