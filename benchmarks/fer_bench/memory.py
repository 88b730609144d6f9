"""Load time and peak memory of a model, measured in a process of its own."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from statistics import median

from fer_bench.environment import ways_to_run
from fer_bench.records import ProcessCost
from fer_core.errors import FerError
from fer_core.own_process import last_words, run_module

_LIMIT_SECONDS = 120
PROCESSES = 3


def measure_process(path: Path) -> ProcessCost:
    """Return the medians of what PROCESSES processes paid to load a bundle and see one face.

    Each then tries every way in which the model is going to be timed, so that a network that
    crashes the interpreter takes that process alone.

    Raises:
        FerError: The network does so.
    """
    costs = [_in_a_process(path) for _ in range(PROCESSES)]
    peaks = [cost.peak_rss_bytes for cost in costs if cost.peak_rss_bytes is not None]
    return ProcessCost(
        load_ms=median(cost.load_ms for cost in costs),
        first_ms=median(cost.first_ms for cost in costs),
        peak_rss_bytes=round(median(peaks)) if peaks else None,
    )


def _in_a_process(path: Path) -> ProcessCost:
    done = run_module("fer_bench.memory", str(path.resolve()), seconds=_LIMIT_SECONDS, what="it")
    if done.returncode:
        raise FerError(last_words(done))
    return ProcessCost(**json.loads(done.stdout))


def _pay(path: Path) -> ProcessCost:
    import numpy as np

    from fer_core.bundle import ModelBundle
    from fer_edge.inference.interpreter import TfliteModel, load_runtime

    load_runtime()  # its import is the program's cost, not the model's
    started = time.perf_counter()
    model = TfliteModel(ModelBundle.load(path))
    ready = time.perf_counter()
    face = np.zeros(model.bundle.manifest.input.shape, np.uint8)
    model.probabilities(face)
    first = time.perf_counter()
    cost = ProcessCost(
        load_ms=(ready - started) * 1e3,
        first_ms=(first - ready) * 1e3,
        peak_rss_bytes=peak_rss_bytes(),
    )
    for threads, kernels in ways_to_run():
        TfliteModel(model.bundle, threads, kernels).probabilities(face)
    return cost


def peak_rss_bytes() -> int | None:
    """Return this process's own peak resident memory.

    Linux keeps it in VmHWM; `ru_maxrss` there would include the parent's peak from before exec.
    """
    if sys.platform == "linux":
        lines = Path("/proc/self/status").read_text().splitlines()
        peaks = (int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
        return next(peaks, None)
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return None


if __name__ == "__main__":
    try:
        print(json.dumps(asdict(_pay(Path(sys.argv[1])))))
    except FerError as error:
        sys.exit(str(error))
