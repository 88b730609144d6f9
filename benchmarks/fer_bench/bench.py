"""One benchmark: every model, the same pictures, the same machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fer_bench.accuracy import Accuracy, TestPictures, measure_accuracy, ten_crop_accuracy
from fer_bench.conditions import Conditions, ReferenceLoop
from fer_bench.distortions import measure_robustness
from fer_bench.endurance import measure_endurance
from fer_bench.environment import read_environment, usable_cores
from fer_bench.memory import ProcessCost, measure_process
from fer_bench.records import BenchmarkRecord, FailedModel, Results
from fer_bench.rival import is_rival, open_model
from fer_bench.timing import Latency, best_reference_ms, measure_in_turns
from fer_core.bundle import ModelBundle
from fer_core.errors import FerError
from fer_edge.interpreter import kernels_taken, load_runtime

RUNS, QUICK_RUNS = 1000, 100


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured.

    `quick` is a tenth of the timed runs, `robustness` distortions too, `steady` the seconds of a
    run without a pause (0: none).
    """

    quick: bool = False
    robustness: bool = False
    steady: float = 0.0


def run_benchmark(
    paths: Sequence[Path],
    pictures: TestPictures | None,
    parent: Path | None,
    extent: Extent,
    command: str,
    say: Callable[[str], None],
) -> Results:
    """Measure each bundle; without pictures everything but accuracy and flips.

    Flips count against `parent`, else against the float32 bundle of the same name among `paths` or
    beside the model. A model that crashes, or knows other labels, is told as failed, and the others
    are measured; FerError when none is left.
    """
    bundles = [ModelBundle.load(path) for path in (*paths, *([parent] if parent else []))]
    _, runtime = load_runtime()
    environment = read_environment(runtime, kernels_taken(runtime))
    judged = pictures.for_input(bundles[0].manifest.input).dataset if pictures else None
    data = f"{judged.name}, test split, {len(judged)} pictures" if judged else ""
    results = Results(command, environment, data)
    known: dict[Path, Accuracy] = {}
    floats = {
        bundle.manifest.name: path
        for path, bundle in zip(paths, bundles, strict=False)
        if bundle.manifest.recipe == "float32"
    }
    for path, timed in _timed(_sound(paths, bundles, results, say), extent, say):
        if not pictures:
            results.models.append(timed)
            continue
        say(f"judging {path.name}")
        own = parent or floats.get(timed.bundle.manifest.name)
        try:  # FerError when it knows other labels than they have
            results.models.append(_with_accuracy(timed, path, own, pictures, extent, known))
        except FerError as error:
            results.failed.append(FailedModel(timed.bundle.name, str(error)))
    if not results.models:
        reasons = "; ".join(f"{model.name}: {model.error}" for model in results.failed)
        raise FerError(f"no model could be measured: {reasons}")
    return results


def _sound(
    paths: Sequence[Path],
    bundles: Sequence[ModelBundle],
    results: Results,
    say: Callable[[str], None],
) -> list[tuple[Path, ModelBundle, ProcessCost]]:
    """Return the models that run, and what each costs a fresh process; others are told failed."""
    sound = []
    for path, bundle in zip(paths, bundles, strict=False):
        say(f"loading {path.name}")
        try:
            sound.append((path, bundle, measure_process(path)))  # a crash takes that process alone
        except FerError as error:
            results.failed.append(FailedModel(bundle.name, str(error)))
    return sound


def _timed(
    sound: Sequence[tuple[Path, ModelBundle, ProcessCost]],
    extent: Extent,
    say: Callable[[str], None],
) -> Iterator[tuple[Path, BenchmarkRecord]]:
    """Yield each model with its latencies, pixels to probabilities, one face a call."""
    threads = sorted({1, 2, usable_cores()})
    setups = [*((n, "xnnpack") for n in threads), (1, "builtin")]
    calls = [_looking(bundle, *setup) for _, bundle, _ in sound for setup in setups]
    say(f"timing in turns: {len(sound)} models, each in {len(setups)} ways")
    runs = QUICK_RUNS if extent.quick else RUNS
    taken = measure_in_turns(calls, ReferenceLoop().moment, runs)
    for index, (path, bundle, cost) in enumerate(sound):
        own = taken[index * len(setups) : (index + 1) * len(setups)]
        *by_threads, builtin = (Latency.of([turn.samples for turn in turns]) for turns in own)
        moments = [moment for turn in own[0] for moment in (turn.before, turn.after)]
        conditions = Conditions.of(moments, best_reference_ms(taken))
        latencies = dict(zip(threads, by_threads, strict=True))
        record = BenchmarkRecord(bundle, path.stat().st_size, latencies, builtin, conditions, cost)
        if extent.steady:
            say(f"{extent.steady:.0f} s without a pause: {path.name}")
            held = measure_endurance(_looking(bundle), extent.steady)
            record = replace(record, endurance=held)
        yield path, record


def _with_accuracy(
    record: BenchmarkRecord,
    path: Path,
    parent: Path | None,
    pictures: TestPictures,
    extent: Extent,
    known: dict[Path, Accuracy],
) -> BenchmarkRecord:
    manifest = record.bundle.manifest
    beside = path.with_name(f"{manifest.name}-float32.tflite")
    parent = parent or (beside if beside.exists() else None)
    if is_rival(record.bundle) or (parent and parent.resolve() == path.resolve()):
        parent = None
    model, test = open_model(record.bundle), pictures.for_input(manifest.input).dataset
    return replace(
        record,
        accuracy=_accuracy_of(path, pictures, known),
        parent=_accuracy_of(parent, pictures, known) if parent else None,
        ten_crop=None if extent.quick else ten_crop_accuracy(model, test),
        robustness=measure_robustness(model, test) if extent.robustness else {},
    )


def _accuracy_of(path: Path, pictures: TestPictures, known: dict[Path, Accuracy]) -> Accuracy:
    if path not in known:
        model = open_model(ModelBundle.load(path))
        judged = pictures.for_input(model.bundle.manifest.input)
        known[path] = measure_accuracy(model, judged)
    return known[path]


def _looking(
    bundle: ModelBundle, threads: int = 1, kernels: str = "xnnpack"
) -> Callable[[], object]:
    """Return the look at one face of random pixels."""
    model = open_model(bundle, threads, kernels)
    pixels = np.random.default_rng(0).integers(0, 256, bundle.manifest.input.shape, np.uint8)
    return lambda: model.probabilities(pixels)
