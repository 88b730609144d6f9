"""What a device tells of itself every half minute: version, model, cameras, heat and counts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Annotated

from msgspec import Meta

from fer_core import __version__
from fer_core.typed_json import read_json
from fer_core.values import Frame, Gap
from fer_edge.board import temperature_celsius
from fer_edge.faces.analysis import Analysis
from fer_edge.inference.models import ModelFacts

REPORT_SECONDS = 30.0
MOST_REPORT_BYTES, MOST_WORDS = 16_384, 300
LOOK_SECONDS = 1.0
"""How often it is looked at whether the model has changed."""
NONE, TAKES_NONE, FETCHING, CHECKING = "", "takes none", "fetching", "checking"
TAKEN, REFUSED = "taken", "refused"
Words = Annotated[str, Meta(max_length=MOST_WORDS)]
Count = Annotated[int, Meta(ge=0, le=2**53)]
Seconds = Annotated[float, Meta(ge=0, le=1e12)]


@dataclass(frozen=True, slots=True)
class BundleReport:
    """What became of the newest bundle that was published for a device.

    Attributes:
        number: Which one, 0 for none.
        state: NONE, TAKES_NONE, FETCHING, CHECKING, TAKEN or REFUSED.
        why: Why none is taken, or this one was refused.
    """

    number: Count = 0
    state: Words = NONE
    why: Words = ""


@dataclass(frozen=True, slots=True)
class TrialReport:
    """What became of the newest model, see `DeploymentState`, and of the newest published one."""

    trial: Words = ""
    why: Words = ""
    bundle: BundleReport = BundleReport()


@dataclass(frozen=True, slots=True)
class CameraReport:
    """How many frames of a camera were looked at, and how long there has been none."""

    frames: Count = 0
    silent_seconds: Seconds = 0.0


@dataclass(frozen=True, slots=True)
class Report:
    """How a device is.

    Attributes:
        uptime_seconds: How long the run has gone on.
        model: The name of the bundle that classifies.
        sha256: That of its network.
        trial: What became of the newest model.
        why: Why it was taken back.
        cameras: By name; one without a name is "".
        temperature_celsius: None where the board tells none.
        slowed: What slows the board, empty for nothing.
        counts: What the run counts, by name, all cameras together.
        bundle: What became of the newest bundle that was published for it.
    """

    version: Words
    uptime_seconds: Seconds
    model: Words
    sha256: Words
    trial: Words
    why: Words
    cameras: Annotated[dict[Words, CameraReport], Meta(max_length=100)]
    temperature_celsius: Annotated[float, Meta(ge=-273, le=1000)] | None
    slowed: Words
    counts: Annotated[dict[Words, Count], Meta(max_length=100)]
    bundle: BundleReport

    def to_json(self) -> str:
        """Return the report as a line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: bytes, what: str) -> Report:
        """Return the report in JSON text, which messages call `what`.

        Raises:
            FerError: It is none.
        """
        return read_json(text, cls, what)


def report_topic(device: str) -> str:
    """Return where a device reports."""
    return f"fer-edge/{device}/report"


class DeviceReport:
    """Makes a report every REPORT_SECONDS of the frames' clock, and when the model changes."""

    def __init__(
        self,
        device: str,
        model: Callable[[], ModelFacts],
        trial: Callable[[], TrialReport] = TrialReport,
        counts: Callable[[], Mapping[str, int]] = dict,
        slowed: Callable[[], str] = str,
        temperature: Callable[[], float | None] = temperature_celsius,
    ) -> None:
        """Take what is asked for a report.

        Args:
            device: What the device is called.
            model: Returns which bundle classifies now.
            trial: Returns what became of the newest model and the newest published one.
            counts: Returns what the run counts.
            slowed: Returns what slows the board.
            temperature: Returns the board's, in degrees Celsius.
        """
        self._topic, self._model, self._trial = report_topic(device), model, trial
        self._counts, self._slowed, self._temperature = counts, slowed, temperature
        self._frames: dict[str, int] = {}
        self._seen_at: dict[str, float] = {}
        self._began_at: float | None = None
        self._told_at = self._looked_at = float("-inf")
        self._told: tuple[ModelFacts, TrialReport] | None = None
        self._events = 0

    def see(self, newest: Frame | Gap, seen: Analysis) -> dict[str, str]:
        """Return the report by its topic if it is time for one."""
        at = newest.captured_at if isinstance(newest, Frame) else newest.at
        self._events += len(seen.events)
        self._frames[newest.camera] = self._frames.get(newest.camera, 0) + isinstance(newest, Frame)
        if isinstance(newest, Frame) or newest.camera not in self._seen_at:
            self._seen_at[newest.camera] = at
        self._began_at = at if self._began_at is None else self._began_at
        if 0 <= at - self._looked_at < LOOK_SECONDS:
            return {}
        self._looked_at, told = at, (self._model(), self._trial())
        if told == self._told and 0 <= at - self._told_at < REPORT_SECONDS:
            return {}
        self._told, self._told_at = told, at
        return {self._topic: self._report(at, *told).to_json()}

    def _report(self, at: float, model: ModelFacts, trial: TrialReport) -> Report:
        cameras = {
            name: CameraReport(frames, round(max(at - self._seen_at[name], 0.0), 1))
            for name, frames in self._frames.items()
        }
        return Report(
            __version__,
            round(max(at - (self._began_at or 0.0), 0.0)),
            model.name[:MOST_WORDS],
            model.sha256,
            trial.trial,
            trial.why[:MOST_WORDS],
            cameras,
            self._temperature(),
            self._slowed()[:MOST_WORDS],
            {"events": self._events, **self._counts()},
            replace(trial.bundle, why=trial.bundle.why[:MOST_WORDS]),
        )
