"""One benchmark: every model, the same pictures, the same machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fer_bench.accuracy import TestPictures
from fer_bench.conditions import ReferenceLoop, conditions_of
from fer_bench.endurance import measure_endurance
from fer_bench.environment import read_environment, ways_to_run
from fer_bench.judging import Extent, Judge, bare_record, judged, require_any, told_apart
from fer_bench.memory import measure_process
from fer_bench.records import FailedModel, Latency, ModelRecord, ProcessCost
from fer_bench.results import Results
from fer_bench.timing import Round, latency_of, measure_interleaved
from fer_core.bundle import ModelBundle
from fer_core.errors import FerError
from fer_core.text import counted
from fer_edge.inference.interpreter import TfliteModel, kernels_taken, runtime_name

RUNS, QUICK_RUNS = 1000, 100


@dataclass(frozen=True, slots=True)
class Benchmark:
    """The results, and the files of the models that were measured, in the same order."""

    results: Results
    paths: tuple[Path, ...]


def run_benchmark(
    paths: Sequence[Path],
    pictures: TestPictures | None,
    parent: Path | None,
    extent: Extent,
    command: str,
    say: Callable[[str], None],
) -> Benchmark:
    """Measure each bundle; without pictures everything but accuracy and flips.

    Flips count against `parent`, else against the float32 bundle of the same network beside the
    model or among `paths`. A model that crashes is told as failed, and the others are measured; a
    model that knows other labels than the pictures has no accuracy.

    Raises:
        FerError: No model can be measured, or the parent does not run.
    """
    if parent:
        measure_process(parent)
    runtime = runtime_name()
    environment = read_environment(runtime, kernels_taken(runtime))
    loaded, failed = _load_each(paths, say)
    data, fingerprint = pictures.described() if pictures else ("", "")
    for line in pictures.remarks() if pictures else ():
        say(line)
    records = list(_timed(loaded, extent, say))
    if pictures:
        judge, named = Judge(pictures, extent), [(each.path, each.bundle) for each in loaded]
        for index, model in enumerate(named):
            say(f"evaluating {model[0].name}")
            records[index] = judged(records[index], model, named, parent, judge)
    results = Results(
        command=command,
        environment=environment,
        data=data,
        data_fingerprint=fingerprint,
        quick=extent.quick,
        models=told_apart(records, [model.path for model in loaded]),
        failed=tuple(failed),
    )
    return Benchmark(results, tuple(model.path for model in loaded))


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A model that runs in every way, and what it costs a fresh process."""

    path: Path
    bundle: ModelBundle
    cost: ProcessCost


def _load_each(
    paths: Sequence[Path], say: Callable[[str], None]
) -> tuple[list[_Loaded], list[FailedModel]]:
    """Return the models that run, and those that do not; raise FerError when none does."""
    loaded, failed = [], []
    for path in paths:
        say(f"loading {path.name}")
        name = path.stem
        try:
            bundle = ModelBundle.load(path)
            name = bundle.name
            loaded.append(_Loaded(path, bundle, measure_process(path)))
        except FerError as error:
            failed.append(FailedModel(name=name, error=str(error)))
    require_any(loaded, failed)
    return loaded, failed


def _timed(
    loaded: Sequence[_Loaded], extent: Extent, say: Callable[[str], None]
) -> Iterator[ModelRecord]:
    """Yield each model with its latencies, pixels to probabilities, one face a call."""
    ways = ways_to_run()
    runs = QUICK_RUNS if extent.quick else RUNS
    reference, taken = ReferenceLoop(), []
    for threads, kernels in ways:  # one after another, since open models take memory
        models, on = counted(len(loaded), "model"), counted(threads, "thread")
        say(f"timing in rounds: {models} on {on}, {kernels} kernels")
        calls = [_one_face(model.bundle, threads, kernels) for model in loaded]
        taken.append(measure_interleaved(calls, reference.moment, runs))
    best_ms = min(best for _, best in taken)
    for index, model in enumerate(loaded):
        rounds = [kept[index] for kept, _ in taken]
        record = _record(model, ways, rounds, best_ms)
        if extent.steady:
            say(f"{extent.steady:.0f} s without a pause: {model.path.name}")
            held = measure_endurance(_one_face(model.bundle), extent.steady)
            record = replace(record, endurance=held)
        yield record


def _record(
    model: _Loaded,
    ways: Sequence[tuple[int, str]],
    rounds: Sequence[Sequence[Round]],
    best_ms: float,
) -> ModelRecord:
    """Return a timed model; the first of the ways is quoted, the last is without XNNPACK."""
    *by_threads, builtin = (latency_of([each.samples for each in own]) for own in rounds)
    threads = {str(n): each for (n, _), each in zip(ways, by_threads, strict=False)}
    moments = [moment for each in rounds[0] for moment in (each.before, each.after)]
    quoted: Latency = by_threads[0]
    return replace(
        bare_record(model.path, model.bundle),
        latency_ms=quoted,
        latency_by_threads_ms=threads,
        latency_without_xnnpack_ms=builtin,
        conditions=conditions_of(moments, best_ms, quoted.spread),
        process=model.cost,
    )


def _one_face(
    bundle: ModelBundle, threads: int = 1, kernels: str = "xnnpack"
) -> Callable[[], object]:
    """Return the call that classifies one face of random pixels."""
    model = TfliteModel(bundle, threads, kernels)
    pixels = np.random.default_rng(0).integers(0, 256, bundle.manifest.input.shape, np.uint8)
    return lambda: model.probabilities(pixels)
