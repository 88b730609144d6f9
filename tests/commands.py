"""Calling the installed commands as a user does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def call(
    name: str, *arguments: object, cwd: Path, code: int = 0, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run a command of this environment; fail with its output unless it exits with `code`."""
    done = subprocess.run(
        [command_path(name), *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done


def command_path(name: str) -> str:
    """Return the path of an installed command."""
    return str(Path(sys.executable).with_name(name))
