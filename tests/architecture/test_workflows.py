"""GitHub's workflows name what is there; `make lint` (zizmor) checks pins and rights.

They cannot run here.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
yaml = pytest.importorskip("yaml", reason="PyYAML is not here")
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yaml"))


def jobs(path: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(path.read_text())["jobs"])


def scripts(path: Path) -> list[str]:
    return [step["run"] for job in jobs(path).values() for step in job["steps"] if "run" in step]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_runs_what_is_there(path: Path) -> None:
    text = "\n".join(scripts(path))
    files = re.findall(r"(?:^|\s)((?:\.ci|release)/[\w./]+)", text)
    targets = re.findall(r"\bmake (\w[\w-]*)", text)
    assert files or targets
    assert all((ROOT / file).is_file() for file in files)
    known = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {*targets} <= known


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_rights_are_given_to_jobs_alone(path: Path) -> None:
    assert yaml.safe_load(path.read_text())["permissions"] == {}
    for name, job in jobs(path).items():
        assert job["permissions"], name
        assert job["timeout-minutes"], name


def test_an_action_has_one_pin_with_its_version() -> None:
    pins: dict[str, set[str]] = {}
    for path in WORKFLOWS:
        for line in re.findall(r"^\s*- uses: (.*)$", path.read_text(), re.MULTILINE):
            match = re.fullmatch(r"([\w-]+/[\w-]+)@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)", line)
            assert match, line
            pins.setdefault(match[1], set()).add(match[2] + match[3])
    assert len(pins) >= 5
    assert all(len(each) == 1 for each in pins.values()), pins


def test_only_the_job_that_publishes_may_ask_for_pypi() -> None:
    release = jobs(ROOT / ".github" / "workflows" / "release.yaml")
    uses = {name: [step.get("uses", "") for step in job["steps"]] for name, job in release.items()}
    publishing = [name for name, steps in uses.items() if any("pypi-publish" in s for s in steps)]
    assert publishing == ["pypi"]
    assert release["pypi"]["permissions"] == {"id-token": "write"}
    assert release["pypi"]["environment"]["name"] == "pypi"
    assert {*release["pypi"]["needs"]} == {"attest", "image"}
    assert "dist/release/" in str(release["build"]["steps"][-1]["with"]["path"])
    assert "dist/release\n" in (ROOT / "Makefile").read_text(), "where make release writes"


def test_what_decides_an_environment_stands_above_the_settings_of_tools() -> None:
    """`.ci/environment` keeps environments by what pyproject.toml has above `[tool.ruff]`."""
    assert "/^\\[tool.ruff\\]/,$d" in (ROOT / ".ci" / "environment").read_text()
    _, below = (ROOT / "pyproject.toml").read_text().split("\n[tool.ruff]\n")
    sections = re.findall(r"^\[+([\w.-]+)", below, re.MULTILINE)
    decide = ("project", "build-system", "dependency-groups", "tool.hatch", "tool.uv")
    assert sections
    assert not [each for each in sections if each.startswith(decide)]
