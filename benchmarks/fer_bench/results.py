"""results.json: the stored values of one run, written, and read with every key checked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from msgspec import to_builtins

from fer_bench.evaluation import Evaluation, Parity
from fer_bench.records import ClipRecord, Environment, FailedModel, ModelRecord, ProcessCost
from fer_core.errors import FerError
from fer_core.files import write_text
from fer_core.text import on_paper
from fer_core.typed_json import convert_json, plain_json

Json = dict[str, Any]
SCHEMA_VERSION = 2
_WAY_OUT = "read it with the fer-edge-kit that wrote it, or measure again"
_SECTIONS = {"process": ProcessCost, "evaluation": Evaluation, "parity": Parity}
"""Values of a model whose keys stand among the model's own in the file."""
_RENAMED_IN_2 = {
    "accuracy_without_twins": "accuracy_without_duplicates",
    "accuracy_ten_crop": "accuracy_test_time_augmentation",
    "unjudged": "evaluation_error",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """The records of one run, with the command and the environment they were measured in.

    Attributes:
        data: The name of the test pictures and their number, empty without any.
        data_fingerprint: A SHA-256 over these pictures and their labels, empty if unknown.
    """

    command: str
    environment: Environment
    data: str = ""
    data_fingerprint: str = ""
    quick: bool = False
    models: tuple[ModelRecord, ...] = ()
    failed: tuple[FailedModel, ...] = ()
    clips: tuple[ClipRecord, ...] = ()

    def require_all(self) -> None:
        """Make sure that every model was measured.

        Raises:
            FerError: Some, which the message names, could not be.
        """
        if self.failed:
            raise FerError(f"not measured: {', '.join(model.name for model in self.failed)}")

    def to_json(self) -> Json:
        """Return everything as JSON values, of which `from_json` makes an equal value."""
        values = to_builtins(self)
        for model in values["models"]:
            for section in _SECTIONS:
                model.update(model.pop(section) or {})
        return {"schema_version": SCHEMA_VERSION, **values}

    @classmethod
    def from_json(cls, values: object, file: str = "results.json") -> Results:
        """Return the results that JSON values hold, of schema 1 or 2.

        Args:
            values: What `json.load` returns.
            file: The file's name, for messages.

        Raises:
            FerError: The schema, or a key of schema 2, is unknown, a key lacks, a value is of
                another type or beyond its range, or the figures of a model do not belong together.
        """
        what = f"{file} is no results.json of fer-bench; it"
        latest = _in_schema_2(values, file)
        results = convert_json({**latest, "models": _nested(latest.get("models"))}, cls, what)
        unknown = list(_left_out(latest, results.to_json()))
        if unknown and latest["schema_version"] == SCHEMA_VERSION:
            raise FerError(f"{file} holds an unknown key, {unknown[0]}: {_WAY_OUT}")
        for model in results.models:
            if faults := list(_faults(model)):
                raise FerError(f"{what} cannot be read: {model.name} lacks {', '.join(faults)}")
        if len({tuple(loop.name for loop in clip.loops) for clip in results.clips}) > 1:
            raise FerError(f"{what} cannot be read: its clips were watched by other loops each")
        return results


def read_results(path: Path) -> Results:
    """Return the content of a results.json.

    Raises:
        FerError: It cannot be read, holds no model, or is another file, see `Results.from_json`.
    """
    what = f"{path} is no results.json of fer-bench; it"
    try:
        values = _shown(plain_json(path.read_text(encoding="utf-8"), what))
    except OSError as error:
        raise FerError(f"cannot read {path}: {error.strerror}") from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise FerError(f"{what} cannot be read: {error}") from error
    results = Results.from_json(values, str(path))
    if not results.models:
        raise FerError(f"{path} holds no model that was measured")
    return results


def write_results(path: Path, results: Results) -> None:
    """Write a results.json."""
    write_text(path, json.dumps(results.to_json(), indent=1) + "\n")


def _shown(value: Any) -> Any:
    """Return JSON values whose texts can be shown: names may hold what is no character."""
    if isinstance(value, dict):
        return {on_paper(key): _shown(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_shown(each) for each in value]
    return on_paper(value) if isinstance(value, str) else value


def _in_schema_2(values: object, file: str) -> Json:
    """Return JSON values of schema 2, those of schema 1 upgraded; raise FerError for others."""
    if not isinstance(values, dict) or "schema_version" not in values:
        raise FerError(f"{file} is no results.json of fer-bench; it has no schema_version")
    version = values["schema_version"]
    if version == SCHEMA_VERSION:
        return values
    if version != 1:
        raise FerError(f"{file} has schema {version}, this fer-bench reads 1 and 2: {_WAY_OUT}")
    models = values.get("models")
    if not isinstance(models, list):
        return values
    return {**values, "models": [_model_in_schema_2(model) for model in models]}


def _model_in_schema_2(model: Any) -> Any:
    """Return a model of schema 1 with the keys of schema 2: plainer names, each thread count."""
    if not isinstance(model, dict):
        return model
    renamed = {_RENAMED_IN_2.get(key, key): value for key, value in model.items()}
    on_all = renamed.pop("latency_all_threads_ms", None)  # of the earliest files
    if isinstance(on_all, dict):
        threads = str(on_all.get("threads"))
        timed = {key: value for key, value in on_all.items() if key != "threads"}
        renamed["latency_by_threads_ms"] = {"1": renamed.get("latency_ms"), threads: timed}
    return renamed


def _nested(models: Any) -> Any:
    """Return models whose keys of a section stand in that section."""
    if not isinstance(models, list | tuple) or not all(isinstance(model, dict) for model in models):
        return models
    nested = []
    for model in models:
        rest, sections = dict(model), {}
        for name, kind in _SECTIONS.items():
            keys = {field.name for field in fields(kind)} & rest.keys()
            if keys:
                sections[name] = {key: rest.pop(key) for key in keys}
        nested.append({**rest, **sections})
    return nested


def _left_out(given: Any, kept: Any, where: str = "") -> Iterator[str]:
    """Yield each key of some JSON values that is not among those kept of them, with its place."""
    if isinstance(given, dict):
        for key, value in given.items():
            place = f"{where}.{key}" if where else str(key)
            if key in kept:
                yield from _left_out(value, kept[key], place)
            else:
                yield place
    elif isinstance(given, list | tuple):
        for index, (value, its) in enumerate(zip(given, kept, strict=True)):
            yield from _left_out(value, its, f"{where}[{index}]")


def _faults(model: ModelRecord) -> Iterator[str]:
    """Yield what a model's figures lack to belong together."""
    if found := model.evaluation:
        low, high = found.accuracy_interval95
        if not low <= found.accuracy <= high:
            yield "an interval around its accuracy"
        rows = found.confusion
        if any(len(row) != len(rows) for row in rows):
            yield "a square confusion matrix"
        if len(rows) != len(found.per_class):
            yield "a row of the confusion matrix for each class"
    if held := model.endurance:
        if held.throttled_share and held.throttled_ms is None:
            yield "throttled_ms"
        if held.millijoules_a_face is not None and held.busy_watts is None:
            yield "busy_watts"
