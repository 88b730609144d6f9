"""Print the lowest version of every range that pyproject.toml gives, as constraints for pip.

python tests/lowest_versions.py edge-headless mqtt > build/lowest.txt
"""

from __future__ import annotations

import sys
from pathlib import Path

import tomllib
from packaging.requirements import Requirement
from packaging.version import Version


def lowest(extras: list[str]) -> list[str]:
    """Return NAME==VERSION for the project's requirements and those of some extras."""
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    named = [*project["dependencies"]]
    for extra in extras:
        named += project["optional-dependencies"][extra]
    pinned: dict[str, Version] = {}
    for text in named:
        wanted = Requirement(text)
        if wanted.marker and not wanted.marker.evaluate():
            continue
        for each in wanted.specifier:
            if each.operator in (">=", "=="):
                floor = Version(each.version)
                pinned[wanted.name] = max(floor, pinned.get(wanted.name, floor))
    return [f"{name}=={version}" for name, version in pinned.items()]


if __name__ == "__main__":
    print("\n".join(lowest(sys.argv[1:])))
