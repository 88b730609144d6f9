"""FER+: ten people's votes for each picture of FER2013 (Barsoum et al., 2016, arXiv 1608.01041).

The authors' rule: a single vote for a class counts as a slip; the label is the class with more
than half of what remains.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from fer_core.dataset import SPLIT_NAMES, FerDataset
from fer_core.errors import FerError
from fer_core.metrics import Float64Array
from fer_core.values import FloatArray, Int64Array

FERPLUS_LABELS = ("neutral", "happy", "surprise", "sad", "angry", "disgust", "fear", "contempt")
"""The eight classes in the order of the columns, in the words of FER2013.

FER+ says happiness, sadness and anger. `unknown` and `NF` (not a face) follow them.
"""
VOTES_FILE = "fer2013new.csv"
VOTE_COLUMNS = len(FERPLUS_LABELS) + 2
_ENOUGH_PICTURES = 200
_LEAST_KAPPA = 0.1
"""Cohen's kappa of votes and labels: 0.6 on FER2013, 0.17 on its two classes that people confuse
most, 0 once its pictures are shuffled."""


def votes_beside(data: Path) -> Path | None:
    """Return the votes file that lies beside a .csv or .npz, if one does."""
    usual = data.parent / VOTES_FILE
    return usual if data.is_file() and usual.is_file() else None


def read_votes(path: Path, dataset: FerDataset) -> Float64Array:
    """Return the votes (n, 10) of a data set's pictures, columns as in FERPLUS_LABELS and after.

    Args:
        path: FER+'s fer2013new.csv, in the row order of fer2013.csv.
        dataset: FER2013 from a table, perhaps some of its rows.

    Raises:
        FerError: The file cannot be read, its rows are not those of the data set, or the voters see
            something else than FER2013's labels say.
    """
    if not dataset.numbered:
        raise FerError(
            f"votes go with fer2013.csv or an .npz in its row order; {dataset.name} is a folder"
        )
    try:
        with path.open(newline="", encoding="utf-8") as file:
            records = list(csv.reader(file))[1:]
        usage = np.array([SPLIT_NAMES[record[0].strip().lower()] for record in records])
        votes = np.array([record[2 : 2 + VOTE_COLUMNS] for record in records], np.float64)
    except (OSError, ValueError, KeyError, IndexError, csv.Error) as error:
        raise FerError(f"cannot read FER+ votes from {path}: {error!r}") from error
    rows = dataset.rows  # a validation split may have been taken from training since
    if rows.max() >= len(votes) or ((usage[rows] == 2) != (dataset.split == 2)).any():
        raise FerError(
            f"the rows of {path} are not those of {dataset.name}; "
            "votes go with fer2013.csv in its official order"
        )
    votes = np.asarray(votes[rows], np.float64)
    if _contradict(votes, dataset):
        raise FerError(
            f"the votes of {path} are not of the pictures of {dataset.name}: they agree with its "
            "labels by chance alone; votes go with fer2013.csv in its official order"
        )
    return votes


def _contradict(votes: Float64Array, dataset: FerDataset) -> bool:
    """Return whether votes agree with FER2013's labels as those of other pictures would.

    Few pictures cannot tell, nor can pictures of which most have one label.
    """
    if not set(FERPLUS_LABELS) >= set(dataset.label_names):
        return False
    place = np.array([FERPLUS_LABELS.index(name) for name in dataset.label_names])
    majority = majority_of(votes)
    said, labels = majority[majority >= 0], place[dataset.labels[majority >= 0]]
    if len(said) < _ENOUGH_PICTURES:
        return False
    voted = np.bincount(said, minlength=len(FERPLUS_LABELS)) / len(said)
    labeled = np.bincount(labels, minlength=len(FERPLUS_LABELS)) / len(said)
    if labeled.max() > 0.5:
        return False
    by_chance = float(voted @ labeled)
    kappa = (float((said == labels).mean()) - by_chance) / (1 - by_chance)
    return kappa < _LEAST_KAPPA


def majority_labels(dataset: FerDataset, votes: Path) -> FerDataset:
    """Return FER2013 under FER+'s majority labels.

    Pictures without a majority, or called unknown or no face, are left out.

    Args:
        dataset: FER2013 from a table.
        votes: FER+'s fer2013new.csv.

    Raises:
        FerError: The votes are not of these pictures, or no picture has a majority.
    """
    majority = majority_of(read_votes(votes, dataset))
    kept = np.flatnonzero(majority >= 0)
    if len(kept) == 0:
        raise FerError(f"{votes} has no majority for any picture of {dataset.name}")
    return dataset.only(kept).relabelled(majority[kept], FERPLUS_LABELS)


def majority_of(votes: Float64Array) -> Int64Array:
    """Return the class (n,) int64 that most voters gave each picture, an index of FERPLUS_LABELS.

    It is -1 for pictures without a majority, or called unknown or no face.

    Args:
        votes: The votes (n, 10), as `read_votes` returns them.
    """
    counts = _without_slips(votes)
    winner = counts.argmax(axis=1).astype(np.int64)
    clear = counts.max(axis=1) > 0.5 * counts.sum(axis=1)
    return np.where(clear & (winner < len(FERPLUS_LABELS)), winner, -1)


def vote_shares(dataset: FerDataset, votes: Path) -> FloatArray:
    """Return the shares (n, classes) float32 of the votes for the labels, slips left out.

    Args:
        dataset: One that `majority_labels` made, perhaps without its empty classes: each picture
            has votes for its label.
        votes: FER+'s fer2013new.csv.

    Raises:
        FerError: The votes are not of these pictures.
    """
    columns = [FERPLUS_LABELS.index(name) for name in dataset.label_names]
    counts = _without_slips(read_votes(votes, dataset))[:, columns]
    return np.asarray(counts / counts.sum(axis=1, keepdims=True), np.float32)


def _without_slips(votes: Float64Array) -> Float64Array:
    return np.where(votes > 1, votes, 0.0)
