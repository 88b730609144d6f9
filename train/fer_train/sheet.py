"""Contact sheets: many small pictures with a line under each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from fer_core.dataset import FerDataset
from fer_core.text import on_paper
from fer_core.values import FloatArray, UInt8Array
from fer_train.figures import save_figure

COLUMNS = 10
MOST_TILES = 60


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
    figure = Figure(figsize=(COLUMNS * 1.15, rows * 1.5 + 0.5), layout="constrained")
    more = f" ({len(shown)} of {len(tiles)} shown)" if len(tiles) > len(shown) else ""
    figure.suptitle(on_paper(title) + more, fontsize=11)
    for axis in (axes := figure.subplots(rows, COLUMNS, squeeze=False)).flat:
        axis.set_axis_off()
    for axis, tile in zip(axes.flat, shown, strict=False):
        if tile is None:
            continue
        axis.imshow(tile.picture, cmap="gray", vmin=0, vmax=255)
        colour = "#c0392b" if tile.faulty else "black"
        place = {"ha": "center", "va": "top", "transform": axis.transAxes}
        axis.text(0.5, -0.04, on_paper(tile.caption), fontsize=7, color=colour, **place)
    save_figure(path, figure, dpi=110)


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
