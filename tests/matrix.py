"""Run the tests on every Python, with the lowest and the newest packages that are allowed.

python tests/matrix.py docs/version-matrix.md                       (make matrix)
python tests/matrix.py docs/version-matrix.md device-3.14-lowest    (only this one)
python tests/matrix.py docs/version-matrix.md --short               (fewer tests, marked as such)

A Python is looked for on the PATH, in ~/.pyenv/versions and in build/pythons.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build" / "matrix"
UV = str(Path(sys.executable).with_name("uv"))
RESOLUTION = {"lowest": "lowest-direct", "newest": "highest"}
TOLD = ("numpy", "opencv-python-headless", "ai-edge-litert", "msgspec", "keras", "tensorflow-cpu")
HEAD = """# Every version that is promised

`make matrix` runs tests on every Python that is promised. It takes the lowest and the newest
packages that pyproject.toml allows there. uv chooses them: the lowest that have a wheel for that
Python. What these need in turn is the newest.

The device has the extras `edge-headless`, `yunet` and `mqtt`. Training has `train`, `edge-headless`
and `sweep`. "In short" means fewer tests: core, golden, runtime, settings and YuNet. For training:
networks, the training loop, export and conversion.

**{ran} of {all} environments have run.**

| environment | Python | packages | result | minutes | date, commit, load |
|---|---|---|---|---:|---|
"""


@dataclass(frozen=True, slots=True)
class Side:
    """What is tested on several Pythons, wholly or in short."""

    pythons: tuple[str, ...]
    extras: tuple[str, ...]
    tests: tuple[str, ...]
    short: tuple[str, ...]


SIDES = {
    "device": Side(
        ("3.10", "3.11", "3.12", "3.13", "3.14"),
        ("edge-headless", "yunet", "mqtt"),
        ("tests/unit/core", "tests/unit/edge", "tests/golden"),
        (
            "tests/unit/core",
            "tests/golden",
            *(f"tests/unit/edge/test_{each}.py" for each in ("interpreter", "options", "yunet")),
        ),
    ),
    "training": Side(
        ("3.11", "3.12", "3.13"),
        ("train", "edge-headless", "sweep"),
        ("tests/unit/train", "tests/unit/convert", "-W", "default"),
        (
            *(f"tests/unit/train/test_{each}.py" for each in ("architectures", "loop")),
            *(f"tests/unit/convert/test_{each}.py" for each in ("export", "convert")),
            *("-W", "default"),
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class Row:
    """What came of one environment."""

    environment: str
    python: str
    packages: str
    result: str
    minutes: float
    when: str


def environments() -> list[str]:
    """Return the names of all, such as device-3.10-lowest."""
    return [
        f"{s}-{p}-{end}" for s, side in SIDES.items() for p in side.pythons for end in RESOLUTION
    ]


def find_python(version: str) -> Path | None:
    """Return an interpreter of a version such as 3.14, None where there is none."""
    kept = Path.home().glob(f".pyenv/versions/{version}.*/bin")  # its shims on the PATH may not run
    made = ROOT.glob("build/pythons/*/usr/bin")
    path = os.pathsep.join([*map(str, kept), *map(str, made), os.environ.get("PATH", "")])
    found = shutil.which(f"python{version}", path=path)
    return Path(found) if found else None


def installed_version(python: Path) -> str:
    """Return the whole version of an interpreter, such as 3.14.8."""
    told = subprocess.run([python, "--version"], stdout=subprocess.PIPE, text=True, check=True)
    return told.stdout.split()[-1]


def run(*command: str | Path) -> None:
    """Run a command whose output nobody needs unless it fails.

    Raises:
        CalledProcessError: It failed.
    """
    subprocess.run([*map(str, command)], cwd=ROOT, check=True, capture_output=True, text=True)


def make_environment(python: Path, extras: tuple[str, ...], end: str, home: Path) -> str:
    """Make a virtual environment with our wheel; return the versions of what matters most.

    Raises:
        CalledProcessError: The packages of these ranges do not go together, or are not to be had.
    """
    (wheel,) = (ROOT / "dist").glob("*.whl")
    wanted = home / "packages.txt"
    wheels = ("--only-binary", ":all:", "--python", python)
    named = [word for extra in extras for word in ("--extra", extra)]
    chosen = ("--resolution", RESOLUTION[end], "--output-file", wanted, "--quiet", "--no-annotate")
    run(UV, "pip", "compile", "pyproject.toml", *named, *chosen, *wheels)
    run(UV, "venv", "--quiet", "--clear", "--python", python, home / "venv")
    into = (UV, "pip", "install", "--quiet", "--python", home / "venv" / "bin" / "python")
    run(*into, "--only-binary", ":all:", "--requirement", wanted)
    run(*into, "--no-deps", wheel)
    run(*into, "--constraint", wanted, "pytest>=8", "pytest-xdist>=3.6", "packaging")
    lines = dict(x.split("==") for x in wanted.read_text().split("\n") if "==" in x)
    return ", ".join(f"{name} {lines[name]}" for name in TOLD if name in lines)


def tested(tests: tuple[str, ...], home: Path) -> str:
    """Run tests in an environment; return how many passed, and which failed."""
    report = home / "junit.xml"
    report.unlink(missing_ok=True)
    command = [home / "venv" / "bin" / "python", "-m", "pytest", "-q", f"--junitxml={report}"]
    with (home / "log.txt").open("w") as log:
        subprocess.run([*map(str, command), *tests], cwd=ROOT, stdout=log, stderr=log, check=False)
    if not report.exists():
        return "**failed**: no test ran"
    cases = list(ElementTree.parse(report).getroot().iter("testcase"))
    bad = [f"`{x.get('name')}`" for x in cases if {"failure", "error"} & {y.tag for y in x}]
    skipped = sum(x.find("skipped") is not None for x in cases)
    told = f"{len(cases) - len(bad) - skipped} passed, {skipped} skipped"
    return f"{told}, **{len(bad)} failed**: {', '.join(bad)}" if bad else told


def row(name: str, short: bool) -> Row:
    """Return what came of an environment, made and tested now."""
    kind, version, end = name.split("-")
    side, home, started = SIDES[kind], BUILD / name, time.monotonic()
    home.mkdir(parents=True, exist_ok=True)
    python, packages = find_python(version), ""
    if python is None:
        result = "not run: no such Python here"
    else:
        try:
            packages = make_environment(python, side.extras, end, home)
            result = tested(side.short if short else side.tests, home) + ", in short" * short
        except subprocess.CalledProcessError as error:
            reason = re.sub(r"\s+", " ", error.stderr).strip()[-300:]
            result = f"**failed**: the packages cannot be installed: {reason}"
    commit = ["git", "rev-parse", "--short", "HEAD"]
    at = subprocess.run(commit, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
    load = os.getloadavg()[2]
    when = f"{time.strftime('%Y-%m-%d', time.gmtime())}, {at.strip()}, load {load:.0f}"
    minutes = round((time.monotonic() - started) / 60, 1)
    exactly = installed_version(python) if python else version
    return Row(name, exactly, packages, result, minutes, when)


def write_page(page: Path) -> int:
    """Write the page from what came of each environment; return how many did not pass.

    What has not run here stays as an earlier page has it.
    """
    before = page.read_text() if page.exists() else ""
    kept = {line.split("`")[1]: line for line in before.split("\n") if line.startswith("| `")}
    lines, bad = [], 0
    for name in environments():
        file = BUILD / f"{name}.json"
        if file.exists():
            each = Row(**json.loads(file.read_text()))
            bad += "**" in each.result
            values = (each.python, each.packages, each.result, f"{each.minutes}", each.when)
            kept[name] = f"| `{name}` | {' | '.join(values)} |"
        lines.append(kept.get(name, f"| `{name}` |  |  | not run |  |  |"))
    ran = sum("| not run" not in line for line in lines)
    page.write_text(
        HEAD.format(ran=ran, all=len(lines))
        + "\n".join(lines)
        + f"\n\n{platform.machine()}, {platform.system()}.\n"
    )
    return bad


def main() -> int:
    """Run what is asked for, or all; return how many failed."""
    page, *asked = [each for each in sys.argv[1:] if each != "--short"]
    for name in asked or environments():
        print(f"== {name}", flush=True)
        came = row(name, "--short" in sys.argv)
        print(came.result, flush=True)
        (BUILD / f"{name}.json").write_text(json.dumps(asdict(came), indent=1) + "\n")
    return write_page(Path(page))


if __name__ == "__main__":
    sys.exit(main())
