"""The runner's figures in the text format of Prometheus."""

from __future__ import annotations

from collections.abc import Mapping

from fer_edge.faces.events import KINDS
from fer_edge.page.view import LiveView

FORMAT = "text/plain; version=0.0.4; charset=utf-8"


def metrics_text(view: LiveView, counters: Mapping[str, Mapping[str, int]]) -> str:
    """Return every metric with its help and type.

    Args:
        view: What viewers see.
        counters: Further ones by name, and by camera; "" stands for the whole run.
    """
    state, cameras = view.state(), view.camera_states()
    lines: list[str] = []

    def add(name: str, kind: str, helps: str, samples: Mapping[str, float | int | None]) -> None:
        if all(value is None for value in samples.values()):
            return
        lines.append(f"# HELP fer_edge_{name} {helps}")
        lines.append(f"# TYPE fer_edge_{name} {kind}")
        lines.extend(f"fer_edge_{name}{labels} {value}" for labels, value in samples.items())

    def add_of_cameras(name: str, kind: str, helps: str, key: str) -> None:
        add(name, kind, helps, {_labels(each["camera"]): each[key] for each in cameras})

    add_of_cameras("frames_total", "counter", "Frames looked at.", "frames")
    add_of_cameras("frames_per_second", "gauge", "Frames a second.", "frames_per_second")
    add_of_cameras("silent_seconds", "gauge", "Time since the last frame.", "silent_seconds")
    add_of_cameras("faces", "gauge", "Faces in the newest frame.", "faces")
    kinds = {f'{{kind="{kind}"}}': view.events[kind] for kind in KINDS}
    add("events_total", "counter", "What happened, by kind.", kinds)
    add("temperature_celsius", "gauge", "The board.", {"": state["temperature_celsius"]})
    add("viewers", "gauge", "Viewers of the live picture.", {"": view.viewers})
    for name, counted in counters.items():
        samples = {_labels(camera): value for camera, value in counted.items()}
        add(f"{name}_total", "counter", f"{name.replace('_', ' ').capitalize()}.", samples)
    return "\n".join(lines) + "\n"


def _labels(camera: str) -> str:
    return f'{{camera="{camera}"}}' if camera else ""
