"""results.json read again, every type and range checked before anybody counts on it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, TypedDict, cast

from msgspec import Meta

from fer_bench.records import SCHEMA_VERSION
from fer_core.errors import FerError
from fer_core.text import on_paper
from fer_core.typed_json import convert_json, plain_json

_Name = Annotated[str, Meta(min_length=1, max_length=1000)]
_Share = Annotated[float, Meta(ge=0, le=1)]
_Change = Annotated[float, Meta(ge=-1, le=1)]
_Duration = Annotated[float, Meta(gt=0, le=1e9)]
_Count = Annotated[int, Meta(ge=0, le=10**15)]
_Figure = Annotated[float, Meta(ge=-1e15, le=1e15)]


class _LatencyNeeds(TypedDict):
    p50: _Duration
    runs: _Count


class _Latency(_LatencyNeeds, total=False):
    p90: _Duration
    p95: _Duration
    p99: _Duration
    spread: Annotated[float, Meta(ge=0, le=1e9)]
    percentiles: Annotated[list[_Duration], Meta(min_length=1, max_length=1000)]


class _Conditions(TypedDict, total=False):
    slowdown: _Figure
    temperature_celsius: _Figure | None
    frequency_mhz: _Figure | None
    throttled: str | None
    noisy: bool


class _OfAClassNeeds(TypedDict):
    recall: _Share


class _OfAClass(_OfAClassNeeds, total=False):
    precision: _Share
    f1: _Share
    support: _Count


class _Bin(TypedDict):
    confidence: _Share
    accuracy: _Share
    count: _Count


class _Endurance(TypedDict):
    seconds: _Duration
    faces: _Count
    first_ms: _Duration
    last_ms: _Duration
    throttled_share: _Share
    throttled_ms: _Duration | None
    idle_watts: _Figure | None
    busy_watts: _Figure | None
    millijoules_a_face: _Figure | None


class _ModelNeeds(TypedDict):
    name: _Name
    file_bytes: _Count
    parameters: _Count | None
    mmacs: _Figure | None
    latency_ms: _Latency


class _Model(_ModelNeeds, total=False):
    latency_by_threads_ms: dict[_Name, _Latency]
    latency_without_xnnpack_ms: _Latency | None
    conditions: _Conditions
    activation_bytes: _Count | None
    epochs: _Count | None
    recipe_epochs: _Count | None
    validation_accuracy: _Share | None
    load_ms: _Figure
    first_ms: _Figure
    peak_rss_bytes: _Count | None
    label_flips: _Count | None
    endurance: _Endurance | None
    unjudged: str
    count: _Count
    accuracy: _Share
    accuracy_interval95: tuple[_Share, _Share]
    macro_f1: _Share
    ece: _Share
    per_class: dict[_Name, _OfAClass]
    confusion: list[list[_Count]]
    accuracy_without_twins: _Share | None
    reliability: list[_Bin]
    accuracy_ten_crop: _Share | None
    robustness: dict[_Name, _Share]
    accuracy_change: _Change
    accuracy_change_interval95: tuple[_Change, _Change]
    mcnemar_p: _Share


class _Failed(TypedDict):
    name: _Name
    error: str


class _LoopNeeds(TypedDict):
    name: _Name
    frames_per_second: _Duration
    stages_ms: dict[_Name, Annotated[float, Meta(ge=0, le=1e9)]]
    found: _Count | None
    false_boxes: _Count | None


class _Loop(_LoopNeeds, total=False):
    dropped: _Count
    seconds: _Duration


class _Clip(TypedDict):
    clip: _Name
    frames: Annotated[int, Meta(ge=1, le=10**9)]
    frames_with_face: _Count | None
    loops: Annotated[list[_Loop], Meta(min_length=1)]


class _EnvironmentNeeds(TypedDict):
    runtime: str
    kernels: str
    cpu: str
    cores: _Count
    on_a_pi: bool


class _Environment(_EnvironmentNeeds, total=False):
    board: str
    governor: str
    system: str
    python: str
    numpy: str
    opencv: str
    fer_edge_kit: str
    load_before: _Figure | None
    busy: bool


class _ResultsNeeds(TypedDict):
    schema_version: int
    command: str
    environment: _Environment
    data: str
    models: Annotated[list[_Model], Meta(max_length=1000)]


class _Results(_ResultsNeeds, total=False):
    failed: list[_Failed]
    clips: list[_Clip]
    quick: bool


def read_results(path: Path) -> dict[str, Any]:
    """Return the content of a results.json; raise FerError for another file or schema."""
    what = f"{path} is no results.json of fer-bench; it"
    try:
        values = plain_json(path.read_text(encoding="utf-8"), what)
    except OSError as error:
        raise FerError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise FerError(f"{what} cannot be read: {error}") from error
    values = _shown(values)
    version = values.get("schema_version") if isinstance(values, dict) else None
    if isinstance(version, int) and version != SCHEMA_VERSION:
        raise FerError(f"{path} has schema {version}, this fer-bench reads {SCHEMA_VERSION}")
    checked = convert_json(values, _Results, what)
    if not checked["models"]:
        raise FerError(f"{path} holds no model that was measured")
    for model in checked["models"]:
        _require_whole(model, what)
    return cast("dict[str, Any]", values)


def _shown(value: Any) -> Any:
    """Return JSON values whose texts can be shown: names may hold what is no character."""
    if isinstance(value, dict):
        return {on_paper(key): _shown(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_shown(each) for each in value]
    return on_paper(value) if isinstance(value, str) else value


def _require_whole(model: _Model, what: str) -> None:
    """Raise FerError for a model whose figures do not belong together."""
    needed = {"accuracy", "accuracy_interval95", "macro_f1", "per_class", "confusion"}
    judged = {*needed, "robustness", "reliability", "accuracy_change"} & set(model)
    lacking = needed - set(model) if judged else set()
    if "reliability" in model and "ece" not in model:
        lacking.add("ece")
    low, high = model.get("accuracy_interval95", (0.0, 1.0))
    if not low <= model.get("accuracy", low) <= high:
        lacking.add("an interval around its accuracy")
    classes, rows = model.get("per_class"), model.get("confusion")
    if rows is not None and any(len(row) != len(rows) for row in rows):
        lacking.add("a square confusion matrix")
    if rows is not None and classes is not None and len(rows) != len(classes):
        lacking.add("a row of the confusion matrix for each class")
    if "accuracy_change" in model and "accuracy_change_interval95" not in model:
        lacking.add("accuracy_change_interval95")
    if held := model.get("endurance"):
        lacking |= (
            {"throttled_ms"} if held["throttled_share"] and not held["throttled_ms"] else set()
        )
        lacking |= (
            {"busy_watts"} if held["millijoules_a_face"] and not held["busy_watts"] else set()
        )
    if lacking:
        raise FerError(f"{what} cannot be read: {model['name']} lacks {', '.join(sorted(lacking))}")
