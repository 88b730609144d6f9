"""A test that has passed in another environment, on the same packages, need not run again here.

    pytest --passed-to FILE     writes which tests passed, and the versions of Python and packages
    pytest --not-again FILE     leaves those tests out, if all these versions are here, too

Both runs have to be of one commit; .ci/run does the second right after the first.
"""

from __future__ import annotations

import json
import platform
from importlib.metadata import distributions
from pathlib import Path

import pytest


def versions() -> dict[str, str]:
    """Return the versions of Python and of each installed package, by its name."""
    found = {each.metadata["Name"].lower(): each.version for each in distributions()}
    return {**found, "Python": platform.python_version()}


def other_versions(there: dict[str, str], here: dict[str, str]) -> list[str]:
    """Return what stands between two environments: packages of `there` that `here` has not so."""
    return [
        f"{name} {version} there, {here.get(name, 'none')} here"
        for name, version in sorted(there.items())
        if here.get(name) != version
    ]


class Passed:
    """Writes down which tests passed, once all have run."""

    def __init__(self, file: Path) -> None:
        self._file, self._passed, self._failed = file, set[str](), set[str]()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._failed.add(report.nodeid)
        elif report.when == "call" and report.passed:
            self._passed.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        told = {"versions": versions(), "passed": sorted(self._passed - self._failed)}
        self._file.write_text(json.dumps(told))


class NotAgain:
    """Leaves out what has passed elsewhere."""

    def __init__(self, file: Path) -> None:
        told = json.loads(file.read_text())
        self._differ = other_versions(told["versions"], versions())
        self._passed = set() if self._differ else set(told["passed"])

    def pytest_report_header(self) -> str:
        if self._differ:
            return f"all tests run, as packages differ from where some passed: {self._differ}"
        return f"{len(self._passed)} tests passed elsewhere on the same packages: not run again"

    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        known = [item for item in items if item.nodeid in self._passed]
        items[:] = [item for item in items if item.nodeid not in self._passed]
        config.hook.pytest_deselected(items=known)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("environments")
    group.addoption("--passed-to", metavar="FILE", help="write which tests passed")
    group.addoption("--not-again", metavar="FILE", help="leave out what passed elsewhere")


def pytest_configure(config: pytest.Config) -> None:
    """Only the process that hears of all tests writes; every one leaves out the same."""
    write, read = config.getoption("--passed-to"), config.getoption("--not-again")
    if write and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Passed(Path(write).absolute()))
    if read:
        config.pluginmanager.register(NotAgain(Path(read)))
