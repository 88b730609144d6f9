"""A command of ours in a process of its own, which ends when the process that began it does.

The process holds the other end of its stdin: at its end, however it comes, this one and what it
started end, too.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path

from fer_core.logs import EXPLAINED
from fer_core.own_process import how_it_crashed

END_SECONDS = 3.0
"""How long a process has to end before it is killed."""
_NICE = 10
_LOOK_SECONDS = 0.5


class AttachedCommand:
    """A command that runs, as its installed form does, in a process group of its own."""

    def __init__(self, module: str, *words: object, folder: Path) -> None:
        """Start it.

        Args:
            module: The one whose `main` it is, such as fer_train.start.
            *words: Its arguments.
            folder: Where it runs; Python looks for modules there, too.
        """
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, module, *map(str, words)],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )

    def lines(self) -> Iterator[str]:
        """Yield what it says, line by line, until it ends."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            yield line.rstrip("\n")

    def wait(self) -> int:
        """Return its exit code once it has ended."""
        code = self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()
        return code

    def end(self) -> None:
        """End it and what it started; harmless when it has ended."""
        if self._process.poll() is not None:
            return
        self._signal("SIGTERM")
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(END_SECONDS)
        self._signal("SIGKILL")
        self._process.wait()

    def _signal(self, name: str) -> None:
        if os.name != "posix":
            self._process.kill()
            return
        with suppress(ProcessLookupError):  # nothing of the group is left
            os.killpg(self._process.pid, getattr(signal, name))


def why_it_failed(module: str, said: list[str], code: int) -> str:
    """Return why a command failed: a signal, its last message without its code, or its last line.

    Args:
        module: The one whose `main` it was.
        said: Its last lines.
        code: Its exit code.
    """
    command = module.partition(".")[0].replace("_", "-")
    if crash := how_it_crashed(code):
        return (
            f"{command} was ended by the system ({crash}). The memory may have been full: close "
            "other programs, or start from fer-nano"
        )
    said = [line for line in said if not line.startswith(EXPLAINED.format(code=""))]
    begins = [index for index, line in enumerate(said) if line.startswith(f"{command}: ")]
    return " ".join(said[begins[-1] :] if begins else said[-1:]) or f"{command} was ended"


def main() -> None:
    """Run `main` of the module that the first argument names, for as long as stdin is open."""
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(_NICE)  # the page goes on answering
    sys.argv = sys.argv[1:]
    import_module(sys.argv[0]).main()


def _end_with_stdin() -> None:
    _wait_for_the_end_of_stdin()
    if os.name == "posix":
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGTERM)  # on Windows, where it ends a process at once


def _wait_for_the_end_of_stdin() -> None:
    """Wait until nobody holds the other end.

    On Windows a thread that reads the pipe blocks whoever else looks at it: `import numpy` does
    (numpy's issue 24290), and so does Python's start in a process that inherits it.
    """
    if sys.platform == "win32":
        import _winapi
        import msvcrt

        pipe = msvcrt.get_osfhandle(0)
        with suppress(OSError):  # the end is told as an error
            while True:
                _winapi.PeekNamedPipe(pipe, 0)
                time.sleep(_LOOK_SECONDS)
    else:
        while os.read(0, 1024):
            pass


if __name__ == "__main__":
    main()
