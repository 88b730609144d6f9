"""The licenses of what pip installs: the page is whole and true, and copyleft has its note."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import pytest
import tomllib
from packaging.requirements import Requirement

import licenses
from license_metadata import Package, spdx

ROOT = Path(__file__).parents[2]
TOLD: dict[str, Any] = json.loads(licenses.FOUND.read_text())


def test_the_page_is_true_and_whole() -> None:
    command = [sys.executable, ROOT / "release" / "licenses.py", "--check"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_requirement_without_a_license_is_named() -> None:
    assert licenses.whole(TOLD) == []
    extras = {**TOLD["extras"], "mqtt": {"direct": [], "further": []}}
    assert licenses.whole({**TOLD, "extras": extras}) == ["paho-mqtt (mqtt)"]
    packages = {name: each for name, each in TOLD["packages"].items() if name != "typer"}
    assert licenses.whole({**TOLD, "packages": packages}) == ["typer (always)"]


def test_each_license_is_an_spdx_expression() -> None:
    for name, each in TOLD["packages"].items():
        assert spdx(each["license"]) == each["license"], name


def test_licenses_are_those_of_the_packages_that_are_here() -> None:
    compared = 0
    for name, each in TOLD["packages"].items():
        try:
            package = Package.installed(distribution(name))
        except PackageNotFoundError:
            continue
        if each["source"] != "stated":
            assert package.license() == (each["license"], each["source"]), name
            compared += 1
    assert compared > 50


def test_copyleft_needs_a_note() -> None:
    package = {"version": "1", "license": "AGPL-3.0-only", "source": "License"}
    packages = {**TOLD["packages"], "new-one": package}
    extras = {**TOLD["extras"], "mqtt": {"direct": ["new-one"], "further": []}}
    with pytest.raises(ValueError, match="new-one asks for more"):
        licenses.page({"packages": packages, "extras": extras})
    named = {name for name, each in TOLD["packages"].items() if "GPL" in each["license"]}
    assert named == {"psycopg", "psycopg-binary", "python-prctl"}
    page = licenses.PAGE.read_text().partition("## What each extra names")[0]
    assert all(f"`{name}`" in page for name in (*named, "av", "opencv-python"))


def test_what_ffmpeg_says_of_itself_is_on_the_page() -> None:
    av = pytest.importorskip("av")
    from av._core import library_meta

    said = {each["license"] for each in library_meta.values()}
    assert said == {"LGPL version 3 or later"}, av.__version__
    configured = library_meta["libavcodec"]["configuration"]
    assert {"--enable-libx264", "--enable-libx265"} <= {*configured.split()}
    notes = tomllib.loads(licenses.TOLD.read_text())["inside"]
    (what,) = (each["what"] for each in notes if each["package"] == "av")
    assert "LGPL-3.0-or-later" in what
    assert "x264 and x265 (GPL-2.0-or-later)" in what


@pytest.mark.parametrize(
    ("fields", "text", "license_"),
    [
        ({"License-Expression": "mit"}, "", ("MIT", "License-Expression")),
        ({"License": "Apache 2.0"}, "", ("Apache-2.0", "License")),
        ({"License": "BSD", "classifier": "MIT License"}, "", ("MIT", "classifier")),
        (
            {"License": "BSD", "classifier": "BSD License"},
            "Redistributions in binary form must\n reproduce",
            ("BSD-2-Clause", "text of its license"),
        ),
        (
            {"classifier": "BSD License"},
            "Redistributions in binary form ... Neither the name of A nor\nthe names of its "
            "contributors may be used to endorse",
            ("BSD-3-Clause", "text of its license"),
        ),
        ({"License": "BSD"}, "", None),
    ],
)
def test_a_license_is_read_from_what_is_clear_first(
    fields: dict[str, str], text: str, license_: tuple[str, str] | None
) -> None:
    assert Package("1", fields, (), text).license() == license_


def test_what_a_requirement_brings_is_followed_through_extras_and_markers() -> None:
    there = {
        "a": Package("1", {}, ("b", 'c; extra == "more"', 'd; python_version < "3"')),
        "b": Package("1", {}, ("a", "E_e[x]")),
        "c": Package("1", {}, ()),
    }
    assert licenses.closure([Requirement("a")], there) == {"a", "b", "e-e"}
    assert licenses.closure([Requirement("a[more]")], there) == {"a", "b", "c", "e-e"}
