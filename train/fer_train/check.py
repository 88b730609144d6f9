"""What a data set holds, to be read before hours are spent on it."""

from __future__ import annotations

import numpy as np

from fer_core.dataset import SPLITS, FerDataset
from fer_core.labels import FER2013_COUNTS, FER2013_LABELS


def describe_dataset(dataset: FerDataset) -> str:
    """Return counts by class and split, twins and blanks, and whether it is the whole FER2013."""
    counts = dataset.class_counts()
    lines = [dataset.describe(), "", "".join(f"{word:>12}" for word in ("", *SPLITS))]
    for index, name in enumerate(dataset.label_names):
        lines.append("".join(f"{cell:>12}" for cell in (name, *counts[:, index])))
    if dataset.label_names == FER2013_LABELS:
        whole = np.array_equal(counts, FER2013_COUNTS)
        verdict = "are" if whole else "are not"
        lines += ["", f"these {verdict} the published counts of FER2013"]
    return "\n".join(lines)
