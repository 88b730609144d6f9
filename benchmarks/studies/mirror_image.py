"""What the mean with the mirror image gains: twice the time for each face.

    python benchmarks/studies/mirror_image.py --data fer2013.npz --elsewhere ck48.npz web131.npz

For fer-nano, fer-small and fer-base it prints, in percent, alone and with the mirror image: the
accuracy on PublicTest, and the balanced accuracy on each set from elsewhere. Decision 9 has what it
printed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from fer_core.dataset import FerDataset
from fer_core.labels import FER2013_LABELS
from fer_core.metrics import classification_report
from fer_core.readers import load_dataset
from fer_core.values import FloatArray
from fer_edge.inference.interpreter import TfliteModel
from fer_edge.inference.models import load_model

MODELS = ("fer-nano", "fer-small", "fer-base")


def answers(model: TfliteModel, pictures: FerDataset, mirrored: bool) -> FloatArray:
    """Return the probabilities (n, classes) of pictures, or of their mirror images."""
    pixels = pictures.pixels[:, :, ::-1] if mirrored else pictures.pixels
    return np.stack([model.probabilities(np.ascontiguousarray(each)) for each in pixels])


def main() -> None:
    """Print a row for each model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--elsewhere", type=Path, nargs="+", default=[])
    given = parser.parse_args()
    public = load_dataset(given.data).part("validation")
    sets = [load_dataset(path).in_order(FER2013_LABELS) for path in given.elsewhere]
    for name in MODELS:
        model, cells = TfliteModel(load_model(name)), []
        for pictures in (public, *sets):
            alone = answers(model, pictures, mirrored=False)
            both = (alone + answers(model, pictures, mirrored=True)) / 2
            reports = [
                classification_report(each, pictures.labels, FER2013_LABELS)
                for each in (alone, both)
            ]
            figures = [r.accuracy if pictures is public else r.macro_recall for r in reports]
            cells.append(", ".join(f"{100 * figure:.1f}" for figure in figures))
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
