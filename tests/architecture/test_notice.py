"""NOTICE names everything that ships and is not code."""

import subprocess
import zipfile
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = {".py", ".md", ".toml", ".html", ".css", ".js", ".sh", ".json", ".csv", ".txt", ".ipynb"}
CODE |= {".typed", ".yaml", ".yml", ".cff", ".conf", ".c", ".cc", ".h", ""}


def named_in_notice() -> list[str]:
    """Return the patterns at the beginning of NOTICE's paragraphs."""
    heads = [line for line in (ROOT / "NOTICE").read_text().splitlines() if line[:1].strip()]
    words = " ".join(heads).replace(",", " ").replace("(", " ").replace(")", " ").split()
    return [word for word in words if "/" in word]


def test_every_file_that_is_not_code_is_named() -> None:
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    ).stdout.splitlines()
    others = [name for name in tracked if Path(name).suffix not in CODE]
    drawn = [name for name in others if name.startswith("train/results/") and name.endswith(".png")]
    patterns = named_in_notice()
    unnamed = [
        name
        for name in others
        if name not in drawn and not any(fnmatch(name, pattern) for pattern in patterns)
    ]
    assert unnamed == []


def test_the_license_of_the_votes_travels_with_them() -> None:
    notice = " ".join((ROOT / "NOTICE").read_text().split())
    assert "Copyright (c) Microsoft Corporation" in notice
    assert "The above copyright notice and this permission notice shall be included" in notice
    wheels = sorted((ROOT / "dist").glob("*.whl"))
    if not wheels:
        pytest.skip("there is no built wheel: make build")
    with zipfile.ZipFile(wheels[-1]) as wheel:
        names = wheel.namelist()
        assert any(name.endswith("licenses/NOTICE") for name in names)
        assert "fer_train/configs/fer2013-votes.npz" in names
