"""Cut a version: its number in the code and the citation, and its section of the changelog.

    python release/cut.py 0.3.0             (make cut VERSION=0.3.0)
    python release/cut.py --check v0.3.0    fails unless everything names this version

The version stands in `core/fer_core/__init__.py`. What else has to name it is written with it:
CITATION.cff, CHANGELOG.md, the list of contents (`release/sbom.py`), and where the container image
is named. Nothing is committed.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from datetime import date, datetime, timezone
from pathlib import Path

ROOT = Path(__file__).parents[1]
CODE, CITATION, CHANGELOG = "core/fer_core/__init__.py", "CITATION.cff", "CHANGELOG.md"
COMPOSE, PAGE = "examples/grafana/compose.yaml", "docs/how-to/containers.md"
NUMBER = r"\d+\.\d+\.\d+"
IMAGE = rf"fer-edge-kit:({NUMBER})"
PLACES = {
    CODE: rf'^__version__ = "({NUMBER})"$',
    CITATION: rf"^version: ({NUMBER})$",
    COMPOSE: IMAGE,
    PAGE: IMAGE,
    CHANGELOG: rf"^## \[Unreleased\]\n(?s:.*?)^## \[({NUMBER})\] - \d{{4}}-\d\d-\d\d$",
}
"""Where a version stands, as regular expressions; the first group is the number."""


def named(root: Path) -> dict[str, str]:
    """Return the version that each file names; with "and" between if it names several.

    Raises:
        ValueError: A file names none.
    """
    found = {}
    for name, pattern in PLACES.items():
        versions = re.findall(pattern, (root / name).read_text(encoding="utf-8"), re.MULTILINE)
        if not versions:
            raise ValueError(f"{name} names no version")
        found[name] = " and ".join(sorted({*versions}))
    return found


def differing(root: Path, version: str) -> list[str]:
    """Return the files that name another version than this one, each with what it names."""
    return [f"{name}: {each}" for name, each in named(root).items() if each != version]


def cut(root: Path, version: str, day: date) -> None:
    """Write the version into each file.

    Args:
        root: The folder of the project.
        version: Three numbers, higher than the ones before.
        day: When it is released.

    Raises:
        ValueError: The version is not higher, or nothing is unreleased.
    """
    before = named(root)[CODE]
    if not re.fullmatch(NUMBER, version) or _order(version) <= _order(before):
        raise ValueError(f"the version must be three numbers above {before}, got {version!r}")
    changelog = (root / CHANGELOG).read_text(encoding="utf-8")
    unreleased = re.search(r"^## \[Unreleased\]\n(.*?)(?=^## \[|\Z)", changelog, re.M | re.S)
    if not unreleased or not unreleased[1].strip():
        raise ValueError(f"{CHANGELOG} has nothing under [Unreleased]")
    head = f"## [Unreleased]\n\n## [{version}] - {day}\n"
    _replace(root / CHANGELOG, r"^## \[Unreleased\]\n", head)
    _replace(root / CODE, PLACES[CODE], f'__version__ = "{version}"')
    _replace(root / CITATION, PLACES[CITATION], f"version: {version}")
    _replace(root / CITATION, r"^date-released: .*$", f"date-released: {day}")
    for name in (COMPOSE, PAGE):
        _replace(root / name, IMAGE, f"fer-edge-kit:{version}", once=False)


def _order(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _replace(path: Path, pattern: str, text: str, once: bool = True) -> None:
    """Replace what a pattern matches in a file.

    Raises:
        ValueError: Nothing does, or more than one place where one is expected.
    """
    replaced, count = re.subn(pattern, text, path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    if not count or (once and count > 1):
        raise ValueError(f"{path.name}: {pattern} is there {count} times")
    path.write_text(replaced, encoding="utf-8")


def main() -> None:
    """Cut a version, or check that a tag names it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("version")
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    try:
        if given.check:
            if others := differing(ROOT, given.version.removeprefix("v")):
                sys.exit(f"not {given.version}: {', '.join(others)}")
            return
        cut(ROOT, given.version, datetime.now(timezone.utc).date())
    except ValueError as error:
        sys.exit(f"release/cut.py: {error}")
    subprocess.run([sys.executable, ROOT / "release" / "sbom.py"], check=True)
    print(f"{given.version} is cut. Look at it, commit it, and tag the commit v{given.version}.")


if __name__ == "__main__":
    main()
