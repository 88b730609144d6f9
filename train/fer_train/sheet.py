"""Contact sheets: many small pictures with a line under each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fer_core.dataset import FerDataset
from fer_core.text import on_paper
from fer_core.values import FloatArray, UInt8Array
from fer_train.figures import save_figure

COLUMNS = 10
MOST_TILES = 60
CELL = (1.15, 1.5)
"""Width and height of a tile in inches: an inch of picture, and its caption below."""
TITLE = 0.4


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """A picture, (h, w) gray or (h, w, 3) RGB uint8, and what is written under it."""

    picture: UInt8Array
    caption: str
    faulty: bool = False


def save_sheet(
    path: Path, tiles: Sequence[Tile | None], title: str, most: int = MOST_TILES
) -> None:
    """Draw tiles in rows.

    Args:
        path: The picture to write.
        tiles: The tiles; None is a gap, faulty ones have a red caption.
        title: What stands above them.
        most: How many are drawn at most.
    """
    shown = tiles[:most]
    rows = max(1, -(-len(shown) // COLUMNS))
    width, height = COLUMNS * CELL[0], rows * CELL[1]
    figure = Figure(figsize=(width, height + TITLE))
    more = f" ({len(shown)} of {len(tiles)} shown)" if len(tiles) > len(shown) else ""
    figure.suptitle(on_paper(title) + more, fontsize=11, y=1 - TITLE / 3 / (height + TITLE))
    # One axis in inches for all: an axis for each tile takes three times as long.
    axis = figure.add_axes((0, 0, 1, height / (height + TITLE)), xlim=(0, width), ylim=(height, 0))
    axis.set_axis_off()
    axis.set_autoscale_on(False)
    for place, tile in enumerate(shown):
        if tile is not None:
            row, column = divmod(place, COLUMNS)
            _draw(axis, tile, (column + 0.5) * CELL[0], row * CELL[1])
    save_figure(path, figure, dpi=110)


def _draw(axis: Axes, tile: Tile, middle: float, top: float) -> None:
    rows, columns = tile.picture.shape[:2]
    width, height = (side / max(rows, columns) for side in (columns, rows))
    left, bottom = middle - width / 2, top + 0.5 + height / 2
    extent = (left, left + width, bottom, bottom - height)
    axis.imshow(tile.picture, cmap="gray", vmin=0, vmax=255, extent=extent, aspect="auto")
    colour = "#c0392b" if tile.faulty else "black"
    text = axis.text(middle, bottom + 0.04, on_paper(tile.caption), ha="center", va="top")
    text.set(fontsize=7, color=colour)


def save_mistakes(path: Path, dataset: FerDataset, probabilities: FloatArray) -> None:
    """Draw the pictures that were judged wrong with the most confidence, the worst first."""
    answers = probabilities.argmax(axis=1)
    confidence = probabilities.max(axis=1)
    wrong = np.flatnonzero(answers != dataset.labels)
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")]
    names = dataset.label_names
    tiles = [
        Tile(
            dataset.images[i],
            f"{names[dataset.labels[i]]}, row {dataset.rows[i]}\n"
            f"seen as {names[answers[i]]} {confidence[i]:.0%}",
        )
        for i in worst
    ]
    save_sheet(path, tiles, f"{len(wrong)} of {len(dataset)} judged wrong, the surest first")
