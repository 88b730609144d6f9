"""A contact sheet of a data set: a row of each class, then the pictures to doubt."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fer_core.dataset import SPLITS, FerDataset
from fer_core.labels import FER2013_LABELS
from fer_core.values import Int64Array
from fer_train.check import conflicting, top_votes
from fer_train.sheet import COLUMNS, Tile, save_sheet


def save_check_sheet(path: Path, dataset: FerDataset, votes: Path | None, seed: int = 1) -> None:
    """Draw ten pictures of each class, and up to ten of each kind of doubt with red captions."""
    rng = np.random.default_rng(seed)
    tiles: list[Tile | None] = []
    for index in range(len(dataset.label_names)):
        own = np.flatnonzero(dataset.labels == index)
        tiles += _row(dataset, rng.permutation(own)[:COLUMNS], "")
    for doubt, chosen in _doubts(dataset, votes).items():
        tiles += _row(dataset, rng.permutation(chosen)[:COLUMNS], doubt)
    save_sheet(path, tiles, f"{dataset.name}: {len(dataset)} pictures", most=len(tiles))


def _row(dataset: FerDataset, chosen: Int64Array, doubt: str) -> list[Tile | None]:
    """Return one row of tiles, filled up with gaps; no row for nothing."""
    tiles: list[Tile | None] = []
    for i in chosen:
        where = f"{SPLITS[dataset.split[i]]} {dataset.rows[i]}"
        caption = f"{dataset.label_names[dataset.labels[i]]}\n{doubt or where}"
        tiles.append(Tile(dataset.images[i], caption, faulty=bool(doubt)))
    return tiles + [None] * (-len(tiles) % COLUMNS)


def _doubts(dataset: FerDataset, votes: Path | None) -> dict[str, Int64Array]:
    found = {
        "blank": np.flatnonzero(dataset.blank()),
        "copy labeled\notherwise": np.flatnonzero(conflicting(dataset)),
    }
    if votes and dataset.label_names == FER2013_LABELS:
        top, no_face = top_votes(dataset, votes)
        found["no face (FER+)"] = np.flatnonzero(no_face)
        for index, name in enumerate(FER2013_LABELS):
            found[f"FER+: {name}"] = np.flatnonzero((top == index) & (dataset.labels != index))
    return {doubt: chosen.astype(np.int64) for doubt, chosen in found.items()}
