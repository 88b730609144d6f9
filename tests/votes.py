"""Votes in the form of FER+'s fer2013new.csv."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fer_core.dataset import FerDataset

USAGE = ("Training", "PublicTest", "PrivateTest")
HEAD = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
_COLUMN_OF = {0: 4, 1: 5, 2: 6, 3: 1, 4: 3, 5: 2, 6: 0}


def write_rows(path: Path, dataset: FerDataset, votes: Sequence[Sequence[int]]) -> Path:
    """Write the given votes, one row a picture."""
    lines = [
        ",".join([USAGE[split], "fer.png", *map(str, row)])
        for split, row in zip(dataset.split, votes, strict=True)
    ]
    path.write_text("\n".join([HEAD, *lines]) + "\n")
    return path


def write_votes(path: Path, dataset: FerDataset, seed: int = 0) -> Path:
    """Write votes that mostly agree with FER2013's labels."""
    rng = np.random.default_rng(seed)
    rows = []
    for label in dataset.labels:
        votes = np.zeros(10, int)
        votes[_COLUMN_OF[int(label)]] = rng.integers(6, 10)
        votes[rng.integers(0, 8)] += 10 - votes.sum()
        rows.append(votes.tolist())
    return write_rows(path, dataset, rows)
