"""One benchmark: every model, the same pictures, the same machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fer_bench.accuracy import Accuracy, TestPictures, measure_accuracy
from fer_bench.environment import Environment, read_environment, usable_cores
from fer_bench.memory import ProcessCost, measure_process
from fer_bench.timing import Latency, measure
from fer_core.bundle import ModelBundle
from fer_core.metrics import label_flips
from fer_edge.interpreter import TfliteModel

SCHEMA_VERSION = 1
RUNS, QUICK_RUNS = 1000, 100


@dataclass(frozen=True, slots=True)
class BenchmarkRecord:
    """All figures of one model; accuracy and flips are None where they were not measured."""

    bundle: ModelBundle
    file_bytes: int
    latency: Latency
    latency_all: Latency
    threads_all: int
    cost: ProcessCost
    accuracy: Accuracy | None = None
    label_flips: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the record with the keys that `results.json` promises."""
        provenance = self.bundle.manifest.provenance
        values: dict[str, Any] = {
            "name": self.bundle.name,
            "sha256": self.bundle.manifest.sha256,
            "file_bytes": self.file_bytes,
            "parameters": provenance.get("parameters"),
            "mmacs": round(provenance.get("macs", 0) / 1e6, 2),
            "epochs": provenance.get("epochs"),
            "recipe_epochs": provenance.get("recipe_epochs"),
            "validation_accuracy": self.bundle.manifest.metrics.get("validation", {}).get(
                "child_accuracy"
            ),
            "latency_ms": asdict(self.latency),
            "latency_all_threads_ms": {**asdict(self.latency_all), "threads": self.threads_all},
            "load_ms": self.cost.load_ms,
            "first_ms": self.cost.first_ms,
            "peak_rss_bytes": self.cost.peak_rss_bytes,
            "label_flips": self.label_flips,
        }
        if self.accuracy:
            values |= self.accuracy.report.to_json()
            values["accuracy_without_twins"] = self.accuracy.without_twins
        return values


@dataclass(frozen=True, slots=True)
class Results:
    """The records of one run, with the command and the environment they were measured in."""

    command: str
    environment: Environment
    data: str
    models: list[BenchmarkRecord] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return {
            "schema_version": SCHEMA_VERSION,
            "command": self.command,
            "environment": {**asdict(self.environment), "on_a_pi": self.environment.on_a_pi},
            "data": self.data,
            "models": [record.to_json() for record in self.models],
        }


def run_benchmark(
    paths: Sequence[Path],
    pictures: TestPictures | None,
    parent: Path | None,
    quick: bool,
    command: str,
    say: Callable[[str], None],
) -> Results:
    """Measure each bundle; without pictures everything but accuracy and flips.

    Flips count against `parent`, else against NAME-float32.tflite beside the model.
    """
    checked = [*paths, *([parent] if parent else [])]
    first, *_ = [TfliteModel(ModelBundle.load(path)) for path in checked]  # a bad one fails now
    environment = read_environment(first.runtime, first.kernels)
    judged = pictures.for_input(first.bundle.manifest.input).dataset if pictures else None
    data = f"{judged.name}, test split, {len(judged)} pictures" if judged else ""
    results = Results(command, environment, data)
    known: dict[Path, Accuracy] = {}
    for path in paths:
        say(f"measuring {path.name}")
        results.models.append(_measure_model(path, parent, pictures, quick, known))
    return results


def _measure_model(
    path: Path,
    parent: Path | None,
    pictures: TestPictures | None,
    quick: bool,
    known: dict[Path, Accuracy],
) -> BenchmarkRecord:
    bundle = ModelBundle.load(path)
    cores = usable_cores()
    flips = accuracy = None
    if pictures:
        accuracy = _accuracy_of(path, pictures, known)
        beside = path.with_name(f"{bundle.manifest.name}-float32.tflite")
        parent = parent or (beside if beside.exists() else None)
        if parent and parent != path:
            parent_answers = _accuracy_of(parent, pictures, known).probabilities
            flips = label_flips(accuracy.probabilities, parent_answers)
    return BenchmarkRecord(
        bundle,
        path.stat().st_size,
        _latency(bundle, 1, quick),
        _latency(bundle, cores, quick),
        cores,
        measure_process(path),
        accuracy,
        flips,
    )


def _accuracy_of(path: Path, pictures: TestPictures, known: dict[Path, Accuracy]) -> Accuracy:
    if path not in known:
        model = TfliteModel(ModelBundle.load(path))
        judged = pictures.for_input(model.bundle.manifest.input)
        known[path] = measure_accuracy(model, judged)
    return known[path]


def _latency(bundle: ModelBundle, threads: int, quick: bool) -> Latency:
    """Time pixels to probabilities, one face a call, on a face of random pixels."""
    model = TfliteModel(bundle, threads)
    pixels = np.random.default_rng(0).integers(0, 256, bundle.manifest.input.shape, np.uint8)
    return measure(lambda: model.probabilities(pixels), runs=QUICK_RUNS if quick else RUNS)
