"""The pictures of a run: curves, confusion matrix, what the first convolution sees."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from fer_core.metrics import ClassificationReport
from fer_core.text import on_paper
from fer_core.values import FloatArray
from fer_train.figures import save_figure

if TYPE_CHECKING:
    import keras

_CURVES = ("loss", "accuracy", "precision", "recall")
_TRAINING, _VALIDATION = "#8a8f98", "#1f6feb"


def save_curves(path: Path, history: list[dict[str, float]], best_epoch: int) -> None:
    """Draw the figures of both splits over the epochs; the best epoch is marked."""
    figure = Figure(figsize=(14, 3.4), layout="constrained")
    epochs = [row["epoch"] for row in history]
    for axis, quantity in zip(figure.subplots(1, len(_CURVES)), _CURVES, strict=True):
        axis.plot(epochs, [row[quantity] for row in history], color=_TRAINING, label="training")
        judged = [row[f"val_{quantity}"] for row in history]
        axis.plot(epochs, judged, color=_VALIDATION, label="validation")
        axis.plot(best_epoch, judged[best_epoch - 1], "o", color=_VALIDATION, label="best epoch")
        axis.set(xlabel="epoch", title=quantity)
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.grid(alpha=0.3)
    axis.legend(frameon=False)
    save_figure(path, figure)


def save_confusion(path: Path, report: ClassificationReport, title: str) -> None:
    """Draw the confusion matrix, each row as shares of the true class."""
    share = report.confusion / np.maximum(report.support[:, None], 1)
    ticks = range(len(report.labels))
    figure = Figure(figsize=(6.4, 5.8), layout="constrained")
    axis = figure.subplots()
    axis.imshow(share, cmap="Blues", vmin=0, vmax=1)
    labels = [on_paper(label) for label in report.labels]
    axis.set_xticks(ticks, labels, rotation=45, ha="right")
    axis.set_yticks(ticks, labels)
    title = f"{on_paper(title)}: accuracy {report.accuracy:.1%}"
    axis.set(xlabel="predicted", ylabel="true", title=title)
    for row in ticks:
        for column in ticks:
            colour = "white" if share[row, column] > 0.5 else "black"
            text = f"{share[row, column]:.0%}"
            axis.text(column, row, text, ha="center", va="center", color=colour, fontsize=9)
    save_figure(path, figure)


def save_feature_maps(path: Path, model: keras.Model, picture: FloatArray) -> None:
    """Draw a picture (h, w, c), -1 to 127/128, beside the maps of the first convolution."""
    import keras

    first = next(layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D))
    maps = keras.ops.convert_to_numpy(keras.Model(model.input, first.output)(picture[None]))[0]
    columns = 8
    rows = -(-maps.shape[-1] // columns)
    figure = Figure(figsize=(columns * 1.1 + 2.2, max(rows, 2) * 1.1), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(2, columns))
    shown = np.asarray((picture.squeeze() + 1) / 2, np.float32)
    _show(left, shown, "gray", "input")
    _show(right, _mosaic(maps, columns), "viridis", "first convolution")
    save_figure(path, figure)


def _mosaic(maps: FloatArray, columns: int) -> FloatArray:
    """Return maps (h, w, n) in rows as one picture, each scaled to 0 to 1, with gaps of NaN."""
    height, width, count = maps.shape
    lowest, highest = maps.min((0, 1)), maps.max((0, 1))
    rows, high, wide = -(-count // columns), height + 2, width + 2
    tiles = np.full((rows * columns, high, wide), np.nan, np.float32)
    scaled = (maps - lowest) / np.maximum(highest - lowest, 1e-12)
    tiles[:count, 1:-1, 1:-1] = np.moveaxis(scaled, -1, 0)
    in_rows = tiles.reshape(rows, columns, high, wide).swapaxes(1, 2)
    return in_rows.reshape(rows * high, columns * wide)


def _show(axis: Any, picture: FloatArray, colours: str, title: str) -> None:
    axis.imshow(picture, cmap=colours)
    axis.set_title(title)
    axis.set_axis_off()
