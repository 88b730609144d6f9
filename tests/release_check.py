"""Run what is too long for every change, and write down when it ran and what it gave.

python tests/release_check.py docs/release-check.md        (make release-check)
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

| what | command | result | minutes |
|---|---|---|---:|
"""


def _last_word(output: str) -> str:
    """Return pytest's summary, or how many faults the soak made and what it found."""
    start = output.find("\n{")
    if output.rstrip().endswith("}") and start >= 0:
        found = json.loads(output[start:])
        return f"{len(found['faults'])} faults, {len(found['problems'])} problems"
    return (output.strip().splitlines() or [""])[-1].strip("= ")


def main(page: Path) -> int:
    """Run the checks in turn, write the page; return how many failed."""
    rows, failed = [], 0
    for what, command in CHECKS:
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
        rows.append(f"| {what} | `{command}` | {result} | {minutes:.1f} |")
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], stdout=subprocess.PIPE, text=True, check=True
    ).stdout.strip()
    day = datetime.now(timezone.utc).date()
    where = f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}"
    page.write_text(HEAD + "\n".join(rows) + f"\n\nLast run: {day}, commit {commit}, {where}.\n")
    return failed


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
