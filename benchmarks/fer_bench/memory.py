"""Load time and peak memory of a model, measured in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from fer_core.errors import FerError

_LIMIT_SECONDS = 120


@dataclass(frozen=True, slots=True)
class ProcessCost:
    """What a fresh process paid: milliseconds from file to ready, of the first face, peak bytes.

    `peak_rss_bytes` is None where the system does not tell it.
    """

    load_ms: float
    first_ms: float
    peak_rss_bytes: int | None


def measure_process(path: Path) -> ProcessCost:
    """Start a process that loads the bundle and classifies one face; return what it paid."""
    command = [sys.executable, "-m", "fer_bench.memory", str(path)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_LIMIT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise FerError(f"{path} did not load and answer in {_LIMIT_SECONDS} s") from error
    if done.returncode:
        raise FerError(f"measuring {path} failed ({done.returncode}): {done.stderr.strip()[-500:]}")
    return ProcessCost(**json.loads(done.stdout))


def _pay(path: Path) -> ProcessCost:
    import numpy as np

    from fer_core.bundle import ModelBundle
    from fer_edge.interpreter import TfliteModel, load_runtime

    load_runtime()  # its import is the program's cost, not the model's
    started = time.perf_counter()
    model = TfliteModel(ModelBundle.load(path))
    ready = time.perf_counter()
    model.probabilities(np.zeros(model.bundle.manifest.input.shape, np.uint8))
    first = time.perf_counter()
    return ProcessCost((ready - started) * 1e3, (first - ready) * 1e3, peak_rss_bytes())


def peak_rss_bytes() -> int | None:
    """Return this process's own peak resident memory.

    Linux keeps it in VmHWM; `ru_maxrss` there would include the parent's peak from before exec.
    """
    if sys.platform == "linux":
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return None


if __name__ == "__main__":
    print(json.dumps(asdict(_pay(Path(sys.argv[1])))))
