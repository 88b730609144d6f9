"""Write docs/mutation.md from what tests/mutation/run.py found.

python tests/mutation/write_page.py docs/mutation.md
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import tomllib

HERE = Path(__file__).parent
BUILD = HERE.parents[1] / "build" / "mutation"
HEAD = """# Do the tests notice a change?

`make mutation` changes the code in one small way at a time: another sign, another number, an
argument less. Then it runs the tests of that code. A change that no test notices "survives".
mutmut makes the changes. Functions with decorators stay as they are. So do the words of errors,
logs and messages. Of each module some changes are drawn by a seed.

The score is the share of changes that a test noticed. Changes that change nothing do not count.
`tests/mutation/same.toml` lists them, with the reason for each.

Tests were added for changes that survived, and these changes ran once more. Another seed
gives a lower score. "Noticed at first" counts what the tests noticed before.

| code | changes | tried | noticed | survived | change nothing | score |
|---|---:|---:|---:|---:|---:|---:|
"""


def same_changes() -> set[tuple[str, str, str]]:
    """Return the changes that change nothing, as module, what goes and what comes."""
    listed = tomllib.loads((HERE / "same.toml").read_text())["same"]
    return {(each["module"], each["removed"], each["added"]) for each in listed}


def counted(modules: list[dict[str, Any]], same: set[tuple[str, str, str]]) -> Counter[str]:
    """Return how many changes there are of each kind in some modules."""
    found: Counter[str] = Counter()
    for module in modules:
        found["changes"] += module["mutants"]
        for mutant in module["tried"]:
            found["tried"] += 1
            change = module["name"], mutant["removed"], mutant["added"]
            kind = mutant["outcome"] if mutant["outcome"] == "killed" else "survived"
            found["same" if kind == "survived" and change in same else kind] += 1
    return found


def line(name: str, found: Counter[str]) -> str:
    """Return a row of the table."""
    score = found["killed"] / max(1, found["killed"] + found["survived"])
    return (
        f"| {name} | {found['changes']:,} | {found['tried']:,} | {found['killed']:,} | "
        f"{found['survived']} | {found['same']} | {score:.0%} |"
    )


def left(modules: list[dict[str, Any]], same: set[tuple[str, str, str]]) -> list[str]:
    """Return the changes that survived, by module."""
    lines = []
    for module in modules:
        for mutant in module["tried"]:
            change = module["name"], mutant["removed"], mutant["added"]
            if mutant["outcome"] == "killed" or change in same:
                continue
            told = " (no test runs it)" if mutant["outcome"] == "no tests" else ""
            lines += ["", f"# {module['name']}{told}", *_marked("-", change[1])]
            lines += _marked("+", change[2])
    return lines[1:]


def _marked(sign: str, text: str) -> list[str]:
    return [f"{sign} {each}"[:118] for each in text.split("\n") if each]


def main(page: Path) -> None:
    """Write the page."""
    same, rows, survivors, runs = same_changes(), [], [], []
    total: Counter[str] = Counter()
    for group in tomllib.loads((HERE / "groups.toml").read_text()):
        file = BUILD / f"{group}.json"
        if not file.exists():
            rows.append(f"| {group} | not run | | | | | |")
            continue
        result = json.loads(file.read_text())
        found = counted(result["modules"], same)
        total += found
        rows.append(line(f"**{group}**", found))
        rows += [line(f"`{each['name']}`", counted([each], same)) for each in result["modules"]]
        survivors += left(result["modules"], same)
        most = f"{result['most']} of each module" if result["most"] else "all"
        runs.append(
            f"| {group} | {result['date']} | {result['commit']} | {most} | {result['seed']} | "
            f"{result['minutes']} | {result['load']} | {result['noticed_at_first']} |"
        )
    rows.append(line("**together**", total))
    shown = ["", "## What survived", "", "```diff", *survivors, "```"] if survivors else []
    when = [
        "",
        "| run | date | commit | drawn | seed | minutes | load | noticed at first |",
        "|---" * 8 + "|",
    ]
    page.write_text(HEAD + "\n".join([*rows, *when, *runs, *shown, ""]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
