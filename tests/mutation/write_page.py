"""Write docs/mutation.md from what tests/mutation/run.py found.

python tests/mutation/write_page.py docs/mutation.md

Groups without a result in build/mutation stay as the page has them.
"""

from __future__ import annotations

import json
import sys
import textwrap
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import tomllib

HERE = Path(__file__).parent
BUILD = HERE.parents[1] / "build" / "mutation"
HEAD = """# Do the tests notice a change?

{lead}

`make mutation` changes the code in one small way at a time: another sign, another number, an
argument less. Then it runs the tests of that code. A change that no test notices "survives".
mutmut makes the changes. Functions with decorators stay as they are. So do the words of errors,
logs and messages. Of each module some changes are drawn by a seed.

"Noticed at first" counts what the tests noticed before any test was added for these changes.
"Noticed" counts what they notice with the added tests. "Score" is its share of the changes tried.
Changes that change nothing count in no share: `tests/mutation/same.toml` gives the reason for each.
Another seed draws other changes, so expect a share nearer to the one at first.
Percentages are rounded down.

The table of runs tells of the last run of each group. With `--again` it tries only what survived.

| code | changes | tried | noticed at first | noticed | survived | change nothing | score |
|---|---:|---:|---:|---:|---:|---:|---:|
"""
RUNS = """
| run | date | commit | drawn | seed | minutes | load |
|---|---|---|---|---|---|---|
"""
COUNTS = ("changes", "tried", "at_first", "killed", "survived", "same")
"""What the columns of the table count, after the name and before the score."""
Modules = list[dict[str, Any]]
Same = set[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class Section:
    """What the page says of a group: its counts, a row a module, its run, and what survived."""

    counts: Counter[str]
    rows: tuple[str, ...]
    run: str
    survivors: tuple[str, ...]


def same_changes() -> Same:
    """Return the changes that change nothing, as module, what goes and what comes."""
    listed = tomllib.loads((HERE / "same.toml").read_text())["same"]
    return {(each["module"], each["removed"], each["added"]) for each in listed}


def counted(modules: Modules, same: Same) -> Counter[str]:
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


def share(counts: Counter[str], noticed: str) -> str:
    """Return the percentage of the changes tried that was noticed, rounded down.

    Those that change nothing count as not tried. So only what left none has 100 %.
    """
    return f"{100 * counts[noticed] // max(1, counts['tried'] - counts['same'])}%"


def row(name: str, counts: Counter[str]) -> str:
    """Return a row of the table; of a single module nobody noted what was noticed at first."""
    known = [kind for kind in COUNTS if kind in counts or kind != "at_first"]
    cells = [f"{counts[kind]:,}" if kind in known else "" for kind in COUNTS]
    return f"| {' | '.join([name, *cells, share(counts, 'killed')])} |"


def left(modules: Modules, same: Same) -> tuple[str, ...]:
    """Return the changes that survived, each as a few lines of a diff below its module."""
    found = []
    for module in modules:
        for mutant in module["tried"]:
            change = module["name"], mutant["removed"], mutant["added"]
            if mutant["outcome"] == "killed" or change in same:
                continue
            told = " (no test runs it)" if mutant["outcome"] == "no tests" else ""
            lines = [*_marked("-", change[1]), *_marked("+", change[2])]
            found.append("\n".join([f"# {module['name']}{told}", *lines]))
    return tuple(found)


def _marked(sign: str, text: str) -> list[str]:
    return [f"{sign} {each}"[:118] for each in text.split("\n") if each]


def section_of(result: dict[str, Any], same: Same) -> Section:
    """Return what a result in build/mutation says of its group."""
    modules = result["modules"]
    counts = counted(modules, same)
    counts["at_first"] = result["noticed_at_first"]
    most = f"{result['most']} of each module" if result["most"] else "all"
    cells = [result[key] for key in ("group", "date", "commit")]
    cells += [most, *(result[key] for key in ("seed", "minutes", "load"))]
    rows = tuple(row(f"`{each['name']}`", counted([each], same)) for each in modules)
    run = f"| {' | '.join(map(str, cells))} |"
    return Section(counts, rows, run, left(modules, same))


def sections_on(page: str) -> dict[str, Section]:
    """Return what a page that this module wrote says of each group that ran."""
    table, _, rest = page.partition(RUNS.strip())
    runs, _, diff = rest.partition("```diff\n")
    changes = [block for block in diff.partition("\n```")[0].split("\n\n") if block]
    found: dict[str, Section] = {}
    rows = [line for line in table.split("\n") if line.startswith(("| **", "| `"))]
    starts = [at for at, line in enumerate(rows) if line.startswith("| **")]
    for at, end in pairwise(starts):  # the last are all groups together
        name, *cells = [cell.strip() for cell in rows[at].strip("|").split("|")]
        numbers = [int(cell.replace(",", "")) for cell in cells[: len(COUNTS)]]
        group, own = name.strip("*"), tuple(rows[at + 1 : end])
        modules = {line.split("`")[1] for line in own}
        (run,) = [line for line in runs.split("\n") if line.startswith(f"| {group} |")]
        survivors = tuple(each for each in changes if each.split()[1] in modules)
        counts = Counter(dict(zip(COUNTS, numbers, strict=True)))
        found[group] = Section(counts, own, run, survivors)
    return found


def lead(total: Counter[str], missing: list[str]) -> str:
    """Return what to know first: how many changes, what was noticed, and what did not run."""
    not_run = f"Not run: {', '.join(missing)}." if missing else "All groups of code have run."
    told = (
        f"Of {total['changes']:,} possible changes of the modules below, {total['tried']:,} were "
        f"drawn and tried. The tests noticed {share(total, 'at_first')} of them at first, and "
        f"{share(total, 'killed')} after tests were added for those that survived. {not_run}"
    )
    return textwrap.fill(told, 100)


def page_of(groups: list[str], sections: dict[str, Section]) -> str:
    """Return the page, with the groups in their order."""
    ran = [group for group in groups if group in sections]
    total = sum((sections[group].counts for group in ran), Counter[str]())
    rows: list[str] = []
    for group in groups:
        if group not in sections:
            rows.append(f"| {group} | not run |{' |' * len(COUNTS)}")
            continue
        rows += [row(f"**{group}**", sections[group].counts), *sections[group].rows]
    rows.append(row("**together**", total))
    head = HEAD.format(lead=lead(total, [group for group in groups if group not in ran]))
    runs = RUNS + "\n".join(sections[group].run for group in ran)
    survivors = [each for group in ran for each in sections[group].survivors]
    shown = ["", "## What survived", "", "```diff", "\n\n".join(survivors), "```"]
    return head + "\n".join([*rows, runs, *(shown if survivors else []), ""])


def main(page: Path) -> None:
    """Write the page."""
    groups, same = [*tomllib.loads((HERE / "groups.toml").read_text())], same_changes()
    sections = sections_on(page.read_text()) if page.exists() else {}
    for group in groups:
        file = BUILD / f"{group}.json"
        if file.exists():
            sections[group] = section_of(json.loads(file.read_text()), same)
    page.write_text(page_of(groups, sections))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
