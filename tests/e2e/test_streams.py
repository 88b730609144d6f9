"""Commands whose standard streams are closed, or that are interrupted while they start."""

import os
import shlex
import signal
import subprocess
import time
from pathlib import Path

import pytest

from commands import call_here, command_path

pytestmark = [pytest.mark.device, pytest.mark.skipif(os.name == "nt", reason="a shell of POSIX")]
PORTRAIT = Path(__file__).parents[2] / "edge" / "fer_edge" / "assets" / "astronaut.jpg"


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(
    "words",
    [
        ("fer-edge", "--version"),
        ("fer-edge", str(PORTRAIT)),
        ("fer-bench", "--help"),
        ("fer-edge", str(PORTRAIT), "--json", "seen.jsonl"),
    ],
)
def test_closed_streams_are_nowhere(tmp_path: Path, words: tuple[str, ...], closed: str) -> None:
    line = shlex.join([command_path(words[0]), *words[1:]])
    done = subprocess.run(
        ["sh", "-c", f"{line} {closed}"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    for file in tmp_path.iterdir():  # nothing else was taken for stdout
        assert file.read_text().count("\n") == 1


@pytest.mark.parametrize("after", [0.1, 0.15, 0.2, 0.3])
def test_an_interrupt_while_imports_run_is_no_traceback(tmp_path: Path, after: float) -> None:
    command = [command_path("fer-edge"), str(PORTRAIT)]
    running = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    limit = time.monotonic() + 20
    while "start" not in maps(running.pid) and running.poll() is None:
        assert time.monotonic() < limit
        time.sleep(0.005)
    time.sleep(after)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=30)
    assert "Traceback" not in said
    assert running.returncode in (0, 130, -signal.SIGINT)  # the last: Python itself was ending


def maps(pid: int) -> str:
    """Return "start" once numpy is being loaded, which a command does after it has begun."""
    try:
        text = Path(f"/proc/{pid}/maps").read_text()
    except OSError:
        pytest.skip("what a process has loaded is read from Linux's /proc")
    return "start" if "numpy" in text or "msgspec" in text else ""


def test_names_that_are_too_long_are_said(tmp_path: Path) -> None:
    long = "n" * 300
    for words in (
        ("fer-edge", f"{long}.jpg"),
        ("fer-edge", str(PORTRAIT), "--save", f"{long}.jpg"),
        ("fer-edge", str(PORTRAIT), "--json", f"{long}.jsonl"),
        ("fer-edge", str(PORTRAIT), "--model", f"{long}.tflite"),
        ("fer-edge", "--video", f"{long}.mp4"),
        ("fer-edge", "--config", f"{long}.toml", str(PORTRAIT)),
        ("fer-bench", f"{long}.tflite"),
        ("fer-bench", "report", f"{long}.json"),
    ):
        done = call_here(words[0], *words[1:], cwd=tmp_path, code=1)
        assert "too long" in done.stderr or "there is no" in done.stderr
