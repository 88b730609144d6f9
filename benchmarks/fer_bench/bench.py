"""One benchmark: every model, the same pictures, the same machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fer_bench.accuracy import Accuracy, TestPictures, measure_accuracy, ten_crop_accuracy
from fer_bench.conditions import Conditions, ReferenceLoop
from fer_bench.distortions import measure_robustness
from fer_bench.endurance import measure_endurance
from fer_bench.environment import read_environment, ways_to_run
from fer_bench.memory import ProcessCost, measure_process
from fer_bench.records import BenchmarkRecord, FailedModel, Results
from fer_bench.rival import is_rival
from fer_bench.timing import Latency, measure_in_turns
from fer_core.bundle import ModelBundle
from fer_core.errors import FerError
from fer_core.manifest import ModelManifest
from fer_edge.inference.interpreter import TfliteModel, kernels_taken, load_runtime

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

    Flips count against `parent`, else against the float32 bundle of the same network beside the
    model or among `paths`. A model that crashes is told as failed, and the others are measured;
    FerError when none is left, or when the parent does not run. A model that knows other labels
    than the pictures has no accuracy.
    """
    if parent:
        measure_process(parent)
    _, runtime = load_runtime()
    environment = read_environment(runtime, kernels_taken(runtime))
    sound, failed = _sound(paths, say)
    judged = pictures.for_model(sound[0].bundle).dataset if pictures else None
    data = f"{judged.name}, test split, {len(judged)} pictures" if judged else ""
    results = Results(command, environment, data, failed=failed, quick=extent.quick)
    known: dict[Path, Accuracy] = {}
    for model, timed in zip(sound, _timed(sound, extent, say), strict=True):
        record = timed
        if pictures:
            say(f"judging {model.path.name}")
            own = _own_parent(model, sound, parent)
            try:
                record = _with_accuracy(timed, model.path, own, pictures, extent, known)
            except FerError as error:  # it knows other labels than they have
                record = replace(timed, unjudged=f"accuracy not measured: {error}")
        results.models.append(record)
    names = Counter(record.name for record in results.models)
    results.models[:] = [
        replace(record, folder=model.path.resolve().parent.name if names[record.name] > 1 else "")
        for model, record in zip(sound, results.models, strict=True)
    ]
    return results


@dataclass(frozen=True, slots=True)
class _Sound:
    """A model that runs in every way, and what it costs a fresh process."""

    path: Path
    bundle: ModelBundle
    cost: ProcessCost


def _sound(
    paths: Sequence[Path], say: Callable[[str], None]
) -> tuple[list[_Sound], list[FailedModel]]:
    """Return the models that run, and those that do not; raise FerError when none does."""
    sound, failed = [], []
    for path in paths:
        say(f"loading {path.name}")
        name = path.stem
        try:
            bundle = ModelBundle.load(path)
            name = bundle.name
            sound.append(_Sound(path, bundle, measure_process(path)))
        except FerError as error:
            failed.append(FailedModel(name, str(error)))
    if not sound:
        reasons = "; ".join(f"{model.name}: {model.error}" for model in failed)
        raise FerError(f"no model could be measured: {reasons}")
    return sound, failed


def _own_parent(model: _Sound, others: Sequence[_Sound], named: Path | None) -> Path | None:
    """Return the float32 bundle to count flips by: the one named, else that of the same network.

    It lies beside the model or among the others. The rival has none.
    """
    manifest = model.bundle.manifest
    if is_rival(model.bundle):
        return None
    if named or manifest.recipe == "float32":
        return named
    beside = model.path.with_name(f"{manifest.name}-float32.tflite")
    if beside.exists() and _same_network(_manifest_of(beside), manifest):
        return beside
    for other in others:
        its = other.bundle.manifest
        if its.recipe == "float32" and _same_network(its, manifest):
            return other.path
    return None


def _manifest_of(path: Path) -> ModelManifest | None:
    """Return the manifest of a bundle, None where it is damaged."""
    try:
        return ModelBundle.load(path).manifest
    except FerError:
        return None


def _same_network(one: ModelManifest | None, other: ModelManifest) -> bool:
    """Return whether two bundles come from one Keras model: by the SHA-256 of its weights.

    Bundles of earlier versions hold none: there by their names and the model's answers in both.
    """
    if one is None:
        return False
    sources = [each.provenance.get("source_sha256") for each in (one, other)]
    if any(sources):
        return sources[0] == sources[1]
    classes = [each.provenance.get("parent_classes", "").split() for each in (one, other)]
    alike = sum(a == b for a, b in zip(*classes, strict=False))
    return (
        one.name == other.name
        and len(classes[0]) == len(classes[1])
        and alike >= 0.99 * len(classes[0])  # equal but for ties on another processor
    )


def _timed(
    sound: Sequence[_Sound], extent: Extent, say: Callable[[str], None]
) -> Iterator[BenchmarkRecord]:
    """Yield each model with its latencies, pixels to probabilities, one face a call."""
    ways = ways_to_run()
    runs = QUICK_RUNS if extent.quick else RUNS
    reference, taken = ReferenceLoop(), []
    for threads, kernels in ways:  # one after another, since open models take memory
        say(f"timing in turns: {len(sound)} models on {threads} threads, {kernels} kernels")
        calls = [_looking(model.bundle, threads, kernels) for model in sound]
        taken.append(measure_in_turns(calls, reference.moment, runs))
    quoted, best_ms = taken[0]
    for index, model in enumerate(sound):
        own = (kept[index] for kept, _ in taken)
        *by_threads, builtin = (Latency.of([turn.samples for turn in turns]) for turns in own)
        moments = [moment for turn in quoted[index] for moment in (turn.before, turn.after)]
        record = BenchmarkRecord(
            model.bundle,
            model.path.stat().st_size,
            {threads: each for (threads, _), each in zip(ways, by_threads, strict=False)},
            builtin,
            Conditions.of(moments, best_ms),
            model.cost,
        )
        if extent.steady:
            say(f"{extent.steady:.0f} s without a pause: {model.path.name}")
            held = measure_endurance(_looking(model.bundle), extent.steady)
            record = replace(record, endurance=held)
        yield record


def _with_accuracy(
    record: BenchmarkRecord,
    path: Path,
    parent: Path | None,
    pictures: TestPictures,
    extent: Extent,
    known: dict[Path, Accuracy],
) -> BenchmarkRecord:
    accuracy, float32, reason = _accuracy_of(path, pictures, known), None, ""
    if parent and parent.resolve() != path.resolve():
        try:
            float32 = _accuracy_of(parent, pictures, known)
        except FerError as error:
            reason = f"flips not counted: {error}"
    model, test = TfliteModel(record.bundle), pictures.for_model(record.bundle).dataset
    return replace(
        record,
        accuracy=accuracy,
        parent=float32,
        unjudged=reason,
        ten_crop=None if extent.quick else ten_crop_accuracy(model, test),
        robustness=measure_robustness(model, test) if extent.robustness else {},
    )


def _accuracy_of(path: Path, pictures: TestPictures, known: dict[Path, Accuracy]) -> Accuracy:
    if path not in known:
        model = TfliteModel(ModelBundle.load(path))
        judged = pictures.for_model(model.bundle)
        known[path] = measure_accuracy(model, judged)
    return known[path]


def _looking(
    bundle: ModelBundle, threads: int = 1, kernels: str = "xnnpack"
) -> Callable[[], object]:
    """Return the look at one face of random pixels."""
    model = TfliteModel(bundle, threads, kernels)
    pixels = np.random.default_rng(0).integers(0, 256, bundle.manifest.input.shape, np.uint8)
    return lambda: model.probabilities(pixels)
