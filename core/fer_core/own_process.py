"""Running one of our modules in a process of its own, which a crash or a limit takes alone."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from contextlib import suppress

from fer_core.errors import FerError

Done = subprocess.CompletedProcess[str]
_FIRST_CRASH_OF_WINDOWS = 0xC0000000


def run_module(
    module: str, *words: str, seconds: float, what: str
) -> subprocess.CompletedProcess[str]:
    """Run `python -m module words`.

    The process starts in an empty folder: Python looks for modules where it starts, and a file of
    a stranger may lie where the user stands.

    Args:
        module: The module's full name.
        *words: Its arguments.
        seconds: The time that it may take.
        what: What it is called in messages.

    Returns:
        What it printed, as text, and its return code, 0 or not.

    Raises:
        FerError: It crashes, or does not end in time.
    """
    with tempfile.TemporaryDirectory() as empty:
        try:
            done = subprocess.run(
                [sys.executable, "-m", module, *words],
                cwd=empty,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise FerError(f"{what} does not answer within {seconds:g} seconds") from error
    crash = how_it_crashed(done.returncode)
    if crash == "SIGXCPU":
        raise FerError(f"{what} takes more time of the processor than it may")
    if crash:
        raise FerError(f"{what} crashes the runtime ({crash})")
    return done


def last_words(done: Done) -> str:
    """Return the last line that a process wrote to stderr."""
    return (done.stderr.strip().splitlines() or ["no reason given"])[-1]


def limit_this_process(seconds: int, memory_bytes: int, file_bytes: int = 0) -> None:
    """Let this process take so much time and memory.

    Where the system has no such limits (Windows), or refuses some (macOS), there are none.

    Args:
        seconds: Time of the processor.
        memory_bytes: Address space.
        file_bytes: The largest file that it may write.
    """
    try:
        import resource
    except ImportError:
        return
    limits = {
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_AS: min(memory_bytes, sys.maxsize),
        resource.RLIMIT_FSIZE: file_bytes,
        resource.RLIMIT_CORE: 0,
    }
    for limit, value in limits.items():
        later = value + 1 if limit == resource.RLIMIT_CPU else value  # or SIGKILL hides SIGXCPU
        with suppress(ValueError, OSError):
            resource.setrlimit(limit, (value, later))


def how_it_crashed(code: int) -> str:
    """Return the signal, or the status of Windows, that ended a process; empty for no crash.

    Args:
        code: Its exit code; Windows tells a crash by one from 0xC0000000 on.
    """
    if code < 0:
        return signal_name(-code)
    is_crash = sys.platform == "win32" and code >= _FIRST_CRASH_OF_WINDOWS
    return f"0x{code:08X}" if is_crash else ""


def signal_name(number: int) -> str:
    """Return what a signal is called."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
