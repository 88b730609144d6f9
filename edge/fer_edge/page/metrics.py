"""The runner's figures in the text format of Prometheus."""

from __future__ import annotations

from collections.abc import Mapping

from fer_edge.faces.events import KINDS
from fer_edge.page.view import LiveView

FORMAT = "text/plain; version=0.0.4; charset=utf-8"


def metrics_text(view: LiveView, counters: Mapping[str, int]) -> str:
    """Return every metric with its help and type; `counters` are further ones by name."""
    state = view.state()
    lines: list[str] = []

    def add(name: str, kind: str, helps: str, samples: Mapping[str, float | int | None]) -> None:
        if all(value is None for value in samples.values()):
            return
        lines.append(f"# HELP fer_edge_{name} {helps}")
        lines.append(f"# TYPE fer_edge_{name} {kind}")
        lines.extend(f"fer_edge_{name}{labels} {value}" for labels, value in samples.items())

    add("frames_total", "counter", "Frames looked at.", {"": state["frames"]})
    add("frames_per_second", "gauge", "Frames a second.", {"": state["frames_per_second"]})
    add("silent_seconds", "gauge", "Time since the last frame.", {"": state["silent_seconds"]})
    add("faces", "gauge", "Faces in the newest frame.", {"": len(state["faces"])})
    kinds = {f'{{kind="{kind}"}}': view.events[kind] for kind in KINDS}
    add("events_total", "counter", "What happened, by kind.", kinds)
    add("temperature_celsius", "gauge", "The board.", {"": state["temperature_celsius"]})
    add("viewers", "gauge", "Viewers of the live picture.", {"": view.viewers})
    for name, value in counters.items():
        add(f"{name}_total", "counter", f"{name.replace('_', ' ').capitalize()}.", {"": value})
    return "\n".join(lines) + "\n"
