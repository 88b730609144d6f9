"""Run what is too long for every change, and write down when it ran and what it gave.

python tests/release_check.py docs/release-check.md                 (make release-check)
python tests/release_check.py docs/release-check.md bookworm legacy (these words alone)

What does not run now stays as an earlier page has it.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

CHECKS = (
    (
        "the device side as on Raspberry Pi OS Bookworm (numpy 1)",
        "make device-test DEVICE=bookworm",
    ),
    ("the device side on tflite-runtime 2.14", "make device-test DEVICE=legacy"),
    (
        "the device side with the oldest packages that are allowed",
        "make device-test DEVICE=lowest",
    ),
    ("training and conversion with the oldest packages that are allowed", "make train-test-lowest"),
    (
        "RTSP cameras, with GStreamer's server and a proxy that damages",
        ".venv/bin/python -m pytest -m rtsp -n 0",
    ),
    (
        "a Ray cluster of processes, S3 and HTTP servers, and three nodes of Slurm",
        "make cluster-test",
    ),
    ("the container image on amd64, and on arm64 by qemu", "make image-test"),
    ("a minute of faults, as a test", ".venv/bin/python -m pytest -m soak -n 0"),
    ("ten minutes of faults", "make soak"),
)
HEAD = """# Release check

`make release-check` runs what is too long for every change, and writes this page.
{together}

| what | command | result | commit | minutes |
|---|---|---|---|---:|
"""


def _last_word(output: str) -> str:
    """Return pytest's summary, or how many faults the soak made and what it found."""
    start = output.find("\n{")
    if output.rstrip().endswith("}") and start >= 0:
        found = json.loads(output[start:])
        return f"{len(found['faults'])} faults, {len(found['problems'])} problems"
    return (output.strip().splitlines() or [""])[-1].strip("= ")


def main(page: Path, *asked: str) -> int:
    """Run the checks in turn, write the page; return how many failed.

    Args:
        page: Where it is, with the results of earlier runs.
        asked: Words of the commands to run, none for all.
    """
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], stdout=subprocess.PIPE, text=True, check=True
    ).stdout.strip()
    lines = page.read_text().split("\n") if page.exists() else []
    rows = {line.split("`")[1]: line for line in lines if "`" in line and line.startswith("| ")}
    failed = 0
    for what, command in CHECKS:
        if asked and not any(word in command for word in asked):
            continue
        print(f"== {command}", flush=True)
        started = time.monotonic()
        quiet = ["--no-print-directory"] * command.startswith("make ")
        done = subprocess.run(
            [*command.split(), *quiet], stdout=subprocess.PIPE, text=True, check=False
        )
        print(done.stdout)
        failed += done.returncode != 0
        last = _last_word(done.stdout)
        result = last if done.returncode == 0 else f"**failed**: {last}"
        minutes = (time.monotonic() - started) / 60
        rows[command] = f"| {what} | `{command}` | {result} | {commit} | {minutes:.1f} |"
    page.write_text(page_text(rows, commit))
    return failed


def page_text(rows: dict[str, str], commit: str) -> str:
    """Return the page.

    Args:
        rows: The row of each command that has ever run.
        commit: The newest one.
    """
    here = {command: rows[command] for _, command in CHECKS if command in rows}
    at = {row.split(" | ")[-2] for row in here.values()}
    together = (
        f"Everything ran at {commit}."
        if at == {commit} and len(here) == len(CHECKS)
        else "**Not everything ran at one commit**: each row has its own."
    )
    day = datetime.now(timezone.utc).date()
    where = f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}"
    missing = [
        f"| {what} | `{command}` | not run | | |" for what, command in CHECKS if command not in rows
    ]
    lines = [*here.values(), *missing]
    return HEAD.format(together=together) + "\n".join(lines) + f"\n\nLast run: {day}, {where}.\n"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:]))
