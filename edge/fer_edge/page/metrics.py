"""The runner's figures in the text format of Prometheus."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

from fer_core import __version__
from fer_edge.faces.events import KINDS
from fer_edge.inference.models import ModelFacts
from fer_edge.page.view import LiveView

FORMAT = "text/plain; version=0.0.4; charset=utf-8"
Samples = Mapping[str, float | int | None]
"""Values by the labels of each, as they are written."""


def metrics_text(
    view: LiveView, counters: Mapping[str, Mapping[str, int]], model: ModelFacts
) -> str:
    """Return every metric with its help and type.

    Args:
        view: What viewers see.
        counters: Further ones by name, and by camera; "" stands for the whole run.
        model: What classifies now.
    """
    lines: list[str] = []

    def add(name: str, kind: str, helps: str, samples: Samples) -> None:
        if all(value is None for value in samples.values()):
            return
        lines.append(f"# HELP {name} {helps}")
        lines.append(f"# TYPE {name} {kind}")
        lines.extend(f"{name}{labels} {value}" for labels, value in samples.items())

    for name, kind, helps, samples in (*_seen(view, model), *_run(model)):
        add(f"fer_edge_{name}", kind, helps, samples)
    for name, counted in counters.items():
        by_camera = {_labels(camera=camera): value for camera, value in counted.items()}
        helps = f"{name.replace('_', ' ').capitalize()}."
        add(f"fer_edge_{name}_total", "counter", helps, by_camera)
    for name, kind, helps, value in _process(view.began):
        add(name, kind, helps, {"": value})
    return "\n".join(lines) + "\n"


def _seen(view: LiveView, model: ModelFacts) -> list[tuple[str, str, str, Samples]]:
    """Return name, type, help and samples of what the cameras give."""
    state, cameras = view.state(), view.camera_states()
    kinds = {_labels(kind=kind): view.events[kind] for kind in KINDS}
    seconds = {
        _labels(camera=camera, label=label): round(value, 3)
        for camera, labels in view.seconds().items()
        for label, value in {**dict.fromkeys(model.labels, 0.0), **labels}.items()
    }

    def of_cameras(key: str) -> Samples:
        return {_labels(camera=each["camera"]): each[key] for each in cameras}

    up = {_labels(camera=each["camera"]): int(not each["ill"]) for each in cameras}
    return [
        ("frames_total", "counter", "Frames looked at.", of_cameras("frames")),
        ("frames_per_second", "gauge", "Frames a second.", of_cameras("frames_per_second")),
        ("silent_seconds", "gauge", "Time since the last frame.", of_cameras("silent_seconds")),
        ("camera_up", "gauge", "Whether frames come: 0 once none has for 15 s.", up),
        ("faces", "gauge", "Faces in the newest frame.", of_cameras("faces")),
        ("expression_seconds_total", "counter", "Time that faces showed an expression.", seconds),
        ("events_total", "counter", "What happened, by kind.", kinds),
        ("temperature_celsius", "gauge", "The board.", {"": state["temperature_celsius"]}),
        ("viewers", "gauge", "Viewers of the live picture.", {"": view.viewers}),
    ]


def _run(model: ModelFacts) -> list[tuple[str, str, str, Samples]]:
    """Return name, type, help and samples of what runs."""
    running = _labels(model=model.name, sha256=model.sha256[:12])
    return [
        ("build_info", "gauge", "The version.", {_labels(version=__version__): 1}),
        ("model_info", "gauge", "The model that classifies.", {running: 1}),
    ]


def _process(began: float) -> list[tuple[str, str, str, float | None]]:
    """Return name, type, help and value of what every client of Prometheus tells."""
    resident = None
    statm = Path("/proc/self/statm")
    if statm.exists():  # Linux
        resident = int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return [
        ("process_resident_memory_bytes", "gauge", "Memory in use.", resident),
        ("process_cpu_seconds_total", "counter", "Processor time.", round(time.process_time(), 2)),
        ("process_start_time_seconds", "gauge", "When it began, since 1970.", round(began, 2)),
    ]


def _labels(**pairs: str) -> str:
    """Return labels as they are written; an empty one is left out."""
    escaped = {
        name: value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
        for name, value in pairs.items()
        if value
    }
    inside = ",".join(f'{name}="{value}"' for name, value in escaped.items())
    return f"{{{inside}}}" if inside else ""
