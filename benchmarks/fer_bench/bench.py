"""One benchmark: every model, the same pictures, the same machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fer_bench.accuracy import Accuracy, TestPictures, measure_accuracy, ten_crop_accuracy
from fer_bench.distortions import measure_robustness
from fer_bench.endurance import measure_endurance
from fer_bench.environment import read_environment, usable_cores
from fer_bench.memory import ProcessCost, measure_process
from fer_bench.records import BenchmarkRecord, Conditions, FailedModel, Results
from fer_bench.rival import is_rival, open_model
from fer_bench.timing import Latency, ReferenceLoop, measure
from fer_core.bundle import ModelBundle
from fer_core.errors import FerError
from fer_edge.board import frequency_mhz, temperature_celsius, throttling
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
    reference = ReferenceLoop()
    moments: list[float] = []
    for path, bundle in zip(paths, bundles, strict=False):
        say(f"measuring {path.name}")
        own = parent or floats.get(bundle.manifest.name)
        try:
            cost = measure_process(path)  # a network that crashes takes that process alone
            moment, record = _timed(bundle, path.stat().st_size, cost, extent, reference)
            if pictures:  # FerError when it knows other labels than they have
                record = _with_accuracy(record, path, own, pictures, extent, known)
        except FerError as error:
            results.failed.append(FailedModel(bundle.name, str(error)))
            continue
        results.models.append(record)
        moments.append(moment)
    if not results.models:
        reasons = "; ".join(f"{model.name}: {model.error}" for model in results.failed)
        raise FerError(f"no model could be measured: {reasons}")
    _judge_moments(results, [*moments, reference.milliseconds()])
    return results


def _judge_moments(results: Results, moments: Sequence[float]) -> None:
    """Set how much slower the reference loop was beside each record than at its best."""
    results.models[:] = [
        replace(record, conditions=replace(record.conditions, slowdown=moment / min(moments)))
        for moment, record in zip(moments, results.models, strict=False)
    ]


def _timed(
    bundle: ModelBundle,
    file_bytes: int,
    cost: ProcessCost,
    extent: Extent,
    reference: ReferenceLoop,
) -> tuple[float, BenchmarkRecord]:
    """Return how long the reference loop took at worst, before or after, and the record."""
    before = reference.milliseconds()
    latencies = {n: _latency(bundle, n, extent.quick) for n in sorted({1, 2, usable_cores()})}
    builtin = _latency(bundle, 1, extent.quick, "builtin")
    moment = max(before, reference.milliseconds())
    conditions = Conditions(1.0, temperature_celsius(), frequency_mhz(), throttling())
    endurance = measure_endurance(_looking(bundle), extent.steady) if extent.steady else None
    return moment, BenchmarkRecord(
        bundle, file_bytes, latencies, builtin, conditions, cost, endurance=endurance
    )


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


def _latency(bundle: ModelBundle, threads: int, quick: bool, kernels: str = "xnnpack") -> Latency:
    """Time pixels to probabilities, one face a call."""
    runs = QUICK_RUNS if quick else RUNS
    return measure(_looking(bundle, threads, kernels), runs=runs)


def _looking(
    bundle: ModelBundle, threads: int = 1, kernels: str = "xnnpack"
) -> Callable[[], object]:
    """Return the look at one face of random pixels."""
    model = open_model(bundle, threads, kernels)
    pixels = np.random.default_rng(0).integers(0, 256, bundle.manifest.input.shape, np.uint8)
    return lambda: model.probabilities(pixels)
