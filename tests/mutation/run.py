"""Change the code in small ways, and see whether its tests notice: mutation testing, by mutmut.

python tests/mutation/run.py --most 30 --seed 1 heads access     (make mutation)
python tests/mutation/run.py --again heads                       (what survived, with new tests)

mutmut wants all packages in one folder, so each group is tried on a copy in build/mutation.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import tomllib

ROOT, HERE = Path(__file__).parents[2], Path(__file__).parent
BUILD = ROOT / "build" / "mutation"
PACKAGES = ("core/fer_core", "edge/fer_edge", "convert/fer_convert")
READ = ("tests", "docs")
"""The tests, and what they read: a page says which keys the events of `/events` have."""
WORDS = [r"^\s*raise\b", r"\blog\.\w+\(", r'^\s*f?"[^"]* ']
"""Lines whose expressions stay as they are: what is raised, logged or said in several words."""
KILLED, SURVIVED = "killed", "survived"


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change, and what came of it: `killed`, `survived`, or `no tests` where none runs it."""

    name: str
    outcome: str
    removed: str
    added: str


@dataclass(frozen=True, slots=True)
class Module:
    """The mutants of a module that were tried, of how many."""

    name: str
    mutants: int
    tried: tuple[Mutant, ...]


def stage(group: str, wanted: dict[str, list[str]]) -> Path:
    """Lay out a group's code, tests and settings; return the folder."""
    home = BUILD / group
    shutil.rmtree(home, ignore_errors=True)
    clean = shutil.ignore_patterns("__pycache__")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, home / "src" / Path(package).name, ignore=clean)
    for beside in READ:
        shutil.copytree(ROOT / beside, home / beside, ignore=clean)
    settings = {
        "source_paths": ["src"],
        "only_mutate": [f"src/{each}" for each in wanted["modules"]],
        "do_not_mutate_patterns": WORDS,
        "also_copy": list(READ),
        "pytest_add_cli_args": ["-n", "0"],
        "pytest_add_cli_args_test_selection": wanted["tests"],
        "timeout_constant": 5.0,
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
    project = (ROOT / "pyproject.toml").read_text()
    (home / "pyproject.toml").write_text("\n".join([project, "[tool.mutmut]", *lines, ""]))
    return home


def mutants_of(file: Path) -> list[str]:
    """Return the names of all mutants of a module, which lies in the working folder."""
    from mutmut.mutation.file_mutation import mutate_file_contents
    from mutmut.utils.format_utils import get_mutant_name

    made = mutate_file_contents(str(file), file.read_text()).mutant_names
    return [get_mutant_name(file, name) for name in made]


def chosen(home: Path, wanted: list[str], most: int, seed: int) -> dict[str, tuple[int, list[str]]]:
    """Return for each module how many mutants it has, and those to try."""
    found = {}
    for file in sorted({file for each in wanted for file in (home / "src").glob(each)}):
        names = mutants_of(file.relative_to(home))
        module = str(file.relative_to(home / "src"))
        pick = random.Random(f"{seed} {module}").sample(names, min(most or len(names), len(names)))
        if names:
            found[module] = len(names), pick
    return found


def outcome_of(exit_code: int | None) -> str:
    """Return what the exit code of a mutant's tests says; one that never ends is noticed, too."""
    if exit_code is None:
        return "not tried"
    return {0: SURVIVED, 5: "no tests", 33: "no tests"}.get(exit_code, KILLED)


def changed_lines(name: str, file: Path) -> tuple[str, str]:
    """Return what a mutant takes away and what it puts in its place."""
    from mutmut.mutation.diff_apply import get_diff_for_mutant

    lines = get_diff_for_mutant(name, path=file).splitlines()
    kinds = ("-", "+")
    removed, added = (
        "\n".join(x[1:].strip() for x in lines if x[:1] == k and x[:3] != 3 * k) for k in kinds
    )
    return removed, added


def tried(home: Path, module: str, count: int, names: list[str]) -> Module:
    """Return what mutmut noted of a module's mutants."""
    noted = json.loads((home / "mutants" / "src" / f"{module}.meta").read_text())
    codes, found = noted["exit_code_by_key"], []
    for name in names:
        outcome = outcome_of(codes[name])
        lines = ("", "") if outcome == KILLED else changed_lines(name, Path("src") / module)
        found.append(Mutant(name, outcome, *lines))
    return Module(module, count, tuple(found))


def run_group(group: str, wanted: dict[str, list[str]], most: int, seed: int) -> list[Module]:
    """Try some of a group's mutants."""
    home = stage(group, wanted)
    os.chdir(home)
    from mutmut.configuration import reset_config

    reset_config()
    picked = chosen(home, wanted["modules"], most, seed)
    run_mutmut(home, [name for _, some in picked.values() for name in some])
    return [tried(home, module, count, some) for module, (count, some) in picked.items()]


def run_again(group: str, wanted: dict[str, list[str]], before: list[Module]) -> list[Module]:
    """Try again what survived; the code has to be the same."""
    home = stage(group, wanted)
    os.chdir(home)
    left = {m.name: [x.name for x in m.tried if x.outcome != KILLED] for m in before}
    if not any(left.values()):
        return before
    run_mutmut(home, [name for names in left.values() for name in names])
    found = []
    for module in before:
        now = {x.name: x for x in tried(home, module.name, 0, left[module.name]).tried}
        found.append(replace(module, tried=tuple(now.get(x.name, x) for x in module.tried)))
    return found


def run_mutmut(home: Path, names: list[str]) -> None:
    """Try mutants, one after the other.

    Raises:
        SystemExit: The tests fail without any change, so they tell nothing.
    """
    command = [str(Path(sys.executable).with_name("mutmut")), "run", "--max-children", "1", *names]
    with (home / "log.txt").open("w") as log:
        subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False)
    if "mutations/second" not in (home / "log.txt").read_text():
        raise SystemExit(f"mutmut did not come to its end: see {home.relative_to(ROOT)}/log.txt")


def read_module(told: dict[str, Any]) -> Module:
    """Return a module of a result that was kept."""
    return Module(told["name"], told["mutants"], tuple(Mutant(**each) for each in told["tried"]))


def main() -> None:
    """Run the groups that are asked for, and keep what came out beside the others."""
    groups = tomllib.loads((HERE / "groups.toml").read_text())
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("groups", nargs="*", default=list(groups))
    parser.add_argument("--most", type=int, default=30, help="mutants of a module; 0 for all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--again", action="store_true", help="only those that survived last time")
    asked = parser.parse_args()
    for group in asked.groups:
        before: dict[str, Any] = {}
        started, file = time.monotonic(), BUILD / f"{group}.json"
        if asked.again:
            before = json.loads(file.read_text())
            asked.most, asked.seed = before["most"], before["seed"]
            modules = run_again(group, groups[group], [read_module(m) for m in before["modules"]])
        else:
            modules = run_group(group, groups[group], asked.most, asked.seed)
        os.chdir(ROOT)
        head = ["git", "rev-parse", "--short", "HEAD"]
        commit = subprocess.run(head, stdout=subprocess.PIPE, text=True, check=True).stdout
        killed = sum(m.outcome == KILLED for each in modules for m in each.tried)
        result = {
            "group": group,
            "noticed_at_first": before.get("noticed_at_first", killed),
            "most": asked.most,
            "seed": asked.seed,
            "minutes": round((time.monotonic() - started) / 60, 1),
            "date": time.strftime("%Y-%m-%d", time.gmtime()),
            "commit": commit.strip(),
            "load": round(os.getloadavg()[1], 1),
            "modules": [asdict(each) for each in modules],
        }
        file.write_text(json.dumps(result, indent=1) + "\n")
        survivors = sum(m.outcome != KILLED for each in modules for m in each.tried)
        print(f"{group}: {survivors} of {sum(len(m.tried) for m in modules)} survived", flush=True)


if __name__ == "__main__":
    main()
