"""What a data set holds and what is wrong with it, to be read before hours are spent on it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from fer_core.dataset import SPLITS, FerDataset
from fer_core.errors import ArgumentError, FerError
from fer_core.ferplus import (
    FERPLUS_LABELS,
    VOTE_COLUMNS,
    read_votes,
    votes_beside,
)
from fer_core.labels import FER2013_COUNTS, FER2013_LABELS
from fer_core.text import counted
from fer_core.values import BoolArray, Int64Array

SHOWN_FAULTS = 20
FEW_OF_A_CLASS, ENOUGH_OF_A_CLASS = 30, 60
"""Training pictures of a class that are said to be few, and that fine-tuning asks for."""
_NOT_A_FACE = len(FERPLUS_LABELS) + 1


def usable_votes(dataset: FerDataset, data: Path, named: Path | None) -> tuple[Path | None, str]:
    """Return the votes of FER+ to use, and what to say of those left out.

    Args:
        dataset: The data set.
        data: Where it is. Votes beside it that are of other pictures are left out.
        named: The votes that the user names, or None.

    Raises:
        ArgumentError: They are named for other classes than FER2013's.
    """
    if named and dataset.label_names != FER2013_LABELS:
        raise ArgumentError(
            f"--votes is for FER2013's classes; {dataset.name} has {', '.join(dataset.label_names)}"
        )
    if named:
        return named, ""
    votes = votes_beside(data)
    if votes is None:
        return None, ""
    try:
        read_votes(votes, dataset)
    except FerError as error:
        return None, f"without the votes next to the data: {error}"
    return votes, ""


def describe_dataset(dataset: FerDataset, votes: Path | None = None) -> str:
    """Return counts, faults, duplicates and leaks as text, and label noise where votes are given.

    Args:
        dataset: The data set.
        votes: FER+'s fer2013new.csv, or None.

    Raises:
        FerError: The votes are not of these pictures.
    """
    lines = [dataset.describe(), "", *_counts(dataset), "", *_duplicates(dataset)]
    if dataset.label_names == FER2013_LABELS:
        whole = np.array_equal(dataset.class_counts(), FER2013_COUNTS)
        verdict = "are" if whole else "are not"
        lines += ["", f"these {verdict} the published counts of FER2013"]
        if votes:
            lines += ["", *_label_noise(dataset, votes)]
    shown = [f"  {fault}" for fault in dataset.faults[:SHOWN_FAULTS]]
    if dataset.faults:
        lines += ["", f"{counted(len(dataset.faults), 'bad row')}, left out here:", *shown]
    if len(dataset.faults) > SHOWN_FAULTS:
        lines.append(f"  and {len(dataset.faults) - SHOWN_FAULTS} more")
    return "\n".join(lines)


def few_of_a_class(counts: Mapping[str, int]) -> list[str]:
    """Return a line on the classes that have fewer than FEW_OF_A_CLASS, none without such classes.

    Args:
        counts: Pictures to learn from, by class.
    """
    few = [f"{label} {n}" for label, n in counts.items() if n < FEW_OF_A_CLASS]
    if not few:
        return []
    return [f"few pictures ({', '.join(few)}): take {ENOUGH_OF_A_CLASS} or more of each class"]


def _counts(dataset: FerDataset) -> list[str]:
    counts = dataset.class_counts()
    wide = max(12, *(len(name) + 2 for name in dataset.label_names))
    rows = [("", *SPLITS), *((name, *counts[:, i]) for i, name in enumerate(dataset.label_names))]
    lines = [f"{name:>{wide}}" + "".join(f"{cell:>12}" for cell in cells) for name, *cells in rows]
    present = counts.sum(axis=0)
    lines.append(f"largest class / smallest class: {present.max() / max(1, present.min()):.1f}")
    empty = [
        n for n, count in zip(dataset.label_names, counts.sum(axis=0), strict=True) if not count
    ]
    if empty:
        lines.append(f"no picture of {', '.join(empty)}: fer-train leaves that out")
    without = zip(dataset.label_names, counts[0], strict=True)
    untaught = [name for name, count in without if not count and name not in empty]
    if untaught:
        lines.append(f"no training picture of {', '.join(untaught)}: fer-train refuses that")
    learned = zip(dataset.label_names, counts[:2].sum(axis=0).tolist(), strict=True)
    lines += few_of_a_class({label: n for label, n in learned if label not in [*empty, *untaught]})
    return lines


def _duplicates(dataset: FerDataset) -> list[str]:
    """Return lines on exact duplicates, and on those whose copies are labeled differently."""
    ids = dataset.picture_ids()
    sizes = np.bincount(ids)
    groups = int((sizes > 1).sum())
    if not groups:
        return ["exact duplicates: none"]
    odd = conflicting(dataset)
    lines = [f"exact duplicates: {int((sizes - 1).sum())} surplus pictures in {groups} groups"]
    if odd.any():
        many = len(np.unique(ids[odd]))
        lines.append(f"  {many} groups ({int(odd.sum())} pictures) are labeled differently")
    return lines


def conflicting(dataset: FerDataset) -> BoolArray:
    """Return (n,) whether an exact copy of the picture carries another label."""
    ids = dataset.picture_ids()
    lowest = np.full(ids.max() + 1, len(dataset.label_names), np.int64)
    highest = np.full(ids.max() + 1, -1, np.int64)
    np.minimum.at(lowest, ids, dataset.labels)
    np.maximum.at(highest, ids, dataset.labels)
    return np.asarray((lowest != highest)[ids], np.bool_)


def top_votes(dataset: FerDataset, votes: Path) -> tuple[Int64Array, BoolArray]:
    """Return what the voters of FER+ see most.

    Returns:
        The index into FER2013's labels, (n,) int64, -1 for none; and (n,) whether it is no face.

    Raises:
        FerError: The votes are not of these pictures.
    """
    counts = read_votes(votes, dataset)
    index = np.full(VOTE_COLUMNS, -1)
    for place, label in enumerate(FER2013_LABELS):
        index[FERPLUS_LABELS.index(label)] = place
    winner = counts.argmax(axis=1)
    return index[winner].astype(np.int64), np.asarray(winner == _NOT_A_FACE, np.bool_)


def _label_noise(dataset: FerDataset, votes: Path) -> list[str]:
    top, no_face = top_votes(dataset, votes)
    same = top == dataset.labels
    lines = ["FER+: ten people's top vote is the label for"]
    for index, split in enumerate(SPLITS):
        part = dataset.split == index
        if part.any():
            lines.append(f"{split:>12}  {same[part].mean():.1%}")
    for index, name in enumerate(dataset.label_names):
        part = dataset.labels == index
        if not part.any():
            continue
        others = np.bincount(top[part & ~same & (top >= 0)], minlength=len(dataset.label_names))
        often = dataset.label_names[int(others.argmax())]
        lines.append(f"{name:>12}  {same[part].mean():.1%}, else most often {often}")
    lines.append(f"FER+ calls {int(no_face.sum())} pictures no face")
    return lines
