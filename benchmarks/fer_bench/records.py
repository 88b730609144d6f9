"""What a benchmark found: a record a model, and the results that hold them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from fer_bench.accuracy import Accuracy
from fer_bench.clips import ClipResult
from fer_bench.conditions import Conditions
from fer_bench.endurance import Endurance
from fer_bench.environment import Environment
from fer_bench.memory import ProcessCost
from fer_bench.timing import Latency
from fer_core.bundle import ModelBundle
from fer_core.errors import FerError
from fer_core.metrics import label_flips, mcnemar_exact, paired_difference, reliability

SCHEMA_VERSION = 1
UNSTEADY = 0.25
"""How far the medians of a model's turns may lie apart, of the median, before it is marked."""


@dataclass(frozen=True, slots=True)
class FailedModel:
    """A model that could not be measured, and why."""

    name: str
    error: str

    def to_json(self) -> dict[str, Any]:
        """Return name and error."""
        return {"name": self.name, "error": self.error}


@dataclass(frozen=True, slots=True)
class BenchmarkRecord:
    """All figures of one model; those that were not measured are None or empty.

    `latencies` are by number of threads, 1 among them; `latency_builtin` is on one thread without
    XNNPACK. `parent` is what the float32 parent answers, `ten_crop` an accuracy, `robustness` an
    accuracy for each distortion, `endurance` a run without a pause, `unjudged` what could not
    be judged though there were pictures, and why; `folder` tells models of one name apart.
    """

    bundle: ModelBundle
    file_bytes: int
    latencies: dict[int, Latency]
    latency_builtin: Latency
    conditions: Conditions
    cost: ProcessCost
    accuracy: Accuracy | None = None
    parent: Accuracy | None = None
    ten_crop: float | None = None
    robustness: dict[str, float] = field(default_factory=dict)
    endurance: Endurance | None = None
    unjudged: str = ""
    folder: str = ""

    @property
    def name(self) -> str:
        """The bundle's name, with its folder where another model has the same name."""
        return f"{self.folder}/{self.bundle.name}" if self.folder else self.bundle.name

    @property
    def latency(self) -> Latency:
        """The latency on one thread, as it is quoted."""
        return self.latencies[1]

    @property
    def is_noisy(self) -> bool:
        """Whether the latency was taken in a bad moment: others' or its own turns tell so."""
        return self.conditions.are_noisy or self.latency.spread > UNSTEADY

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

    @property
    def mcnemar_p(self) -> float | None:
        """How likely so uneven a change is when neither is better (McNemar's exact test)."""
        if not (self.accuracy and self.parent):
            return None
        return mcnemar_exact(self.accuracy.right, self.parent.right)

    def to_json(self) -> dict[str, Any]:
        """Return the record with the keys that `results.json` promises."""
        provenance = self.bundle.manifest.provenance
        values: dict[str, Any] = {
            "name": self.name,
            "sha256": self.bundle.manifest.sha256,
            "file_bytes": self.file_bytes,
            "parameters": provenance.get("parameters"),
            "mmacs": round(provenance["macs"] / 1e6, 2) if "macs" in provenance else None,
            "activation_bytes": provenance.get("activation_bytes"),
            "epochs": provenance.get("epochs"),
            "recipe_epochs": provenance.get("recipe_epochs"),
            "validation_accuracy": self.bundle.manifest.metrics.get("validation", {}).get(
                "child_accuracy"
            ),
            "latency_ms": asdict(self.latency),
            "latency_by_threads_ms": {str(n): asdict(each) for n, each in self.latencies.items()},
            "latency_without_xnnpack_ms": asdict(self.latency_builtin),
            "conditions": {**asdict(self.conditions), "noisy": self.is_noisy},
            "load_ms": self.cost.load_ms,
            "first_ms": self.cost.first_ms,
            "peak_rss_bytes": self.cost.peak_rss_bytes,
            "label_flips": self.label_flips,
            "endurance": self.endurance.to_json() if self.endurance else None,
        }
        if self.unjudged:
            values["unjudged"] = self.unjudged
        if self.accuracy:
            values |= self.accuracy.report.to_json()
            values["accuracy_without_twins"] = self.accuracy.without_twins
            bins = reliability(self.accuracy.probabilities, self.accuracy.right)
            values["reliability"] = [asdict(each) for each in bins]
            values["accuracy_ten_crop"] = self.ten_crop
            values["robustness"] = self.robustness
        if self.accuracy_change:
            values["accuracy_change"], interval = self.accuracy_change
            values["accuracy_change_interval95"] = list(interval)
            values["mcnemar_p"] = self.mcnemar_p
        return values


@dataclass(frozen=True, slots=True)
class Results:
    """The records of one run, with the command and the environment they were measured in."""

    command: str
    environment: Environment
    data: str
    models: list[BenchmarkRecord] = field(default_factory=list)
    failed: list[FailedModel] = field(default_factory=list)
    clips: list[ClipResult] = field(default_factory=list)
    quick: bool = False

    def require_all(self) -> None:
        """Raise FerError that names the models which could not be measured."""
        if self.failed:
            raise FerError(f"not measured: {', '.join(model.name for model in self.failed)}")

    @property
    def measured(self) -> set[Path | None]:
        """The files of the models that were measured."""
        return {record.bundle.path for record in self.models}

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return {
            "schema_version": SCHEMA_VERSION,
            "command": self.command,
            "environment": {
                **asdict(self.environment),
                "on_a_pi": self.environment.on_a_pi,
                "busy": self.environment.was_busy,
            },
            "data": self.data,
            "quick": self.quick,
            "models": [record.to_json() for record in self.models],
            "failed": [model.to_json() for model in self.failed],
            "clips": [clip.to_json() for clip in self.clips],
        }
