"""One benchmark: every model, the same pictures, the same machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from fer_bench.accuracy import Accuracy, TestPictures, measure_accuracy, ten_crop_accuracy
from fer_bench.clips import ClipResult
from fer_bench.distortions import measure_robustness
from fer_bench.environment import Environment, read_environment, usable_cores
from fer_bench.memory import ProcessCost, measure_process
from fer_bench.timing import Latency, measure
from fer_core.bundle import ModelBundle
from fer_core.metrics import label_flips, paired_difference
from fer_edge.interpreter import TfliteModel

SCHEMA_VERSION = 1
RUNS, QUICK_RUNS = 1000, 100


@dataclass(frozen=True, slots=True)
class BenchmarkRecord:
    """All figures of one model; those that were not measured are None or empty.

    `parent` is what the float32 parent answers, `ten_crop` an accuracy, `robustness` an accuracy
    for each distortion.
    """

    bundle: ModelBundle
    file_bytes: int
    latency: Latency
    latency_all: Latency
    threads_all: int
    cost: ProcessCost
    accuracy: Accuracy | None = None
    parent: Accuracy | None = None
    ten_crop: float | None = None
    robustness: dict[str, float] = field(default_factory=dict)

    @property
    def label_flips(self) -> int | None:
        """How many test pictures the parent names differently."""
        if not (self.accuracy and self.parent):
            return None
        return label_flips(self.accuracy.probabilities, self.parent.probabilities)

    @property
    def accuracy_change(self) -> tuple[float, tuple[float, float]] | None:
        """By how much the accuracy rose from the parent's, and its 95 % interval."""
        if not (self.accuracy and self.parent):
            return None
        return paired_difference(self.accuracy.right, self.parent.right)

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
            values["accuracy_ten_crop"] = self.ten_crop
            values["robustness"] = self.robustness
        if self.accuracy_change:
            values["accuracy_change"], interval = self.accuracy_change
            values["accuracy_change_interval95"] = list(interval)
        return values


@dataclass(frozen=True, slots=True)
class Results:
    """The records of one run, with the command and the environment they were measured in."""

    command: str
    environment: Environment
    data: str
    models: list[BenchmarkRecord] = field(default_factory=list)
    clips: list[ClipResult] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return {
            "schema_version": SCHEMA_VERSION,
            "command": self.command,
            "environment": {**asdict(self.environment), "on_a_pi": self.environment.on_a_pi},
            "data": self.data,
            "models": [record.to_json() for record in self.models],
            "clips": [clip.to_json() for clip in self.clips],
        }


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured: `quick` a tenth of the timed runs, `robustness` distortions too."""

    quick: bool = False
    robustness: bool = False


def run_benchmark(
    paths: Sequence[Path],
    pictures: TestPictures | None,
    parent: Path | None,
    extent: Extent,
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
        results.models.append(_measure_model(path, parent, pictures, extent, known))
    return results


def _measure_model(
    path: Path,
    parent: Path | None,
    pictures: TestPictures | None,
    extent: Extent,
    known: dict[Path, Accuracy],
) -> BenchmarkRecord:
    bundle = ModelBundle.load(path)
    cores = usable_cores()
    record = BenchmarkRecord(
        bundle,
        path.stat().st_size,
        _latency(bundle, 1, extent.quick),
        _latency(bundle, cores, extent.quick),
        cores,
        measure_process(path),
    )
    return _with_accuracy(record, path, parent, pictures, extent, known) if pictures else record


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
    model, test = TfliteModel(record.bundle), pictures.for_input(manifest.input).dataset
    return replace(
        record,
        accuracy=_accuracy_of(path, pictures, known),
        parent=_accuracy_of(parent, pictures, known) if parent and parent != path else None,
        ten_crop=None if extent.quick else ten_crop_accuracy(model, test),
        robustness=measure_robustness(model, test) if extent.robustness else {},
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
