"""What a benchmark stores: frozen values whose fields are the keys of results.json.

They hold no picture, no probabilities and no network, so that a report needs only the file.
`fer_bench.results` reads and writes them. Shares are 0 to 1; what was not measured is None or
empty.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from msgspec import Meta

from fer_bench.evaluation import Evaluation, Parity
from fer_bench.quantities import Count, Duration, Figure, Name, NotNegative, Share

INT8_PRODUCTS = ("avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm")
"""What Linux calls the instructions for dot products of int8."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Board, processor, governor, runtime, kernels and versions of one measurement.

    `instructions` decide how fast networks are, such as "avx2 avx512_vnni", named as Linux does:
    "none" where there is none of those that count, "unknown" where the system does not tell, and
    empty in old files. `load_before` is how many programs were running on average in the minute
    before it, None where the system does not tell; `busy` says that this was too many.
    """

    board: str = ""
    cpu: str
    instructions: str = ""
    cores: Count
    governor: str = ""
    system: str = ""
    python: str = ""
    numpy: str = ""
    opencv: str = ""
    runtime: str
    kernels: str
    fer_edge_kit: str = ""
    load_before: Figure | None = None
    on_a_pi: bool
    busy: bool = False

    @property
    def processor(self) -> str:
        """What the processor is, in words."""
        told = {"": "", "none": ", no instructions for networks"}
        return self.cpu + told.get(self.instructions, f", instructions {self.instructions}")

    @property
    def lacks_int8_products(self) -> bool:
        """Whether the processor is known to have no instruction for dot products of int8."""
        known = self.instructions not in ("", "unknown")
        return known and not set(INT8_PRODUCTS) & set(self.instructions.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Median and tails of `runs` timed calls, in milliseconds.

    `spread` is how far the medians of the rounds lie apart, as a share of the median;
    `percentiles` are those from 0 to 100 in steps of 2.
    """

    p50: Duration
    p90: Duration | None = None
    p95: Duration | None = None
    p99: Duration | None = None
    runs: Count
    spread: NotNegative = 0.0
    percentiles: Annotated[tuple[Duration, ...], Meta(max_length=1000)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """How the machine was, at worst, while a model was timed; None where it does not tell.

    `slowdown` is how much slower a fixed piece of work was than at its best in this run,
    `throttled` what a Pi says slows it, `noisy` whether the latency is to be measured anew.
    """

    slowdown: Figure = 1.0
    temperature_celsius: Figure | None = None
    frequency_mhz: Figure | None = None
    throttled: str | None = None
    noisy: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessCost:
    """What a fresh process pays: milliseconds from file to ready, of the first face, peak bytes.

    The file is in the system's cache. `peak_rss_bytes` is None where the system does not tell it.
    """

    load_ms: Figure
    first_ms: Figure
    peak_rss_bytes: Count | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EnduranceWindow:
    """About a second of a run without a pause, and how the board was at its end."""

    at_s: NotNegative
    faces: Count
    p50_ms: Duration
    temperature_celsius: Figure | None = None
    frequency_mhz: Figure | None = None
    throttled: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Endurance:
    """A run without a pause: latency at first, at last and while throttled, and energy.

    `first_ms` and `last_ms` are medians of a tenth of the run. Watts are of the whole board, None
    without a meter; `millijoules_a_face` includes the idle draw.
    """

    seconds: Duration
    faces: Count
    first_ms: Duration
    last_ms: Duration
    throttled_share: Share
    throttled_ms: Duration | None = None
    idle_watts: Figure | None = None
    busy_watts: Figure | None = None
    millijoules_a_face: Figure | None = None
    windows: tuple[EnduranceWindow, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRecord:
    """All figures of one model.

    `latency_ms` is on one thread with XNNPACK, as it is quoted; None where only accuracy was
    measured, on a cluster. `label_flips` is how many test
    pictures the float32 parent names differently. `evaluation_error` says what could not be
    evaluated though there were pictures, and why.
    """

    name: Name
    sha256: str = ""
    file_bytes: Count
    parameters: Count | None = None
    mmacs: Figure | None = None
    activation_bytes: Count | None = None
    epochs: Count | None = None
    recipe_epochs: Count | None = None
    validation_accuracy: Share | None = None
    latency_ms: Latency | None = None
    latency_by_threads_ms: dict[Name, Latency] = field(default_factory=dict)
    latency_without_xnnpack_ms: Latency | None = None
    conditions: Conditions | None = None
    process: ProcessCost | None = None
    label_flips: Count | None = None
    endurance: Endurance | None = None
    evaluation_error: str = ""
    evaluation: Evaluation | None = None
    parity: Parity | None = None

    @property
    def is_noisy(self) -> bool:
        """Whether the latency was taken in a bad moment."""
        return self.conditions is not None and self.conditions.noisy


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedModel:
    """A model that could not be measured, and why."""

    name: Name
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopRecord:
    """What one loop did on a clip.

    `found` are frames with a true box among its own; `found` and `false_boxes` are None when
    nobody knows where the face is. `dropped` are frames that would be lost if a camera gave them
    at the clip's pace.
    """

    name: Name
    seconds: Duration
    frames_per_second: Duration
    found: Count | None = None
    false_boxes: Count | None = None
    dropped: Count | None = None
    stages_ms: dict[Name, NotNegative] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipRecord:
    """What every loop did on one clip; `frames_with_face` is None when nobody knows."""

    clip: Name
    frames: Annotated[int, Meta(ge=1, le=10**9)]
    frames_with_face: Count | None = None
    loops: Annotated[tuple[LoopRecord, ...], Meta(min_length=1)]
