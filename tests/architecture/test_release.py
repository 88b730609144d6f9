"""What a release carries is true: its list of contents, and how it says to be cited."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from fer_core import __version__

ROOT = Path(__file__).parents[2]


def test_the_list_of_what_ships_is_true() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "release" / "sbom.py", "--check"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_the_wheel_holds_the_list() -> None:
    wheels = sorted((ROOT / "dist").glob("*.whl"))
    if not wheels:
        pytest.skip("there is no built wheel: make build")
    with zipfile.ZipFile(wheels[-1]) as wheel:
        (name,) = (name for name in wheel.namelist() if "/sboms/" in name)
        assert wheel.read(name) == (ROOT / "release" / "sbom.cdx.json").read_bytes()
        assert name.startswith(f"fer_edge_kit-{__version__}.dist-info/")


def test_the_citation_names_this_version() -> None:
    told = re.search(r'^version: "?(.+?)"?$', (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    assert told
    assert told[1] == __version__
