"""How long one picture takes from process start, and the peak memory, beside a bare script.

    python edge/studies/start.py PICTURE [--rounds 20]

The commands run in turns, each in a process of its own, after one round that does not count; that
one leaves the compiled modules (.pyc), which pip makes when it installs a wheel. The bare script
(`start_bare.py`) does the same work with numpy, OpenCV and LiteRT alone. If its boxes or labels are
not those of `fer-edge PICTURE`, nothing is compared. A peak below that of this program is left out:
Linux counts the memory of whoever starts a process as the process's own.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

from fer_edge.inference import DEFAULT_MODEL
from fer_edge.inference.models import load_model, shipped_models

BARE = Path(__file__).with_name("start_bare.py")


@dataclass(slots=True)
class Measured:
    """Seconds and peak kibibytes of each run of a command, and what it printed last.

    `seconds` are those of the clock, `cpu_seconds` those of the processor, over all threads.
    """

    words: Sequence[str]
    seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)
    peak_kib: list[int] = field(default_factory=list)
    printed: str = ""

    def run(self) -> None:
        """Run the command once more."""
        started = time.perf_counter()
        process = subprocess.Popen(
            self.words,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert process.stdout
        self.printed = process.stdout.read().strip()
        _, status, usage = os.wait4(process.pid, 0)
        self.seconds.append(time.perf_counter() - started)
        self.cpu_seconds.append(usage.ru_utime + usage.ru_stime)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"{' '.join(self.words[:2])} ends with {process.returncode}")
        self.peak_kib.append(usage.ru_maxrss)


def commands(picture: Path) -> dict[str, Measured]:
    """Return what is measured, by name; the first is what the others are compared with."""
    model, labels = shipped_models()[DEFAULT_MODEL], load_model().manifest.labels
    beside = Path(sys.executable).parent
    bare = [sys.executable, str(BARE), str(picture), str(model), *labels]
    edge = [str(beside / "fer-edge"), str(picture)]
    ours = {
        f"{name} {option}": Measured([str(beside / name), option])
        for name in ("fer-edge", "fer-train", "fer-convert", "fer-bench")
        for option in ("--version", "--help")
    }
    return {
        "bare script": Measured(bare),
        "fer-edge PICTURE": Measured(edge),
        "fer-edge PICTURE --detector yunet": Measured([*edge, "--detector", "yunet"]),
        "python -c pass": Measured([sys.executable, "-c", "pass"]),
        "import numpy, cv2": Measured([sys.executable, "-c", "import numpy, cv2"]),
        "import typer": Measured([sys.executable, "-c", "import typer"]),
        **ours,
    }


def require_same_work(bare: str, edge: str) -> None:
    """End the program if the bare script finds or calls a face otherwise than `fer-edge`."""
    pairs = zip_longest(bare.splitlines(), edge.splitlines(), fillvalue="")
    if not bare or not all(ours.startswith(line) for line, ours in pairs):
        sys.exit(f"{BARE.name} does other work:\n{bare}\nfer-edge says:\n{edge}")


def compared(seconds: Sequence[float], bare: Sequence[float]) -> str:
    """Return the median, and that of the ratios to the bare script in the same round."""
    ratios = [a / b for a, b in zip(seconds, bare, strict=True)]
    return f"{statistics.median(seconds):.3f} | {statistics.median(ratios):.2f}"


def main() -> None:
    """Print a row a command: seconds beside the bare script's, and peak memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--rounds", type=int, default=20)
    given = parser.parse_args()
    measured = commands(given.picture)
    bare, edge = measured["bare script"], measured["fer-edge PICTURE"]
    for round_ in range(given.rounds + 1):
        for each in measured.values():
            each.run()
        if not round_:
            require_same_work(bare.printed, edge.printed)
    for each in measured.values():
        del each.seconds[0], each.cpu_seconds[0], each.peak_kib[0]
    own_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"| {given.rounds} rounds, medians | s | ratio | CPU s | ratio | peak MB |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, each in measured.items():
        peak = max(each.peak_kib)
        peak_mb = f"{peak * 1024 / 1e6:.1f}" if peak > 1.1 * own_kib else ""
        times = compared(each.seconds, bare.seconds), compared(each.cpu_seconds, bare.cpu_seconds)
        print(f"| {name} | {' | '.join(times)} | {peak_mb} |")


if __name__ == "__main__":
    main()
