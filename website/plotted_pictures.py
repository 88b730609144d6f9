"""Plots for the documentation: those of a committed results.json, and one face over time."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from drawn_faces import draw_face
from fer_bench.figures import accuracy_against_latency, reliability
from fer_bench.records import ModelRecord
from fer_bench.results import read_results
from fer_core.values import Face, Frame, Prediction
from fer_edge.faces.analysis import StreamAnalyzer
from fer_edge.faces.detector import DetectorRequest
from fer_edge.faces.detectors import make_detector
from fer_edge.faces.events import ExpressionEvent
from fer_edge.inference.classifier import TfliteClassifier
from fer_edge.inference.interpreter import TfliteModel
from fer_edge.inference.models import load_model
from fer_edge.outputs.overlay import colour_of

REFERENCE = Path(__file__).parents[1] / "benchmarks" / "reference"
RESULTS = REFERENCE / "x86-64-2-cores-avx2" / "results.json"
FPS, SECONDS = 15, 11
INK = "#1f2430"
LEAST_PEAK = 0.3
"""What a label must reach once to be drawn."""


def calibration() -> str:
    """Plot how often the shipped models are right against how sure they are."""
    return _on_white(reliability(_models("fer-nano-int8", "fer-small-int8", "fer-base-int8")))


def front() -> str:
    """Plot accuracy against latency: int8 models that learned FER2013's own labels."""
    models = [each.name for each in read_results(RESULTS).models]
    models = [each for each in models if "float32" not in each and "ferplus" not in each]
    return _on_white(accuracy_against_latency(_models(*models)))


def _models(*names: str) -> list[ModelRecord]:
    models = {each.name: each for each in read_results(RESULTS).models}
    return [models[name] for name in names]


def _on_white(svg: str) -> str:
    """Return a plot on a white ground: a picture does not know the colors of its page."""
    svg = svg.replace("currentColor", INK)
    head = svg.index(">", svg.index("<svg")) + 1
    return f'{svg[:head]}\n<rect width="100%" height="100%" fill="#ffffff"/>{svg[head:]}\n'


@dataclass
class Recorded:
    """What happened to the faces of a stream, by time."""

    found: list[tuple[float, int]] = field(default_factory=list)
    raw: list[tuple[float, Prediction]] = field(default_factory=list)
    shown: list[tuple[float, int, int, Prediction]] = field(default_factory=list)
    events: list[ExpressionEvent] = field(default_factory=list)


def scene() -> Iterator[Frame]:
    """Yield a stream of two faces.

    One looks otherwise for a moment, and changes at 4 s. The other is covered for a second, and
    leaves at 7.5 s.
    """
    rng = np.random.default_rng(0)
    for index in range(FPS * SECONDS):
        at = index / FPS
        pixels = np.full((480, 640, 3), 90, np.uint8)
        first = "sad" if at >= 4 or 2 <= at < 2.25 else "happy"
        pixels[140:320, 40:220] = draw_face(first, 180)
        if 1.5 <= at < 7.5 and not 4.5 <= at < 5.5:
            left = round(340 + 100 * np.sin(at))
            pixels[140:320, left : left + 180] = draw_face("disgust", 180, seed=1)
        noisy = pixels + rng.normal(0, 12, pixels.shape)
        yield Frame(np.clip(noisy, 0, 255).astype(np.uint8), index, at)


def recorded() -> Recorded:
    """Follow the faces of the scene as fer-edge does."""
    kept = Recorded()
    classifier = TfliteClassifier(TfliteModel(load_model()))
    detector = make_detector("haar", DetectorRequest(stream=True))

    class Noted:
        """The classifier; it also notes what it says of the first face."""

        def classify(self, frame: Frame, faces: Sequence[Face]) -> tuple[Prediction, ...]:
            answers = classifier.classify(frame, faces)
            for face, answer in zip(faces, answers, strict=True):
                kept.found.append((frame.captured_at, face.box.x + face.box.width // 2))
                if face.box.x < 200:
                    kept.raw.append((frame.captured_at, answer))
            return answers

    analyzer = StreamAnalyzer(detector, Noted())
    for frame in scene():
        seen = analyzer.analyze(frame)
        kept.events += seen.events
        for each in seen.observations:
            middle = each.box.x + each.box.width // 2
            kept.shown.append((frame.captured_at, each.track_id or 0, middle, each.prediction))
    return kept


def tracking() -> str:
    """Plot where two faces are and how one of them looks, over time."""
    kept = recorded()
    style = {"svg.fonttype": "none", "svg.hashsalt": "tracking", "font.size": 10}
    with mpl.rc_context({**style, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(8.5, 5.6), layout="constrained")
        places, looks = figure.subplots(2, 1, sharex=True)
        _plot_places(places, kept)
        _plot_looks(looks, kept)
        written = io.StringIO()
        figure.savefig(written, format="svg", metadata={"Date": None})
    text = written.getvalue()
    return text[text.index("<svg") :]


def _plot_places(axes: mpl.axes.Axes, kept: Recorded) -> None:
    times, middles = zip(*kept.found, strict=True)
    axes.plot(times, middles, ".", color="#888888", markersize=4, label="found in this frame")
    for track, colour in ((1, "#4477aa"), (2, "#ee6677")):
        own = [(at, x) for at, number, x, _ in kept.shown if number == track]
        axes.plot(*zip(*own, strict=True), ":", color=colour, linewidth=1.2)
        axes.plot(*_with_gaps(own), color=colour, linewidth=2, label=f"track {track}")
    for event in kept.events:
        if event.kind != "changed":
            axes.axvline(event.at, color="#bbbbbb", linewidth=0.8, zorder=0)
            axes.text(event.at, 620, f"{event.track_id} {event.kind}", fontsize=9, ha="center")
    axes.set(ylabel="middle of the face, px", ylim=(0, 600))
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))


def _plot_looks(axes: mpl.axes.Axes, kept: Recorded) -> None:
    own = [(at, prediction) for at, track, _, prediction in kept.shown if track == 1]
    for index, label in enumerate(kept.raw[0][1].labels):
        smooth = [(at, each.probabilities[index]) for at, each in own]
        if max(share for _, share in smooth) < LEAST_PEAK:
            continue
        blue, green, red = colour_of(label)
        colour = f"#{red:02x}{green:02x}{blue:02x}"
        raw = [(at, each.probabilities[index]) for at, each in kept.raw]
        axes.plot(*zip(*raw, strict=True), color=colour, linewidth=0.8, alpha=0.7)
        axes.plot(*zip(*smooth, strict=True), color=colour, linewidth=2.4, label=label)
    for event in kept.events:
        if event.track_id == 1 and event.kind == "changed":
            axes.axvline(event.at, color=INK, linewidth=0.8, linestyle="--")
            axes.text(event.at + 0.1, 1.02, f"label: {event.label}", fontsize=9)
    axes.set(xlabel="seconds", ylabel="probability, track 1", ylim=(0, 1.1), xlim=(0, SECONDS))
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1), title="thick: smoothed")


def _with_gaps(points: list[tuple[float, int]]) -> tuple[list[float], list[float]]:
    """Return times and places; a line through them breaks where nothing was shown."""
    times, places, last = [], [], 0.0
    for at, place in points:
        if times and at - last > 1.5 / FPS:
            times.append(at)
            places.append(float("nan"))
        times.append(at)
        places.append(float(place))
        last = at
    return times, places
