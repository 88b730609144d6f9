"""The report's plots as SVG whose ink follows the page's, light or dark."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from fer_bench.evaluation import Evaluation
from fer_bench.records import ClipRecord, Latency, ModelRecord
from fer_bench.tables import distortion_names

INK = "#010203"
"""Stands for the page's own text colour; no colour of a plot is the same."""
LEAST_IN_BIN = 10
"""Of fewer pictures, the share that is right is mostly chance."""
COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#888888")
_DASHES = ("-", "--", ":", "-.")
_STYLE: Any = {
    "svg.fonttype": "none",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "text.parse_math": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def accuracy_against_latency(models: Sequence[ModelRecord]) -> str:
    """Draw every model, with its interval, and the line of those that no other beats in both."""
    with mpl.rc_context(_STYLE):
        figure, axes = _figure(7, 4)
        for model, colour in _coloured(models):
            found = _evaluation(model)
            low, high = (100 * bound for bound in found.accuracy_interval95)
            x, y = _latency(model).p50, 100 * found.accuracy
            axes.errorbar(x, y, [[y - low], [high - y]], fmt="o", color=colour, capsize=3)
            axes.annotate(model.name, (x, y), (7, -13), textcoords="offset points")
        points = [(_latency(m).p50, 100 * _evaluation(m).accuracy) for m in models]
        front = pareto_front(points)
        axes.plot(*zip(*front, strict=True), color=INK, linewidth=0.8, linestyle="--", zorder=0)
        axes.set(xlabel="ms a face, one thread (median)", ylabel="accuracy, %")
        _by_powers(axes)
        axes.margins(x=0.25)
        return _svg(figure, "front")


def pareto_front(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the points (cost, gain) that no other point beats in both, the cheapest first."""
    front: list[tuple[float, float]] = []
    for cost, gain in sorted(points, key=lambda point: (point[0], -point[1])):
        if not front or gain > front[-1][1]:
            front.append((cost, gain))
    return front


def reliability(models: Sequence[ModelRecord]) -> str:
    """Draw how often each model is right against how sure it is, in bins of enough pictures."""
    with mpl.rc_context(_STYLE):
        figure, axes = _figure(5.5, 4.5 + 0.22 * len(models))
        axes.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle="--")
        for model, colour in _coloured(models):
            found = _evaluation(model)
            bins = [each for each in found.reliability if each.count >= LEAST_IN_BIN]
            confidence = [each.confidence for each in bins]
            label = f"{model.name} (ECE {found.ece:.1%})"
            right = [each.accuracy for each in bins]
            dashes = _DASHES[models.index(model) // len(COLOURS) % len(_DASHES)]
            axes.plot(confidence, right, f"o{dashes}", color=colour, label=label, markersize=4)
        axes.set(xlabel="confidence", ylabel="share right", xlim=(0, 1), ylim=(0, 1))
        axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1))
        return _svg(figure, "reliability")


def confusion(model: ModelRecord) -> str:
    """Draw a confusion matrix, each row as shares of the true class."""
    found = _evaluation(model)
    labels = list(found.per_class)
    counts = np.array(found.confusion, float)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    ticks = range(len(labels))
    with mpl.rc_context(_STYLE):
        figure, axes = _figure(5.5, 4.8)
        axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
        axes.set_xticks(ticks, labels, rotation=45, ha="right")
        axes.set_yticks(ticks, labels)
        axes.set(xlabel="predicted", ylabel="true", title=model.name)
        for row in ticks:
            for column in ticks:
                colour = "white" if share[row, column] > 0.5 else "black"
                cell = f"{share[row, column]:.0%}"
                axes.text(column, row, cell, ha="center", va="center", color=colour, fontsize=8)
        return _svg(figure, f"confusion {model.name}")


def latency_distribution(models: Sequence[ModelRecord]) -> str:
    """Draw which share of the faces took at most how long."""
    with mpl.rc_context(_STYLE):
        figure, axes = _figure(7, 3 + 0.25 * len(models))
        for model, colour in _coloured(models):
            values = _latency(model).percentiles
            shares = np.linspace(0, 100, len(values))
            dashes = _DASHES[models.index(model) // len(COLOURS) % len(_DASHES)]
            axes.plot(values, shares, dashes, color=colour, label=model.name)
        axes.set(xlabel="ms a face, one thread", ylabel="faces at most so slow, %")
        _by_powers(axes)
        axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=3)
        return _svg(figure, "distribution")


def stages(clips: Sequence[ClipRecord]) -> str:
    """Draw what each stage of every loop takes, as the mean over the clips."""
    names = [loop.name for loop in clips[0].loops]
    kinds = list(dict.fromkeys(k for c in clips for loop in c.loops for k in loop.stages_ms))
    with mpl.rc_context(_STYLE):
        figure, axes = _figure(7, 1.2 + 0.5 * len(names))
        for row in range(len(names)):
            left = 0.0
            for kind, colour in zip(kinds, COLOURS, strict=False):
                spent = float(np.mean([c.loops[row].stages_ms.get(kind, 0) for c in clips]))
                label = kind if row == 0 else None
                axes.barh(row, spent, left=left, color=colour, label=label)
                left += spent
        axes.set_yticks(range(len(names)), names)
        axes.invert_yaxis()
        axes.set(xlabel="ms a frame, mean of the clips, decoding not counted")
        axes.legend(frameon=False, ncols=len(kinds), loc="lower left", bbox_to_anchor=(0, 1))
        return _svg(figure, "stages")


def robustness(models: Sequence[ModelRecord]) -> str:
    """Draw the accuracy of every model under every distortion, and the plain one as a line."""
    names = distortion_names(models)
    with mpl.rc_context(_STYLE):
        figure, axes = _figure(7, 1 + 0.18 * len(names) * (1 + len(models)))
        height = 0.8 / len(models)
        for index, (model, colour) in enumerate(_coloured(models)):
            found = _evaluation(model)
            shares = [100 * found.robustness.get(name, np.nan) for name in names]
            places = np.arange(len(names)) + (index + 0.5) * height - 0.4
            hatch = "///" if index >= len(COLOURS) else None
            axes.barh(
                places, shares, height, color=colour, label=model.name, hatch=hatch,
                edgecolor="white" if hatch else None, linewidth=0,
            )  # fmt: skip
            axes.axvline(100 * found.accuracy, color=colour, linewidth=0.8, linestyle="--")
        axes.set_yticks(range(len(names)), names)
        axes.invert_yaxis()
        axes.set(xlabel="accuracy, %; dashed: undistorted")
        axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=3)
        return _svg(figure, "robustness")


def _evaluation(model: ModelRecord) -> Evaluation:
    """Return the evaluation of a model that has one."""
    if model.evaluation is None:
        raise ValueError(f"{model.name} was not evaluated: it has no place in this plot")
    return model.evaluation


def _latency(model: ModelRecord) -> Latency:
    """Return the latency of a model that was timed."""
    if model.latency_ms is None:
        raise ValueError(f"{model.name} was not timed: it has no place in this plot")
    return model.latency_ms


def _by_powers(axes: Axes) -> None:
    """Make the x axis logarithmic, with plain numbers at it."""
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _coloured(models: Sequence[ModelRecord]) -> list[tuple[ModelRecord, str]]:
    return [(model, COLOURS[i % len(COLOURS)]) for i, model in enumerate(models)]


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def _svg(figure: Figure, name: str) -> str:
    """Return a figure as an SVG element; `name` keeps its inner ids apart from others'."""
    written = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name}):
        figure.savefig(written, format="svg", transparent=True, metadata={"Date": None})
    text = written.getvalue()
    return text[text.index("<svg") :].replace(INK, "currentColor")
