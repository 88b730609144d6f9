"""The data disk of a computer whose power was cut, looked at without starting it."""

from __future__ import annotations

import subprocess
from pathlib import Path


def files_after_cut(data: Path, folder: Path) -> Path:
    """Return a folder with what a disk holds, after its journal was replayed as at a start.

    Args:
        data: The disk, which is changed.
        folder: An empty folder.

    Raises:
        AssertionError: The file system is damaged.
    """
    found = folder / "found"
    found.mkdir()
    replayed = _run("e2fsck", "-E", "journal_only", "-p", data)
    assert replayed.returncode in (0, 1), replayed.stdout
    checked = _run("e2fsck", "-fn", data)
    assert checked.returncode == 0, checked.stdout
    dumped = _run("debugfs", "-R", f"rdump / {found}", data)
    assert dumped.returncode == 0, dumped.stdout
    return found


def _run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
