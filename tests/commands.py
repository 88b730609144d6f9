"""Calling the installed commands as a user does."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from unittest import mock


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


def call_here(
    name: str, *arguments: object, cwd: Path, code: int = 0, **env: str
) -> subprocess.CompletedProcess[str]:
    """Do as `call` does, in this process: for wrong inputs, which need no imports of their own."""
    words = [name, *map(str, arguments)]
    said, complained = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
    returned = 0
    with (
        _working_in(cwd),
        mock.patch.dict(os.environ, env),
        mock.patch.object(sys, "argv", words),
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(complained),
    ):
        try:
            import_module(f"{name.replace('-', '_')}.cli").main()
        except SystemExit as end:
            returned = end.code if isinstance(end.code, int) else int(end.code is not None)
    texts = []
    for stream in (said, complained):
        stream.seek(0)
        texts.append(stream.read())
    assert returned == code, f"exit {returned}\n{texts[0]}\n{texts[1]}"
    return subprocess.CompletedProcess(words, returned, *texts)


def command_path(name: str) -> str:
    """Return the path of an installed command."""
    return str(Path(sys.executable).with_name(name))


@contextlib.contextmanager
def _working_in(folder: Path) -> Iterator[None]:
    """Do what contextlib.chdir does, which Python 3.10 does not have."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
