"""Executing a notebook as Jupyter does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

NEEDS_NBCLIENT = pytest.mark.skipif(
    find_spec("nbclient") is None, reason="nbclient and ipykernel run the notebook"
)
_EXECUTE = """
import sys
sys.modules["rfc3987_syntax"] = None  # a grammar of addresses that takes four seconds to read
import nbformat
from nbclient import NotebookClient

notebook = nbformat.read(sys.argv[1], as_version=4)
[at] = [i for i, c in enumerate(notebook.cells) if "parameters" in c.metadata.get("tags", [])]
notebook.cells.insert(at + 1, nbformat.v4.new_code_cell(sys.argv[2]))
NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
nbformat.write(notebook, "executed.ipynb")
"""


def execute(notebook: Path, folder: Path, settings: str, **env: str) -> list[dict[str, Any]]:
    """Run a notebook in a folder, with settings after its own; return the outputs of its cells."""
    scripts = str(Path(sys.executable).parent)
    done = subprocess.run(
        [sys.executable, "-c", _EXECUTE, str(notebook), settings],
        cwd=folder,
        env={**os.environ, "PATH": scripts + os.pathsep + os.environ["PATH"], **env},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    cells = json.loads((folder / "executed.ipynb").read_text())["cells"]
    return [output for cell in cells for output in cell.get("outputs", [])]


def has_no_outputs(notebook: Path) -> bool:
    """Return whether a notebook is as it was before its first run."""
    cells = json.loads(notebook.read_text())["cells"]
    return not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)
