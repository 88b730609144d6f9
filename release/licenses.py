"""The licenses of all packages that pip may install with fer-edge-kit, as SPDX expressions.

    python release/licenses.py [SITE_PACKAGES...]  writes release/licenses.json, docs/licenses.md
    python release/licenses.py --page              makes the page alone again
    python release/licenses.py --check             fails if the page or the list is not whole

It reads the metadata of what is installed: in this environment, then in the others that are named.
`release/licenses.toml` says what the metadata does not: licenses of packages that are not installed
here, parts inside wheels, and what a license asks of you.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterable
from fnmatch import fnmatch
from importlib.metadata import distributions
from itertools import chain
from pathlib import Path
from typing import Any

import tomllib
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from license_metadata import Package

ROOT = Path(__file__).parents[1]
FOUND, TOLD = ROOT / "release" / "licenses.json", ROOT / "release" / "licenses.toml"
PAGE = ROOT / "docs" / "licenses.md"
COPYLEFT = re.compile(r"\b[AL]?GPL|\bMPL|\bEPL|\bCDDL|LicenseRef")
HEAD = """# Licenses

fer-edge-kit is under the [Apache License 2.0](../LICENSE). [NOTICE](../NOTICE) names what its wheel
holds that is not code, and where that is from. What pip installs with it keeps its own license.
This page lists those.

The weights of the shipped models are under the same license, as far as the authors can grant it.
They learned from FER2013, which carries no open license. Whether you may sell a product with them
is not settled: ask a lawyer, or [train on your own photos](how-to/own-photos.md).

`python release/licenses.py` made it from the metadata of the packages. It is no legal advice."""
MORE = """Copyleft, and terms that are not free software. Copyleft asks nothing of you until you
pass programs or container images on to others."""
INSIDE = """What wheels hold besides their own code, if its license differs from the one that the
wheel names."""
EXTRAS = "Versions are those of the day when the page was made."


def required() -> dict[str, list[Requirement]]:
    """Return what pyproject.toml requires: "" for always, then by extra; dev is not for users."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = {"": project["dependencies"], **project["optional-dependencies"]}
    own = canonicalize_name(project["name"])
    return {
        extra: [each for each in map(Requirement, words) if canonicalize_name(each.name) != own]
        for extra, words in groups.items()
        if extra != "dev"
    }


def closure(wanted: Iterable[Requirement], there: dict[str, Package]) -> set[str]:
    """Return the names of packages that requirements bring, with what those require in turn."""
    reached: set[str] = set()
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [(each, frozenset({""})) for each in wanted]
    while waiting:
        requirement, extras = waiting.pop()
        marker, name = requirement.marker, canonicalize_name(requirement.name)
        inner = frozenset({"", *requirement.extras})
        if marker and not any(marker.evaluate({"extra": extra}) for extra in extras):
            continue
        reached.add(name)
        if name in there and (name, inner) not in seen:
            seen.add((name, inner))
            waiting += [(Requirement(each), inner) for each in there[name].requires]
    return reached


def known_packages(folders: list[str]) -> dict[str, Package]:
    """Return the packages that are installed here or in folders, by their names.

    Requirements that are not installed are asked of the package index: their metadata alone.
    """
    there: dict[str, Package] = {}
    for package in [*distributions(), *distributions(path=folders)]:
        there.setdefault(canonicalize_name(package.name), Package.installed(package))
    for requirement in chain(*required().values()):
        if canonicalize_name(requirement.name) not in there:
            for name, package in offered(requirement).items():
                there.setdefault(name, package)
    return there


def offered(requirement: Requirement) -> dict[str, Package]:
    """Return the packages that pip would install for a requirement, or that one alone.

    Some need what only their own computers have, such as libcamera; then they stand alone.

    Raises:
        CalledProcessError: pip finds no such package; it has said why.
    """
    words = f"{requirement.name}{_extras(requirement)}{requirement.specifier}"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--report", "-"]
    command += ["--ignore-installed", words]
    wheels = [*command, "--only-binary=:all:"]
    done = subprocess.run(wheels, capture_output=True, check=False)
    if done.returncode:
        done = subprocess.run([*command, "--no-deps"], stdout=subprocess.PIPE, check=True)
    told = [each["metadata"] for each in json.loads(done.stdout)["install"]]
    return {canonicalize_name(each["name"]): Package.offered(each) for each in told}


def _extras(requirement: Requirement) -> str:
    return f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""


def found(there: dict[str, Package]) -> dict[str, Any]:
    """Return the packages with their licenses, and those of each extra.

    Raises:
        ValueError: The license of a package is not clear.
    """
    stated = tomllib.loads(TOLD.read_text())["stated"]
    extras, packages, unclear = {}, {}, []
    for extra, wanted in required().items():
        direct = {canonicalize_name(each.name) for each in wanted}
        further = closure(wanted, there) - direct
        extras[extra] = {"direct": sorted(direct), "further": sorted(further)}
        for name in direct | further:
            package = there.get(name)
            license_ = package.license() if package else None
            if name in stated:
                license_ = stated[name], "stated"
            if not license_:
                unclear.append(name)
                continue
            version = package.version if package else ""
            packages[name] = {"version": version, "license": license_[0], "source": license_[1]}
    if unclear:
        raise ValueError(f"state the license in {TOLD.name}: {', '.join(sorted({*unclear}))}")
    return {"extras": extras, "packages": dict(sorted(packages.items()))}


def page(told: dict[str, Any]) -> str:
    """Return the page for the documentation.

    Raises:
        ValueError: A package with copyleft or a license of its own kind has no note.
    """
    notes = tomllib.loads(TOLD.read_text())
    packages = told["packages"]
    bringing: dict[str, list[str]] = {}
    for extra, names in told["extras"].items():
        for name in (*names["direct"], *names["further"]):
            bringing.setdefault(name, []).append(extra or "always")
    parts = [HEAD, "## Licenses that ask for more", MORE]
    asking: dict[tuple[str, ...], list[str]] = {}
    for name, each in packages.items():
        if COPYLEFT.search(each["license"]):
            told_of = each["license"], ", ".join(bringing[name]), _note(name, notes["notes"])
            asking.setdefault(told_of, []).append(f"`{name}`")
    rows = [(", ".join(names), *told_of) for told_of, names in asking.items()]
    parts += [_table(("package", "license", "brought by", "what to know"), rows)]
    parts += ["## Inside wheels", INSIDE]
    rows = [(f"`{each['package']}`", each["what"], each["know"]) for each in notes["inside"]]
    parts += [_table(("package", "what it holds", "what to know"), rows)]
    parts += ["## What each extra names", EXTRAS]
    rows = [
        (extra or "always", f"`{name}`", packages[name]["version"], packages[name]["license"])
        for extra, names in told["extras"].items()
        for name in names["direct"]
    ]
    parts += [_table(("extra", "package", "version", "license"), rows)]
    parts += ["## Everything that comes with it, by license"]
    by_license: dict[str, list[str]] = {}
    for name, each in packages.items():
        by_license.setdefault(each["license"], []).append(f"`{name}`")
    rows = [(each, str(len(names)), ", ".join(names)) for each, names in sorted(by_license.items())]
    parts += [_table(("license", "packages", "which"), rows)]
    return "\n\n".join(parts) + "\n"


def _note(name: str, notes: dict[str, str]) -> str:
    for pattern, note in notes.items():
        if fnmatch(name, pattern):
            return note
    raise ValueError(f"{name} asks for more than a notice: say what to know in {TOLD.name}")


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def whole(told: dict[str, Any]) -> list[str]:
    """Return the requirements of pyproject.toml that the list does not have with their extra."""
    return [
        f"{requirement.name} ({extra or 'always'})"
        for extra, wanted in required().items()
        for requirement in wanted
        if canonicalize_name(requirement.name)
        not in told["extras"].get(extra, {}).get("direct", ())
        or canonicalize_name(requirement.name) not in told["packages"]
    ]


def main() -> None:
    """Write list and page, or check them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", help="site-packages of other environments")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--page", action="store_true")
    given = parser.parse_args()
    try:
        if not (given.check or given.page):
            text = json.dumps(found(known_packages(given.folders)), indent=1, sort_keys=True)
            FOUND.write_text(text + "\n")
        told = json.loads(FOUND.read_text())
        if missing := whole(told):
            sys.exit(f"{FOUND.name} lacks {', '.join(missing)}: run python release/licenses.py")
        text = page(told)
    except ValueError as error:
        sys.exit(f"release/licenses.py: {error}")
    if not given.check:
        PAGE.write_text(text)
    elif PAGE.read_text() != text:
        sys.exit(f"{PAGE.name} is no longer true: run python release/licenses.py --page")


if __name__ == "__main__":
    main()
