"""How long one picture takes from process start, and the peak memory, beside a bare script.

    python edge/studies/start.py PICTURE [--rounds 20]

The commands run in turns, each in a process of its own, after one round that does not count; that
one leaves the compiled modules (.pyc), which pip makes when it installs a wheel. The bare script
does the same work with numpy, OpenCV and LiteRT alone: it reads the picture, searches it as
`HaarDetector` does, crops as the pixel contract does, and runs the model that `fer-edge` takes by
default. A peak below that of this program is left out: Linux counts the memory of whoever starts a
process as the process's own.
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
from pathlib import Path

from fer_edge.faces.detector import WINDOW_PX
from fer_edge.inference import DEFAULT_MODEL
from fer_edge.inference.models import load_model, shipped_models

NEIGHBOURS, SCALE_FACTOR = 12, 1.1
"""As `HaarDetector` has them."""
BARE = f"""
import sys
import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter

picture, model, labels = cv2.imread(sys.argv[1]), open(sys.argv[2], "rb").read(), sys.argv[3:]
interpreter = Interpreter(model_content=model, num_threads=1)
interpreter.allocate_tensors()
(taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()
gray = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")
boxes, _, _ = cascade.detectMultiScale3(
    gray, scaleFactor={SCALE_FACTOR}, minNeighbors={NEIGHBOURS},
    minSize=({WINDOW_PX}, {WINDOW_PX}), outputRejectLevels=True,
)
for x, y, width, height in boxes:
    crop = cv2.resize(gray[y:y + height, x:x + width], (48, 48), interpolation=cv2.INTER_AREA)
    interpreter.set_tensor(taken["index"], (crop ^ 128).view(np.int8)[None, :, :, None])
    interpreter.invoke()
    codes = interpreter.get_tensor(given["index"])[0]
    scale, zero = given["quantization"]
    shares = (codes.astype(np.int32) - zero) * scale
    print(f"{{labels[shares.argmax()]}} {{shares.max() / shares.sum():.0%}}")
"""


@dataclass(slots=True)
class Measured:
    """Seconds and peak kibibytes of each run of a command, and what it printed last."""

    words: Sequence[str]
    seconds: list[float] = field(default_factory=list)
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
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"{' '.join(self.words[:2])} ends with {process.returncode}")
        self.peak_kib.append(usage.ru_maxrss)


def commands(picture: Path) -> dict[str, Measured]:
    """Return what is measured, by name; the first is what the others are compared with."""
    model, labels = shipped_models()[DEFAULT_MODEL], load_model().manifest.labels
    beside = Path(sys.executable).parent
    ours = {
        f"{name} {option}": Measured([str(beside / name), option])
        for name in ("fer-edge", "fer-train", "fer-convert", "fer-bench")
        for option in ("--version", "--help")
    }
    return {
        "bare script": Measured([sys.executable, "-c", BARE, str(picture), str(model), *labels]),
        "fer-edge PICTURE": Measured([str(beside / "fer-edge"), str(picture)]),
        "python -c pass": Measured([sys.executable, "-c", "pass"]),
        "import numpy, cv2": Measured([sys.executable, "-c", "import numpy, cv2"]),
        "import typer": Measured([sys.executable, "-c", "import typer"]),
        **ours,
    }


def main() -> None:
    """Print a row a command: median seconds, their ratio to the bare script's, and peak memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--rounds", type=int, default=20)
    given = parser.parse_args()
    measured = commands(given.picture)
    for _ in range(given.rounds + 1):
        for each in measured.values():
            each.run()
    for each in measured.values():
        del each.seconds[0], each.peak_kib[0]
    bare = measured["bare script"]
    own_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        f"| {given.rounds} rounds | seconds, median | least | ratio, median of rounds | peak MB |"
    )
    print("|---|---:|---:|---:|---:|")
    for name, each in measured.items():
        peak = max(each.peak_kib)
        peak_mb = f"{peak * 1024 / 1e6:.1f}" if peak > 1.1 * own_kib else ""
        ratios = [a / b for a, b in zip(each.seconds, bare.seconds, strict=True)]
        print(
            f"| {name} | {statistics.median(each.seconds):.3f} | {min(each.seconds):.3f} "
            f"| {statistics.median(ratios):.2f} | {peak_mb} |"
        )
    print(f"\nbare script: {bare.printed}\nfer-edge: {measured['fer-edge PICTURE'].printed}")


if __name__ == "__main__":
    main()
